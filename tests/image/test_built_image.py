"""The image itself: as user 65532, with a read-only root and without a network."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.image.dockerfile import ROOT
from tests.image.engine import USER, DockerContainers, docker_run
from tests.kubeflow.conftest import PARAMETERS
from tests.kubeflow.platform.package import Package
from tests.kubeflow.platform.release import V2_15
from tests.kubeflow.platform.scheduler import Kubeflow

pytestmark = pytest.mark.e2e

MOST_BYTES = 2_000_000_000
# Where anybody may write, in a container whose root is not read-only: /tmp, and what Kubeflow's launcher needs.
WRITABLE = {"/tmp", "/gcs", "/s3", "/minio", "/run/lock", "/var/tmp", "/dev/mqueue", "/dev/shm"}


def python(image: str, program: str, *options: str) -> str:
    done = docker_run(image, "python", "-c", program, options=options)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def described(image: str) -> dict[str, Any]:
    output = subprocess.run(["docker", "image", "inspect", image], capture_output=True, text=True, check=True).stdout
    [description] = json.loads(output)
    return dict(description)


def test_it_is_small_and_says_what_it_is(described: dict[str, Any]) -> None:
    if "-gpu" not in described["RepoTags"][0]:
        assert described["Size"] < MOST_BYTES
    labels = described["Config"]["Labels"]
    assert labels["org.opencontainers.image.version"] not in ("", "unknown")
    assert len(labels["org.opencontainers.image.revision"]) == 40
    assert described["Config"]["User"] == USER
    assert not described["Config"]["Entrypoint"]


def test_without_a_command_it_says_what_it_can(image: str) -> None:
    done = docker_run(image)
    assert done.returncode == 0, done.stderr
    assert "facial keypoints and facial emotion" in done.stdout


def test_it_runs_as_a_user_without_rights_or_as_any_other(image: str) -> None:
    program = "import getpass, os, tempfile; print(os.getuid(), getpass.getuser(), os.getcwd(), tempfile.mkdtemp()[:5])"
    assert python(image, program) == "65532 emotion-ai /tmp /tmp/"
    assert python(image, program, "--user=1000650000:0") == "1000650000 emotion-ai /tmp /tmp/"


def test_nothing_can_be_written_but_what_must_be(image: str) -> None:
    program = (
        "import os\n"
        "for place, folders, _ in os.walk('/'):\n"
        "    folders[:] = [] if place in ('/proc', '/sys') else folders\n"
        "    if os.access(place, os.W_OK): print(place); folders[:] = []\n"
    )
    command = ["docker", "run", "--rm", "--network=none", image, "python", "-c", program]
    output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    # /proc/self and what the engine mounts for a terminal are not the image's.
    assert {place for place in output.split() if not place.startswith("/proc")} <= WRITABLE
    assert {"/tmp", "/gcs", "/s3", "/minio"} <= set(output.split())


def test_it_holds_no_tools_to_build_or_fetch_with(image: str) -> None:
    program = (
        "import shutil; print([n for n in 'gcc g++ cc make git curl wget uv pip pip3'.split() if shutil.which(n)])"
    )
    assert python(image, program) == "[]"
    assert python(image, "import importlib.util as u; print(u.find_spec('pip'), u.find_spec('pytest'))") == "None None"


def test_everything_is_compiled(image: str) -> None:
    """Half a minute for each node otherwise: nothing that a node imports is read as source."""
    program = (
        "import sys\n"
        "from importlib.machinery import SourceFileLoader\n"
        "compiled = SourceFileLoader.source_to_code\n"
        "def noted(self, data, path, **options):\n"
        "    print(path)\n"
        "    return compiled(self, data, path, **options)\n"
        "SourceFileLoader.source_to_code = noted\n"
        "import pipeline.on_kubeflow.runtime.node_run, pipeline.emotion.training, dashboard.page\n"
        "import tfx.components.evaluator.executor, tfx.components.transform.executor\n"
    )
    assert python(image, program) == ""


def executors(package_file: Path) -> list[str]:
    spec, *_ = yaml.safe_load_all(package_file.read_text())
    commands = [entry["container"] for entry in spec["deploymentSpec"]["executors"].values()]
    lines = [[*container["command"], *container["args"]] for container in commands]
    return sorted({line[line.index("--executor_class_path") + 1] for line in lines})


def test_each_executor_of_the_package_can_be_imported(image: str) -> None:
    classes = executors(ROOT / "tests" / "pipeline" / "on_kubeflow" / "golden" / "emotion-ai.yaml")
    assert len(classes) > 10
    program = (
        "import importlib\n"
        f"for path in {classes}:\n"
        "    module, _, name = path.rpartition('.')\n"
        "    getattr(importlib.import_module(module), name)\n"
        "import pipeline.emotion.training, pipeline.keypoints.training\n"
        "print('all there')\n"
    )
    assert python(image, program).endswith("all there")


def test_a_package_can_be_compiled_in_it(image: str) -> None:
    done = docker_run(
        image,
        "sh",
        "-c",
        "emotion-ai compile --image registry.example/emotion-ai:1 --out /tmp/p.yaml && cat /tmp/p.yaml",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "image: registry.example/emotion-ai:1" in done.stdout


@pytest.mark.timeout(3000)
def test_the_whole_package_runs_in_it(image: str, package: Package, volumes: dict[str, Path], tmp_path: Path) -> None:
    for folder in volumes.values():
        folder.chmod(0o777)
    kubeflow = Kubeflow(tmp_path, V2_15, DockerContainers(image), volumes)
    run = kubeflow.run(package, PARAMETERS)
    failed = {name: run.tasks[name].log_text[-2000:] or run.tasks[name].message for name in run.in_state("FAILED")}
    assert not failed
    assert run.state == "SUCCEEDED"
    assert all(task.attempts == 1 for task in run.tasks.values())
    for name in ("emotion_ai", "facial_keypoints"):
        [version] = [path for path in (volumes["models"] / name).iterdir() if path.name.isdigit()]
        assert (version / "saved_model.pb").is_file()
        assert version.stat().st_uid == 65532
