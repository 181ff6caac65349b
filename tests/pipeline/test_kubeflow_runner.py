"""The compiled package. The golden one is under review: a change of it is a change of what runs on Kubeflow.

To write it anew: python -m tests.pipeline.test_kubeflow_runner
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from components.errors import InputError
from pipeline.cli import app
from pipeline.config import load_settings
from pipeline.kubeflow_runner import compile_package
from pipeline.on_kubeflow.package import Package, read_package
from pipeline.tasks import TASKS

GOLDEN = Path(__file__).parent / "on_kubeflow" / "golden" / "emotion-ai.yaml"
PLATFORM = """
image: registry.example.org/faces:7
data: /faces
models: /served
all: {volumes: [{claim: faces, mount: /faces}, {claim: served, mount: /served}]}
beam_args: [--runner=FlinkRunner]
components:
  EmotionTrainer: {memory_gb: 16, secrets: [{secret: bucket, key: token, env: TOKEN}]}
"""
SETTINGS = "emotion: {training: {epochs: 3}, thresholds: {accuracy: {at_least: 0.99}}}"


def compiled(
    out: Path, settings: Path | None = None, platform: Path | None = None, image: str | None = None
) -> Package:
    return compile_package(load_settings(settings, {}), platform, image, "golden", out)


@pytest.fixture(scope="module")
def package() -> Package:
    return read_package(GOLDEN)


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Package:
    folder = tmp_path_factory.mktemp("changed")
    (folder / "platform.yaml").write_text(PLATFORM)
    (folder / "settings.yaml").write_text(SETTINGS)
    return compiled(folder / "package.yaml", folder / "settings.yaml", folder / "platform.yaml")


def tasks(package: Package) -> dict[str, Any]:
    found: dict[str, Any] = package.root["dag"]["tasks"]
    return found


def container(package: Package, node: str) -> dict[str, Any]:
    found: dict[str, Any] = package.executors[package.components[node]["executorLabel"]]["container"]
    return found


def constant(package: Package, node: str, name: str) -> Any:
    return tasks(package)[node]["inputs"]["parameters"][name]["runtimeValue"]["constant"]


def test_the_golden_package_is_what_is_compiled(tmp_path: Path) -> None:
    compiled(tmp_path / "package.yaml")
    assert (tmp_path / "package.yaml").read_text() == GOLDEN.read_text(), (
        "look at the difference; if it is meant: python -m tests.pipeline.test_kubeflow_runner"
    )


def test_run_time_parameters_have_defaults_and_say_what_they_mean(package: Package) -> None:
    parameters = package.root["inputDefinitions"]["parameters"]
    required = {name for name, field in parameters.items() if not field.get("isOptional")}
    # Nobody but who starts a run knows whether the data have changed.
    assert required == {"data_version"}
    assert all(field["parameterType"] == "STRING" and field["description"] for field in parameters.values())
    assert parameters["keypoints_csv"]["defaultValue"] == "/data/training.csv"
    training = json.loads(parameters["emotion_training"]["defaultValue"])["training"]
    assert training == load_settings(None, {}).emotion.training.model_dump()


def test_the_data_version_reaches_what_reads_the_data(package: Package) -> None:
    for task in TASKS:
        inputs = tasks(package)[task.node_id("ExampleGen")]["inputs"]["parameters"]
        assert inputs["data_fingerprint"] == {"componentInputParameter": "data_version"}


def test_all_but_the_pushers_may_be_cached(package: Package) -> None:
    never = {node for node, task in tasks(package).items() if not task.get("cachingOptions", {}).get("enableCache")}
    assert never == {"EmotionPusher", "KeypointsPusher"}


def test_every_node_is_the_same_as_locally_and_starts_by_the_entrypoint(package: Package) -> None:
    assert len(tasks(package)) == 32
    for node, task in tasks(package).items():
        assert task["taskInfo"]["name"] == node
        assert task["retryPolicy"]["maxRetryCount"] == 2
        found = container(package, node)
        assert found["image"] == "emotion-ai:v0.1.0"
        assert found["command"] == ["python", "-m", "pipeline.on_kubeflow.runtime"]
        assert found["resources"]["memoryLimit"] >= 2
    # Kubeflow would take nodes with equal containers for one component.
    assert len({json.dumps(container(package, node), sort_keys=True) for node in tasks(package)}) == 32
    assert container(package, "EmotionTrainer")["resources"]["cpuLimit"] == 4
    assert container(package, "EmotionEvaluator")["resources"]["memoryLimit"] == 4


def environment(package: Package, node: str) -> dict[str, str]:
    return {variable["name"]: variable["value"] for variable in container(package, node)["env"]}


def test_trainers_keep_their_checkpoints_on_the_volume_of_the_models(package: Package, changed: Package) -> None:
    assert environment(package, "EmotionTrainer")["CHECKPOINTS"] == "/models/.checkpoints"
    assert environment(changed, "KeypointsTrainer")["CHECKPOINTS"] == "/served/.checkpoints"
    assert "CHECKPOINTS" not in environment(package, "EmotionTransform")


def test_nothing_of_this_machine_is_in_the_package(package: Package) -> None:
    assert str(Path(__file__).parents[2]) not in GOLDEN.read_text()
    assert constant(package, "EmotionSchema", "schema_file") == "/app/schemas/emotion.pbtxt"


def test_a_platform_file_changes_what_it_names(changed: Package) -> None:
    assert container(changed, "EmotionTrainer")["image"] == "registry.example.org/faces:7"
    assert container(changed, "EmotionTrainer")["resources"]["memoryLimit"] == 16
    assert container(changed, "KeypointsTrainer")["resources"]["memoryLimit"] == 8
    assert "--runner=FlinkRunner" in container(changed, "EmotionTransform")["args"]
    assert constant(changed, "EmotionPusher", "model_base_path") == "/served/emotion_ai"
    parameters = changed.root["inputDefinitions"]["parameters"]
    assert parameters["emotions_csv"]["defaultValue"] == "/faces/icml_face_data.csv"
    [secret] = changed.kubernetes["EmotionTrainer_executor"]["secretAsEnv"]
    assert secret == {"secretName": "bucket", "keyToEnv": [{"secretKey": "token", "envVar": "TOKEN"}]}
    assert "secretAsEnv" not in changed.kubernetes["KeypointsTrainer_executor"]


def test_settings_become_defaults_and_thresholds(changed: Package) -> None:
    parameters = changed.root["inputDefinitions"]["parameters"]
    assert json.loads(parameters["emotion_training"]["defaultValue"])["training"]["epochs"] == 3
    assert json.loads(constant(changed, "EmotionBlessingGen", "thresholds"))["all_rows"]["accuracy"]["at_least"] == 0.99


@pytest.mark.parametrize(
    ("platform", "words"),
    [("components: {EmotionTuner: {cpu: 1}}", "no such node"), ("all: {memory: 2}", "unknown key 'all.memory'")],
)
def test_a_wrong_platform_file_writes_nothing(platform: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "platform.yaml").write_text(platform)
    with pytest.raises(InputError, match=words):
        compiled(tmp_path / "package.yaml", platform=tmp_path / "platform.yaml")
    assert not (tmp_path / "package.yaml").exists()


def test_the_command_writes_it_and_says_what_is_next(tmp_path: Path) -> None:
    out = tmp_path / "faces.yaml"
    options = ["--out", str(out), "--image", "faces:9", "--workspace", str(tmp_path)]
    result = CliRunner().invoke(app, ["compile", *options])
    assert result.exit_code == 0, result.output
    assert container(read_package(out), "EmotionTrainer")["image"] == "faces:9"


def test_a_timeout_without_waiting_is_refused(tmp_path: Path) -> None:
    options = ["--host", "http://localhost", "--timeout", "5", "--workspace", str(tmp_path)]
    result = CliRunner().invoke(app, ["submit", str(GOLDEN), *options])
    assert result.exit_code == 1
    assert "--timeout: says how long to --wait" in result.stderr


def test_the_command_refuses_another_suffix(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["compile", "--out", str(tmp_path / "faces.json")])
    assert result.exit_code == 1
    assert "Kubeflow takes packages named .yaml" in result.stderr


if __name__ == "__main__":
    compiled(GOLDEN)
