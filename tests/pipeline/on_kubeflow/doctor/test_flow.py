"""What the doctor says of how tasks hang together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.on_kubeflow.doctor.packages import (
    Damage,
    Damaged,
    assert_found,
    problems_of,
    put,
)


def _resolver(package: Damaged) -> None:
    package.executors["exec-make"] = {"resolver": {"outputArtifactQueries": {"data": {"filter": "state=LIVE"}}}}


def _importer(uri: dict[str, Any]) -> Callable[[Damaged], None]:
    def damage(package: Damaged) -> None:
        package.executors["exec-make"] = {
            "importer": {"artifactUri": uri, "typeSchema": {"schemaTitle": "system.Dataset"}}
        }

    return damage


def _exit_handler(package: Damaged) -> None:
    package.tasks["make"]["triggerPolicy"] = {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}


def _holds_itself(package: Damaged) -> None:
    package.components["loop"] = {
        "dag": {"tasks": {"again": {"taskInfo": {"name": "again"}, "componentRef": {"name": "loop"}}}}
    }
    package.tasks["loop"] = {"taskInfo": {"name": "loop"}, "componentRef": {"name": "loop"}}


def _condition(text: str) -> Callable[[Damaged], None]:
    return put(lambda package: package.tasks["use"], triggerPolicy={"condition": text})


def _rows(package: Damaged) -> dict[str, Any]:
    rows: dict[str, Any] = package.tasks["make"]["inputs"]["parameters"]["rows"]
    return rows


def _count(package: Damaged) -> dict[str, Any]:
    count: dict[str, Any] = package.tasks["use"]["inputs"]["parameters"]["count"]
    return count


def _text(package: Damaged) -> dict[str, Any]:
    text: dict[str, Any] = package.spec["root"]["inputDefinitions"]["parameters"]["text"]
    return text


_DAMAGES: dict[str, tuple[Damage, str, str, str]] = {
    "no component": (
        lambda package: package.components.pop("make"),
        "error",
        "make",
        "component 'make' is not defined",
    ),
    "no executor": (lambda package: package.executors.pop("exec-make"), "error", "make", "'exec-make' is not defined"),
    "nothing to run": (put(lambda package: package.executors, **{"exec-make": {}}), "error", "make", "says nothing"),
    "resolver": (_resolver, "error", "make", "It is a Resolver"),
    "custom job": (
        put(lambda package: package.executors, **{"exec-make": {"customJob": {}}}),
        "error",
        "make",
        "Vertex AI custom",
    ),
    "unknown dependency": (
        put(lambda package: package.tasks["use"], dependentTasks=["gone"]),
        "error",
        "use",
        "waits for the task 'gone'",
    ),
    "waits for an exit handler": (_exit_handler, "error", "use", "exit handler 'make'"),
    "cycle": (
        put(lambda package: package.tasks["make"], dependentTasks=["use"]),
        "error",
        "make",
        "make -> use -> make",
    ),
    "component in itself": (_holds_itself, "error", "loop", "hold each other: loop -> loop"),
    "TFX's wrong producer": (
        put(_count, taskOutputParameter={"producerTask": "make_task", "outputParameterKey": "count"}),
        "error",
        "use",
        "wrong name for 'make'",
    ),
    "unknown producer": (
        put(_count, taskOutputParameter={"producerTask": "gone", "outputParameterKey": "count"}),
        "error",
        "use",
        "comes from the task 'gone'",
    ),
    "unknown output": (
        put(_count, taskOutputParameter={"producerTask": "make", "outputParameterKey": "sum"}),
        "error",
        "use",
        "'sum' of 'make', which has no such output",
    ),
    "no value": (
        lambda package: package.tasks["make"]["inputs"]["parameters"].pop("rows"),
        "error",
        "make",
        "'rows' gets no value",
    ),
    "not handed in": (lambda package: package.spec["root"].pop("inputDefinitions"), "error", "use", "of the pipeline"),
    "wrong type": (put(_rows, runtimeValue={"constant": "five"}), "error", "make", "NUMBER_INTEGER, but five is not"),
    "no whole number": (put(_rows, runtimeValue={"constant": 1.5}), "error", "make", "whole number, but 1.5"),
    "old value": (
        put(_rows, runtimeValue={"constantValue": {"intValue": "5"}}),
        "error",
        "make",
        "not a 'constant'",
    ),
    "optional here only": (
        lambda package: package.components["use"]["inputDefinitions"]["parameters"]["text"].pop("isOptional"),
        "warning",
        "use",
        "a run without it fails",
    ),
    "default of a wrong type": (put(_text, defaultValue=5), "warning", "", "parameter 'text' is a text"),
    "final status": (
        lambda package: package.tasks["use"]["inputs"]["parameters"].update(
            text={"taskFinalStatus": {"producerTask": "make"}}
        ),
        "warning",
        "use",
        "final status of a task",
    ),
    "condition of TFX": (_condition("Unknown Comparison Operation 7"), "error", "use", "TFX wrote"),
    "condition on another": (
        _condition("inputs.artifacts['x'].artifacts[0].uri == ''"),
        "error",
        "use",
        "'x' is not among",
    ),
    "condition on no field": (
        _condition("inputs.parameters['count'] == 1.0"),
        "error",
        "use",
        "nothing is in inputs.parameters",
    ),
    "condition on a name": (_condition("count > 1"), "error", "use", "no 'count'"),
    "open condition": (_condition("(inputs.parameter_values['count'] > 1"), "error", "use", "brackets do not match"),
    "open text": (_condition("inputs.parameter_values['count'] == 'x"), "error", "use", "quotation mark"),
    "loop over artifacts": (
        put(lambda package: package.tasks["use"], artifactIterator={"items": {"inputArtifact": "data"}}),
        "error",
        "use",
        "loops over artifacts",
    ),
    "importer of a path": (_importer({"constant": "/data/x"}), "error", "make", "cannot import '/data/x'"),
    "importer of a constant parameter": (_importer({"runtimeParameter": "rows"}), "error", "make", "parameter 'rows'"),
    "importer of nothing": (_importer({}), "error", "make", "no URI"),
    "importer with a condition": (
        lambda package: (
            _importer({"constant": "s3://b/x"})(package),
            package.tasks["make"].update(triggerPolicy={"condition": "true"}),
        ),
        "error",
        "make",
        "importer with a condition",
    ),
}


@pytest.mark.parametrize("name", _DAMAGES)
def test_a_damage_is_named_with_its_node_and_a_remedy(name: str, tmp_path: Path) -> None:
    assert_found(*_DAMAGES[name], tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        _importer({"constant": "s3://bucket/data"}),
        _condition("inputs.parameter_values['count'] > 1.0 && inputs.artifacts['data'].artifacts[0].uri != 'a(b'"),
        _condition("inputs.artifacts['data'].artifacts.exists(x, int(x.metadata['rows']) > 1)"),
    ],
)
def test_what_is_right_is_not_named(change: Damage, tmp_path: Path) -> None:
    assert problems_of(change, tmp_path) == []
