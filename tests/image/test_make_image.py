"""scripts/make_image, with a stand-in for the command docker: what it asks for, and what it says."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.image.dockerfile import ROOT

# Answers as the test says by files beside it: 'no-engine', 'no-base', 'broken-build'.
STAND_IN = """#!/bin/sh
here=$(dirname "$0")
echo "$@" >>"$here/calls"
case "$1 $2" in
  "version "*) [ ! -e "$here/no-engine" ] || { echo "Cannot connect to the Docker daemon" >&2; exit 1; } ;;
  "image inspect")
    if [ "$3" = --format ]; then echo 1812345678; else exit 1; fi ;;
  "pull "*) [ ! -e "$here/no-base" ] || { echo "no such host" >&2; exit 1; } ;;
  "build "*) [ ! -e "$here/broken-build" ] || { echo "The lock is wrong" >&2; exit 1; } ;;
esac
"""


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    docker = tmp_path / "docker"
    docker.write_text(STAND_IN)
    docker.chmod(0o755)
    return tmp_path


# Without the settings of whoever has the tests of a real image run.
OURS = {name: value for name, value in os.environ.items() if name not in ("VARIANT", "BASE", "IMAGE")}


def make_image(programs: Path, *arguments: str, path: str | None = None, **environment: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [str(ROOT / "scripts" / "make_image"), *arguments],
        cwd=ROOT,
        env={**OURS, "PATH": path or f"{programs}:{os.environ['PATH']}", **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


def calls(programs: Path, name: str) -> list[str]:
    return [line for line in (programs / "calls").read_text().splitlines() if line.startswith(name)]


def test_it_names_the_image_its_size_and_what_to_do_next(programs: Path) -> None:
    code, output, _ = make_image(programs)
    assert code == 0
    [reference] = re.findall(r"^(\S+): 1\.81 GB$", output, re.MULTILINE)
    assert re.fullmatch(r"emotion-ai:[\w.-]+", reference)
    for command in (f"docker push REGISTRY/{reference}", f"kind load docker-image {reference}", "emotion-ai compile"):
        assert command in output
    [build] = calls(programs, "build")
    assert f"--tag {reference}" in build
    assert "BASE=python:3.10-slim-bookworm" in build
    assert "VARIANT=cpu" in build


def test_settings_and_further_options_reach_the_builder(programs: Path) -> None:
    code, output, _ = make_image(
        programs, "--network", "host", VARIANT="gpu", BASE="registry.example/python:3.10", IMAGE="faces"
    )
    assert code == 0
    assert re.search(r"^faces:[\w.-]+-gpu: ", output, re.MULTILINE)
    [build] = calls(programs, "build")
    assert "--network host" in build
    assert "BASE=registry.example/python:3.10" in build
    assert "VARIANT=gpu" in build


def test_without_docker_it_says_what_to_install(programs: Path) -> None:
    nothing = programs / "nothing"
    nothing.mkdir()
    for name in ("bash", "env"):
        (nothing / name).symlink_to(Path("/usr/bin") / name)
    code, _, errors = make_image(programs, path=str(nothing))
    assert code == 1
    assert errors == (
        "No image: the command docker was not found. Install Docker Engine (Debian: apt install docker.io).\n"
    )


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("no-engine", ["the Docker engine does not answer", "Cannot connect", "DOCKER_HOST"]),
        ("no-base", ["base image python:3.10-slim-bookworm cannot be had", "no such host", "make image BASE="]),
        ("broken-build", ["The lock is wrong", "No image: the build failed, see above."]),
    ],
)
def test_what_goes_wrong_is_told_with_the_remedy(programs: Path, wrong: str, said: list[str]) -> None:
    (programs / wrong).touch()
    code, output, errors = make_image(programs)
    assert code == 1
    assert "Next" not in output
    assert all(part in errors for part in said)


def test_an_unknown_variant_is_told(programs: Path) -> None:
    assert make_image(programs, VARIANT="tpu") == (1, "", "VARIANT is cpu or gpu, not 'tpu'.\n")


def test_other_code_never_gets_the_same_name(programs: Path, tmp_path: Path) -> None:
    """Kubeflow's cache takes results of an image for those of any other with the same name."""
    checkout = tmp_path / "checkout"
    (checkout / "scripts").mkdir(parents=True)
    (checkout / "scripts" / "make_image").symlink_to(ROOT / "scripts" / "make_image")
    code = checkout / "code.py"

    def git(*arguments: str) -> None:
        identity = ["-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *identity, *arguments], cwd=checkout, check=True, capture_output=True, timeout=60)

    def name() -> str:
        done = subprocess.run(
            ["scripts/make_image"],
            cwd=checkout,
            env={**OURS, "PATH": f"{programs}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return re.findall(r"^(\S+): 1\.81 GB$", done.stdout, re.MULTILINE)[0]

    git("init")
    code.write_text("1")
    git("add", ".")
    git("commit", "-m", "first")
    names = [name()]
    code.write_text("2")
    names.append(name())
    code.write_text("3")
    names.append(name())
    (checkout / "new.py").touch()
    names.append(name())
    git("add", ".")
    git("commit", "-m", "second")
    names.append(name())
    assert len(set(names)) == len(names)
    assert all("changed" in each for each in names[1:4])
    assert not any("changed" in each for each in (names[0], names[4]))
    git("tag", "v1.2.3")
    assert name() == "emotion-ai:v1.2.3"
