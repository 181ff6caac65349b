"""Runs the examples of docs/clients.md as they stand there, with a real server."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.serving.local_server import LocalServer
from tests.serving.photos.pictures import close_up

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "clients.md").read_text()
TIMEOUT_S = 60


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With the pictures that the examples name."""
    close_up(120).save(tmp_path / "face.jpg")
    close_up(60).save(tmp_path / "another.png")
    return tmp_path


def run(command: list[str], code: str, folder: Path, served: LocalServer) -> str:
    """Runs an example with the server's addresses; gives what it prints."""
    code = code.replace("http://localhost:8501", served.rest).replace("localhost:8500", served.grpc)
    assert "localhost:" not in code
    done = subprocess.run(
        command,
        input=code,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl")
def test_curl(folder: Path, served: LocalServer) -> None:
    [code] = blocks("sh")
    outputs = json.loads(run(["bash", "-e", "-o", "pipefail"], code, folder, served))["outputs"]
    [shown] = blocks("json")
    assert outputs.keys() == json.loads(shown)["outputs"].keys()
    assert outputs["error"] == [""]


def test_python_over_rest(folder: Path, served: LocalServer) -> None:
    code = blocks("python")[0]
    lines = run([sys.executable, "-"], code, folder, served).splitlines()
    assert len(lines) == 3
    assert lines[-1].endswith("(15, 2)")


def test_python_over_grpc(folder: Path, served: LocalServer) -> None:
    [_, code] = blocks("python")
    assert run([sys.executable, "-"], code, folder, served).endswith("(2, 5)\n")


@pytest.mark.skipif(not shutil.which("node"), reason="there is no Node")
def test_javascript(folder: Path, served: LocalServer) -> None:
    [code] = blocks("js")
    lines = run([shutil.which("node") or "", "--input-type=module", "-"], code, folder, served).splitlines()
    assert len(lines) == 2
    assert all(re.fullmatch(r"nose tip at -?[\d.]+,-?[\d.]+", line) for line in lines)


def test_all_examples_are_run_and_all_pictures_are_there() -> None:
    assert len(re.findall("^```[a-z]", PAGE, re.MULTILINE)) == 6
    for picture in re.findall(r"\]\((images/[^)]+)\)", PAGE):
        assert (ROOT / "docs" / picture).is_file()
