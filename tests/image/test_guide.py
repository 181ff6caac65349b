"""kubeflow/README.md: every command, option, file and node that it names exists."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer
import yaml

from pipeline.cli import app
from tests.image.dockerfile import ROOT

GUIDE = ROOT / "kubeflow" / "README.md"
TEXT = GUIDE.read_text()
GOLDEN = ROOT / "tests" / "pipeline" / "on_kubeflow" / "golden" / "emotion-ai.yaml"
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]


def lines() -> list[list[str]]:
    """The words of each command in a block for the shell."""
    blocks = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    joined = "\n".join(blocks).replace("\\\n", " ")
    return [shlex.split(line, comments=True) for line in joined.splitlines() if line.strip()]


def test_there_are_commands_to_check() -> None:
    assert {words[0] for words in lines()} == {"make", "docker", "kubectl", "emotion-ai"}


@pytest.mark.parametrize("words", [words for words in lines() if words[0] == "emotion-ai"], ids=" ".join)
def test_a_command_of_ours_has_these_options(words: list[str]) -> None:
    command = COMMANDS[words[1]]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert {word for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize("command", sorted(set(re.findall(r"`emotion-ai (\w+)", TEXT))))
def test_a_command_in_the_text_exists(command: str) -> None:
    assert command in COMMANDS


@pytest.mark.parametrize("option", sorted(set(re.findall(r"`(--[\w-]+)", TEXT))))
def test_an_option_in_the_text_exists(option: str) -> None:
    known = {
        each
        for name in ("compile", "doctor", "submit", "schedule")
        for parameter in COMMANDS[name].params
        for each in (*parameter.opts, *parameter.secondary_opts)
    }
    assert option in known


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\bmake (\w+)", " ".join(map(" ".join, lines()))))))
def test_make_knows_the_target(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def named_paths() -> list[str]:
    linked = [path.split("#")[0] for path in re.findall(r"\]\(([^)]+)\)", TEXT) if "://" not in path]
    written = re.findall(r"`((?:kubeflow|tests|constraints|configs|schemas|pipeline)/[\w./-]+)`", TEXT)
    applied = [word for words in lines() for word in words if re.match(r"(kubeflow|configs)/", word)]
    return sorted({*(f"kubeflow/{path}" for path in linked if path), *written, *applied})


@pytest.mark.parametrize("path", named_paths())
def test_a_file_that_is_named_exists(path: str) -> None:
    assert (ROOT / Path(path)).resolve().exists()


def test_anchors_lead_somewhere() -> None:
    headings = {
        re.sub(r"[^\w-]", "", title.lower().replace(" ", "-")) for title in re.findall(r"^## (.+)$", TEXT, re.M)
    }
    assert set(re.findall(r"\]\(#([\w-]+)\)", TEXT)) <= headings


def test_numbers_of_nodes_and_sizes_are_those_of_the_package() -> None:
    spec, *_ = yaml.safe_load_all(GOLDEN.read_text())
    given = [entry["container"]["resources"] for entry in spec["deploymentSpec"]["executors"].values()]
    sizes = [(resources["cpuLimit"], resources["memoryLimit"]) for resources in given]
    assert f"| {sizes.count((1, 2))} of {len(sizes)} | 1 | 2 GB |" in TEXT
    assert sizes.count((2, 4)) == 10
    assert sizes.count((4, 8)) == 2
    assert f"{len(sizes)} nodes, each a pod" in TEXT
