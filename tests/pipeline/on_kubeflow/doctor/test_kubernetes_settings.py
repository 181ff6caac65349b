"""What the doctor says of the platform document."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.on_kubeflow.doctor.packages import (
    Damage,
    Damaged,
    assert_found,
    put,
)


def _settings(package: Damaged) -> dict[str, Any]:
    return package.settings


_DAMAGES: dict[str, tuple[Damage, str, str, str]] = {
    "settings of nobody": (
        lambda package: package.platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"].update(gone={}),
        "error",
        "gone",
        "executor 'gone', which no node has",
    ),
    "unknown setting": (put(_settings, pvcMounts=[]), "error", "use", "pvcMounts: no such field"),
    "volume without a folder": (put(_settings, pvcMount=[{"constant": "data"}]), "error", "use", "no mountPath"),
    "volume without a claim": (put(_settings, pvcMount=[{"mountPath": "/x"}]), "error", "use", "names no object"),
    "two volumes in one folder": (
        put(_settings, emptyDirMounts=[{"volumeName": "x", "mountPath": "/data/"}]),
        "error",
        "use",
        "2 volumes",
    ),
    "secret without a key": (put(_settings, secretAsEnv=[{"secretName": "x"}]), "error", "use", "lacks a key"),
    "name of a secret": (
        put(_settings, imagePullSecret=[{"secretName": "My_Secret"}]),
        "error",
        "use",
        "'My_Secret' (imagePullSecret)",
    ),
    "name of a volume": (
        put(_settings, secretAsVolume=[{"secretName": "a.b", "mountPath": "/x"}]),
        "error",
        "use",
        "'a.b' (secretAsVolume)",
    ),
    "key of a secret": (
        put(_settings, secretAsEnv=[{"secretName": "x", "keyToEnv": [{"secretKey": "a/b", "envVar": "B"}]}]),
        "error",
        "use",
        "'a/b' (secretKey of secretAsEnv)",
    ),
    "label of a machine": (
        put(_settings, nodeSelector={"labels": {"a b": "x"}}),
        "error",
        "use",
        "'a b' (label of nodeSelector)",
    ),
    "value of a label": (put(_settings, nodeSelector={"labels": {"a": "x y"}}), "error", "use", "'x y' (value of"),
    "taint": (put(_settings, tolerations=[{"key": "a b", "operator": "Exists"}]), "error", "use", "'a b' (key of"),
    "pull policy": (put(_settings, imagePullPolicy="Often"), "error", "use", "imagePullPolicy is 'Often'"),
    "toleration": (
        put(_settings, tolerations=[{"key": "a", "operator": "exists"}]),
        "error",
        "use",
        "operator 'exists'",
    ),
    "size of a volume": (
        put(_settings, genericEphemeralVolume=[{"volumeName": "x", "mountPath": "/x", "size": "big"}]),
        "error",
        "use",
        "the size 'big'",
    ),
    "other platform": (
        lambda package: package.platform.update(platforms={"vertex": {}}),
        "error",
        "",
        "has no 'kubernetes'",
    ),
}


@pytest.mark.parametrize("name", _DAMAGES)
def test_a_damage_is_named_with_its_node_and_a_remedy(name: str, tmp_path: Path) -> None:
    assert_found(*_DAMAGES[name], tmp_path)
