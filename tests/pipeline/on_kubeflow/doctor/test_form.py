"""What the doctor says of a package's form, names and sizes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.on_kubeflow.doctor.packages import (
    Damage,
    Damaged,
    assert_found,
    make,
    problems_of,
    put,
)


def _rename(old: str, new: str) -> Callable[[Damaged], None]:
    def damage(package: Damaged) -> None:
        package.tasks[new] = package.tasks.pop(old)
        package.tasks[new]["taskInfo"] = {"name": new}
        for task in package.tasks.values():
            task["dependentTasks"] = [new if name == old else name for name in task.get("dependentTasks", [])]
            inputs = task["inputs"]
            for source in (*inputs.get("artifacts", {}).values(), *inputs.get("parameters", {}).values()):
                for kind in ("taskOutputArtifact", "taskOutputParameter"):
                    if source.get(kind, {}).get("producerTask") == old:
                        source[kind]["producerTask"] = new

    return damage


def _driver(package: Damaged) -> None:
    package.tasks["make-driver"] = {**package.tasks["make"], "taskInfo": {"name": "make-driver"}}


def _same_container(package: Damaged) -> None:
    package.executors["exec-use"] = package.executors["exec-make"]


def _spec(package: Damaged) -> dict[str, Any]:
    return package.spec


def _nested(package: Damaged) -> None:
    package.components["inner"] = {
        "dag": {
            "tasks": {
                "make": {
                    "taskInfo": {"name": "make"},
                    "componentRef": {"name": "make"},
                    "inputs": {"parameters": {"rows": {"componentInputParameter": "rows"}}},
                }
            }
        },
        "inputDefinitions": {"parameters": {"rows": {"parameterType": "NUMBER_INTEGER"}}},
    }
    package.tasks["inner"] = {
        "taskInfo": {"name": "inner"},
        "componentRef": {"name": "inner"},
        "inputs": {"parameters": {"rows": {"runtimeValue": {"constant": 2}}}},
    }


_DAMAGES: dict[str, tuple[Damage, str, str, str]] = {
    "old schema": (put(_spec, schemaVersion="2.0.0"), "error", "", "schemaVersion is '2.0.0'"),
    "default root": (put(_spec, defaultPipelineRoot="gs://bucket/x"), "warning", "", "does not read the default"),
    "local root": (put(_spec, defaultPipelineRoot="/home/me"), "error", "", "no object store"),
    "pipeline's name": (put(_spec, pipelineInfo={"name": "Taxi_1"}), "error", "", "'Taxi_1' cannot name"),
    "pipeline's long name": (put(_spec, pipelineInfo={"name": "a" * 129}), "error", "", "129 characters"),
    "task's name": (_rename("make", "Make.it"), "error", "Make.it", "refuses the name 'Make.it'"),
    "task's long name": (_rename("make", "m" * 125), "error", "m" * 125, "132 characters long"),
    "name of a driver": (_driver, "error", "make-driver", "the driver of 'make'"),
    "no task info": (lambda package: package.tasks["use"].pop("taskInfo"), "error", "use", "taskInfo.name is missing"),
    "display name": (
        put(lambda package: package.tasks["make"], taskInfo={"name": "Make it"}),
        "warning",
        "make",
        "'Make it' differs",
    ),
    "unknown field of a container": (put(make, imgae="x"), "warning", "make", "exec-make.container.imgae is skipped"),
    "long argument": (put(make, args=["x" * 140_000]), "error", "make", "Linux takes 128 KiB"),
    "same container": (_same_container, "error", "use", "same as that of make"),
}


@pytest.mark.parametrize("name", _DAMAGES)
def test_a_damage_is_named_with_its_node_and_a_remedy(name: str, tmp_path: Path) -> None:
    assert_found(*_DAMAGES[name], tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        _nested,
    ],
)
def test_what_is_right_is_not_named(change: Damage, tmp_path: Path) -> None:
    assert problems_of(change, tmp_path) == []


def test_nothing_is_wrong_with_a_sound_package(tmp_path: Path) -> None:
    assert problems_of(lambda package: None, tmp_path) == []


def test_problems_of_tasks_within_tasks_name_both(tmp_path: Path) -> None:
    def damage(package: Damaged) -> None:
        _nested(package)
        package.components["inner"]["dag"]["tasks"]["make"]["dependentTasks"] = ["gone"]

    assert [problem.node for problem in problems_of(damage, tmp_path)] == ["inner/make"]


def test_a_workflow_that_is_too_large_for_kubernetes(tmp_path: Path) -> None:
    def damage(package: Damaged) -> None:
        for number in range(20):
            task = f"task-{number}"
            package.tasks[task] = {
                "taskInfo": {"name": task},
                "componentRef": {"name": "make"},
                "inputs": {"parameters": {"rows": {"runtimeValue": {"constant": 1}}}},
            }
            package.tasks[task]["inputs"]["parameters"]["text"] = {"runtimeValue": {"constant": "x" * 90_000}}

    found = problems_of(damage, tmp_path)
    assert any(problem.node == "" and "stores objects of up to 1536 KiB" in problem.what for problem in found)
