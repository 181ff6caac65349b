"""What Kubeflow refuses, in small packages that each have one thing wrong, and that it takes the real one."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.kubeflow.packages import Step, documents, write
from tests.kubeflow.platform.package import Package, RefusedError, load_package, submitted_parameters

STEPS = {
    "make": Step(outputs={"made": "test.Made"}, parameters={"text": "$text"}),
    "use": Step(inputs={"made": "make.made"}, config={"pvcMount": [{"constant": "data", "mountPath": "/data"}]}),
}
TEXT = {"text": {"parameterType": "STRING"}}


def executor(spec: dict[str, Any], name: str = "use") -> dict[str, Any]:
    found: dict[str, Any] = spec["deploymentSpec"]["executors"][f"exec-{name}"]
    return found


def tasks(spec: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = spec["root"]["dag"]["tasks"]
    return found


def configs(platform: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    return found


def resolver(spec: dict[str, Any], platform: dict[str, Any]) -> None:
    del executor(spec)["container"]
    executor(spec)["resolver"] = {"outputArtifactQueries": {}}


def driver_hook(spec: dict[str, Any], platform: dict[str, Any]) -> None:
    executor(spec)["container"]["lifecycle"] = {"preCacheCheck": {"command": ["python"]}}


def illegal_name(spec: dict[str, Any], platform: dict[str, Any]) -> None:
    tasks(spec)["make.use"] = tasks(spec).pop("use")


def driver_s_name(spec: dict[str, Any], platform: dict[str, Any]) -> None:
    tasks(spec)["make-driver"] = tasks(spec).pop("use")


def pipeline_name(spec: dict[str, Any], platform: dict[str, Any]) -> None:
    spec["pipelineInfo"]["name"] = "Emotion_AI"


def unknown_field(spec: dict[str, Any], platform: dict[str, Any]) -> None:
    tasks(spec)["use"]["retries"] = 2


def unknown_platform_field(spec: dict[str, Any], platform: dict[str, Any]) -> None:
    configs(platform)["exec-use"]["nodeSelectors"] = {"labels": {}}


def volume_without_name(spec: dict[str, Any], platform: dict[str, Any]) -> None:
    configs(platform)["exec-use"]["pvcMount"] = [{"mountPath": "/data"}]


def config_of_nobody(spec: dict[str, Any], platform: dict[str, Any]) -> None:
    configs(platform)["exec-used"] = {}


def misspelt_platform(spec: dict[str, Any], platform: dict[str, Any]) -> None:
    platform["platform"] = platform.pop("platforms")


def old_schema(spec: dict[str, Any], platform: dict[str, Any]) -> None:
    spec["schemaVersion"] = "2.0.0"


def unknown_producer(spec: dict[str, Any], platform: dict[str, Any]) -> None:
    del tasks(spec)["make"]


def unknown_executor(spec: dict[str, Any], platform: dict[str, Any]) -> None:
    del spec["deploymentSpec"]["executors"]["exec-make"]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (resolver, r"executor\(label=\"exec-use\"\): non-container and non-importer executor not implemented"),
        (driver_hook, "its lifecycle hook would never run"),
        (illegal_name, "invalid task 'make.use'"),
        (driver_s_name, "duplicated nodeName make-driver"),
        (pipeline_name, "Emotion_AI is no name for a Kubernetes object"),
        (unknown_field, 'no field named "retries"'),
        (unknown_platform_field, 'exec-use: unknown field "nodeSelectors"'),
        (volume_without_name, "volume name not provided"),
        (config_of_nobody, "no executor exec-used"),
        (misspelt_platform, 'no field named "platform"'),
        (old_schema, "only supports schema version 2.1.0"),
        (unknown_producer, 'unknown producer task "make" in DAG'),
        (unknown_executor, 'executor(label="exec-make") not found'),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_what_kubeflow_does_not_know_is_refused(
    tmp_path: Path, damage: Callable[[dict[str, Any], dict[str, Any]], None], message: str
) -> None:
    spec, platform = copy.deepcopy(documents(STEPS, TEXT))
    assert load_package(write(tmp_path / "good.yaml", spec, platform)).dependencies("use") == {"make"}
    damage(spec, platform)
    with pytest.raises(RefusedError, match=message if "\\" in message else re.escape(message)):
        load_package(write(tmp_path / "bad.yaml", spec, platform))


def test_two_pipelines_in_one_file_are_refused(tmp_path: Path) -> None:
    spec, _ = documents(STEPS, TEXT)
    with pytest.raises(RefusedError, match="multiple pipeline specs"):
        load_package(write(tmp_path / "two.yaml", spec, spec))


def test_a_fingerprint_that_go_takes_for_a_number_is_a_number(tmp_path: Path) -> None:
    """PyYAML writes 12e45 without quotes, and reads it as a text."""
    spec, platform = documents({"make": Step(parameters={"fingerprint": "12e45"})})
    path = write(tmp_path / "number.yaml", spec, platform)
    assert "constant: 12e45" in path.read_text()
    package = load_package(path)
    assert package.tasks["make"].inputs.parameters["fingerprint"].runtime_value.constant.HasField("number_value")


def test_parameters_are_given_or_have_a_default(tmp_path: Path) -> None:
    parameters = {
        "needed": {"parameterType": "STRING"},
        "kept": {"parameterType": "STRING", "defaultValue": "as it is", "isOptional": True},
        "number": {"parameterType": "NUMBER_INTEGER", "defaultValue": 3},
        "nothing": {"parameterType": "STRING", "isOptional": True},
    }
    package = load_package(write(tmp_path / "p.yaml", *documents({"make": Step()}, parameters)))
    values = submitted_parameters(package, {"needed": "x", "number": 4})
    assert values["needed"].string_value == "x"
    assert values["kept"].string_value == "as it is"
    assert values["number"].number_value == 4
    assert values["nothing"].WhichOneof("kind") == "null_value"
    for given, message in (
        ({}, "parameter needed is not optional"),
        ({"needed": "x", "neded": "y"}, "not required by pipeline: neded"),
        ({"needed": 1}, "parameter needed requires another type"),
    ):
        with pytest.raises(RefusedError, match=message):
            submitted_parameters(package, given)


def test_equal_containers_share_the_first_component(tmp_path: Path) -> None:
    same = {"command": ["true"]}
    spec, platform = documents({"first": Step(container=same), "second": Step(container=same)})
    spec["components"]["first"]["outputDefinitions"] = {"artifacts": {"one": {"artifactType": {"schemaTitle": "a.B"}}}}
    package = load_package(write(tmp_path / "p.yaml", spec, platform))
    assert list(package.component("second").output_definitions.artifacts) == ["one"]
    executor(spec, "second")["container"]["command"] = ["false"]
    package = load_package(write(tmp_path / "p.yaml", spec, platform))
    assert not package.component("second").output_definitions.artifacts


def test_the_package_is_taken(package: Package) -> None:
    assert package.name == "emotion-ai"
    with pytest.raises(RefusedError, match="parameter data_version is not optional"):
        submitted_parameters(package, {})
    assert submitted_parameters(package, {"data_version": "1"})["keypoints_csv"].string_value == "/data/training.csv"


def test_tasks_are_found_by_their_names_on_all_releases(package: Package) -> None:
    assert all(task.task_info.name == key for key, task in package.tasks.items())


def test_no_task_gets_the_inputs_or_outputs_of_another_one(package: Package) -> None:
    """Where containers are equal, see Package.component."""
    for name, task in package.tasks.items():
        own = package.spec.components[task.component_ref.name]
        assert package.component(name).input_definitions == own.input_definitions, name
        assert package.component(name).output_definitions == own.output_definitions, name
