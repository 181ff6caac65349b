"""What the doctor says of types of artifacts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pipeline.on_kubeflow.doctor.packages import (
    OURS,
    TFX_RUNNER,
    Damage,
    Damaged,
    assert_found,
    put,
)


def _output(title: str, module: str) -> Callable[[Damaged], None]:
    def damage(package: Damaged) -> None:
        package.make_tfx(module)
        package.components["make"]["outputDefinitions"]["artifacts"]["page"] = {"artifactType": {"schemaTitle": title}}

    return damage


_DAMAGES: dict[str, tuple[Damage, str, str, str]] = {
    "HTML as a folder": (_output("system.HTML", TFX_RUNNER), "error", "make", "wants one file"),
    "misspelt title": (_output("system.Html", OURS), "warning", "make", "no type system.Html"),
    "no title": (
        put(
            lambda package: package.components["make"]["outputDefinitions"]["artifacts"],
            data={"artifactType": {"instanceSchema": "type: object"}},
        ),
        "error",
        "make",
        "no title that Kubeflow can read",
    ),
    "nothing to see": (
        _output("tfx.ExampleAnomalies", OURS),
        "warning",
        "make",
        "shows nothing of tfx.ExampleAnomalies",
    ),
}


@pytest.mark.parametrize("name", _DAMAGES)
def test_a_damage_is_named_with_its_node_and_a_remedy(name: str, tmp_path: Path) -> None:
    assert_found(*_DAMAGES[name], tmp_path)
