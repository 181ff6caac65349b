"""What the doctor says of containers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.pipeline.on_kubeflow.doctor.packages import (
    OURS,
    TFX_RUNNER,
    Damage,
    Damaged,
    assert_found,
    make,
    problems_of,
    put,
    tfx,
)


def _lifecycle(module: str) -> Callable[[Damaged], None]:
    def damage(package: Damaged) -> None:
        package.make_tfx(module)
        package.make["lifecycle"] = {"preCacheCheck": {"command": ["python"]}}

    return damage


def _beam(*arguments: str) -> Callable[[Damaged], None]:
    def damage(package: Damaged) -> None:
        package.make_tfx()
        package.make["args"].extend(arguments)

    return damage


def _resources(package: Damaged) -> dict[str, Any]:
    return package.make.setdefault("resources", {})


_DAMAGES: dict[str, tuple[Damage, str, str, str]] = {
    "no image": (lambda package: package.make.pop("image"), "error", "make", "no image"),
    "newest image": (put(make, image="repo/make"), "warning", "make", "names no version"),
    "latest image": (put(make, image="host:5000/repo/make:latest"), "warning", "make", "names no version"),
    "wrong image": (put(make, image="Repo/Make 1"), "error", "make", "no reference of an image"),
    "entry point of the image": (put(make, command=[], args=["--rows"]), "error", "make", "no command"),
    "TFX's runner": (tfx(module=TFX_RUNNER), "error", "make", "TFX's own runner"),
    "TFX's driver": (_lifecycle(TFX_RUNNER), "error", "make", "never runs"),
    "driver of others": (_lifecycle("json.tool"), "warning", "make", "never runs"),
    "arguments without a command": (
        put(make, command=[], args=["{{$.inputs.parameters['rows']}}"]),
        "error",
        "make",
        "no command",
    ),
    "name of a variable": (put(make, env=[{"name": "1A", "value": "1"}]), "error", "make", "'1A' cannot name"),
    "variable of two kinds": (
        lambda package: package.executors["exec-use"]["container"].update(env=[{"name": "KEY", "value": "1"}]),
        "error",
        "use",
        "KEY is given both as a value and by a secret",
    ),
    "variable twice": (
        put(make, env=[{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]),
        "warning",
        "make",
        "given 2 times",
    ),
    "memory in bytes": (put(_resources, memoryLimit=4e9), "error", "make", "memoryLimit 4e+09 cannot be meant"),
    "wrong quantity": (put(_resources, resourceMemoryLimit="4 GB"), "error", "make", "'4 GB' is no quantity"),
    "text only": (put(_resources, resourceCpuLimit="2"), "warning", "make", "newer releases"),
    "more than the limit": (put(_resources, cpuRequest=4.0, cpuLimit=2.0), "error", "make", "asks for more cpu (4)"),
    "Vertex's accelerator": (
        put(_resources, accelerator={"type": "NVIDIA_TESLA_T4", "count": "1"}),
        "error",
        "make",
        "name of Vertex AI",
    ),
    "no number of accelerators": (
        put(_resources, accelerator={"type": "nvidia.com/gpu"}),
        "warning",
        "make",
        "ignored",
    ),
    "direct runner": (_beam("--runner=DirectRunner"), "warning", "make", "tries to download"),
    "Flink of its own": (_beam("--runner", "FlinkRunner"), "error", "make", "no --flink_master"),
    "Dataflow without a project": (_beam("--runner=DataflowRunner"), "error", "make", "lacks --project, --region"),
    "Docker in a container": (_beam("--runner=PortableRunner"), "error", "make", "with Docker"),
}


@pytest.mark.parametrize("name", _DAMAGES)
def test_a_damage_is_named_with_its_node_and_a_remedy(name: str, tmp_path: Path) -> None:
    assert_found(*_DAMAGES[name], tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        _lifecycle(OURS),
        _beam("--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"),
        _beam("--runner=FlinkRunner", "--flink_master=flink:8081"),
        put(_resources, cpuLimit=0.5, memoryLimit=4.0, accelerator={"type": "nvidia.com/gpu", "count": "1"}),
        # As Java programs name theirs.
        put(make, env=[{"name": "spring.profiles-active", "value": "x"}]),
        put(make, image="argostub/createpvc", command=[], args=[]),
        put(make, image=f"host.example:5000/a/b@sha256:{'0' * 64}"),
        put(make, image="{{$.inputs.parameters['image']}}"),
    ],
)
def test_what_is_right_is_not_named(change: Damage, tmp_path: Path) -> None:
    assert problems_of(change, tmp_path) == []
