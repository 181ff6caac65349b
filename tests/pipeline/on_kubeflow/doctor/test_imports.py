"""What the doctor says of code that a package names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pipeline.on_kubeflow.doctor.packages import (
    Damage,
    Damaged,
    assert_found,
    problems_of,
    tfx,
)


def _class_path(path: str) -> Callable[[Damaged], None]:
    def damage(package: Damaged) -> None:
        package.make_tfx()
        package.make["args"][1] = path

    return damage


_DAMAGES: dict[str, tuple[Damage, str, str, str]] = {
    "no such class": (
        _class_path("components.anomaly_gate.executor.Executer"),
        "error",
        "make",
        "has no Executer",
    ),
    "no such module": (_class_path("components.gone.executor.Executor"), "error", "make", "no module components.gone"),
    "class of a script": (_class_path("__main__.Executor"), "error", "make", "defined in the script"),
    "package of others": (_class_path("taxi.executor.Executor"), "warning", "make", "no package taxi"),
    "no such function": (tfx(run_fn="pipeline.emotion.training.run"), "error", "make", "run_fn names"),
    "no such function in JSON": (
        tfx(custom_config='{"stats_fn": "pipeline.emotion.gone.stats"}'),
        "error",
        "make",
        "custom_config.stats_fn",
    ),
}


@pytest.mark.parametrize("name", _DAMAGES)
def test_a_damage_is_named_with_its_node_and_a_remedy(name: str, tmp_path: Path) -> None:
    assert_found(*_DAMAGES[name], tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        tfx(run_fn="pipeline.emotion.training.run_fn"),
        _class_path("tfx.components.example_gen.csv_example_gen.executor.Executor"),
        _class_path("tests.pipeline.on_kubeflow.doctor.packages.problems_of_Executor"),
    ],
)
def test_what_is_right_is_not_named(change: Damage, tmp_path: Path) -> None:
    assert problems_of(change, tmp_path) == []
