"""What the doctor says of values of parameters."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipeline.on_kubeflow.doctor.packages import (
    Damage,
    Damaged,
    assert_found,
    problems_of,
    tfx,
)


def _examples(package: Damaged) -> None:
    package.make_tfx()
    package.make_examples()


def _with_volume(package: Damaged) -> None:
    package.make_tfx(csv_path="/tmp/data/x.csv", module_file="/tmp/data/code.py")
    package.platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["exec-make"] = {
        "pvcMount": [{"constant": "data", "mountPath": "/tmp/data"}]
    }


def _with_version(package: Damaged) -> None:
    package.make_tfx(data_version="3")
    package.make_examples()


_DAMAGES: dict[str, tuple[Damage, str, str, str]] = {
    "personal path": (tfx(input_base="/home/me/data"), "error", "make", "holds the path /home/me/data"),
    "personal path in JSON": (
        tfx(push_destination='{"filesystem": {"base_directory": "/Users/me/models"}}'),
        "error",
        "make",
        "/Users/me/models",
    ),
    "module file": (tfx(module_file="/app/trainer.py"), "error", "make", "Its code is the file /app/trainer.py"),
    "wheel": (tfx(module_path="trainer@/tmp/root/_wheels/x-py3-none-any.whl"), "error", "make", "in the wheel"),
    "data without a version": (_examples, "warning", "make", "one state of its data from another"),
}


@pytest.mark.parametrize("name", _DAMAGES)
def test_a_damage_is_named_with_its_node_and_a_remedy(name: str, tmp_path: Path) -> None:
    assert_found(*_DAMAGES[name], tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        _with_volume,
        _with_version,
        tfx(csv_path="/data/training.csv", note="see https://x/home/me"),
    ],
)
def test_what_is_right_is_not_named(change: Damage, tmp_path: Path) -> None:
    assert problems_of(change, tmp_path) == []
