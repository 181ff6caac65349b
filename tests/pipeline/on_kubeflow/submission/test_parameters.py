from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from components.errors import InputError
from pipeline.on_kubeflow.package import Package
from pipeline.on_kubeflow.submission.parameters import run_parameters

_KINDS = {
    "text": "STRING",
    "whole": "NUMBER_INTEGER",
    "number": "NUMBER_DOUBLE",
    "flag": "BOOLEAN",
    "list": "LIST",
    "object": "STRUCT",
    "status": "TASK_FINAL_STATUS",
}


def _package(**definitions: dict[str, Any]) -> Package:
    root = {"inputDefinitions": {"parameters": definitions}} if definitions else {}
    return Package(Path("p.yaml"), {"root": root}, {}, None, (), 0)


_EVERY_KIND = _package(**{name: {"parameterType": kind, "isOptional": True} for name, kind in _KINDS.items()})


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ("text=a=b ", "a=b "),
        ("text=", ""),
        ("text=5", "5"),
        ("whole=-5", -5),
        ("number=5", 5),
        ("number=1e-3", 0.001),
        ("flag=true", True),
        ('list=[1, "a"]', [1, "a"]),
        ('object={"a": {"b": null}}', {"a": {"b": None}}),
    ],
)
def test_values_have_the_packages_types(given: str, value: object) -> None:
    (found,) = run_parameters(_EVERY_KIND, [given], "", "now").values()
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("text", "--parameter text: expected NAME=VALUE"),
        ("texxt=1", "p.yaml has no such parameter; there are: flag, list, number"),
        ("whole=5.0", "--parameter whole=5.0: expected a whole number"),
        ("whole=true", "expected a whole number"),
        ("number=NaN", "expected a number"),
        ("number=five", "expected a number"),
        ("flag=True", "expected true or false"),
        ("flag=1", "expected true or false"),
        ('list={"a": 1}', "expected a JSON list"),
        ("object=[]", "expected a JSON object"),
        ("object=", "expected a JSON object"),
        ("status=1", "is a TASK_FINAL_STATUS, which only Kubeflow itself can give"),
    ],
)
def test_what_is_no_value(given: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        run_parameters(_EVERY_KIND, [given], "", "now")


def test_a_parameter_is_given_once() -> None:
    with pytest.raises(InputError, match="--parameter text: given twice"):
        run_parameters(_EVERY_KIND, ["text=a", "text=b"], "", "now")


def test_missing_values_are_named_with_what_they_mean() -> None:
    package = _package(
        bucket={"parameterType": "STRING", "description": "where to"},
        rows={"parameterType": "NUMBER_INTEGER"},
        split={"parameterType": "STRING", "defaultValue": ""},
    )
    with pytest.raises(InputError, match=r"for: bucket \(where to\); rows \(a whole number\)\.$"):
        run_parameters(package, [], "", "now")
    assert run_parameters(package, ["bucket=b", "rows=1"], "", "now") == {"bucket": "b", "rows": 1}


def test_the_data_version_is_filled_in() -> None:
    package = _package(data_version={"parameterType": "STRING"})
    assert run_parameters(package, [], "", "now") == {"data_version": "now"}
    assert run_parameters(package, [], "mine", "now") == {"data_version": "mine"}
    assert run_parameters(package, ["data_version=mine"], "", "now") == {"data_version": "mine"}
    with pytest.raises(InputError, match="given twice: as --data-version and as --parameter"):
        run_parameters(package, ["data_version=a"], "b", "now")
    assert run_parameters(_package(), [], "", "now") == {}
    with pytest.raises(InputError, match=r"--data-version: p\.yaml has no parameter data_version"):
        run_parameters(_package(), [], "mine", "now")
