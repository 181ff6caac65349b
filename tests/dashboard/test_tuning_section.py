"""What is to be seen of a Tuner: its trials, and that the training took the best of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dashboard.report import branch_sections
from dashboard.runs import Artifact, Branch, Node
from dashboard.sections import training, tuning
from tests.dashboard.test_training_section import trained  # noqa: F401

BEST = {"learning_rate": 0.004321987, "batch_size": 8}
TRIALS = [
    {"trial_id": "1", "score": 0.5, **BEST},
    {"trial_id": "0", "score": 0.75, "learning_rate": 0.002, "batch_size": 16},
]


def tuner(folder: Path, state: Any = "done") -> Node:
    (folder / "best").mkdir()
    (folder / "results").mkdir()
    outputs = {
        "best_hyperparameters": (Artifact(1, "HyperParameters", str(folder / "best"), {}),),
        "tuner_results": (Artifact(2, "TunerResults", str(folder / "results"), {}),),
    }
    return Node("ToyTuner", "Tuner", state, 1.0, "", (), {}, outputs, {})


@pytest.fixture
def done(tmp_path: Path) -> Node:
    """A Tuner with the files that TFX's executor writes."""
    node = tuner(tmp_path)
    (tmp_path / "best" / "best_hyperparameters.txt").write_text(json.dumps({"space": [], "values": BEST}))
    (tmp_path / "results" / "tuner_results.json").write_text(json.dumps(TRIALS))
    return node


def test_the_trials_are_a_table_with_the_best_one_marked(done: Node) -> None:
    [section] = tuning.sections(Branch("Toy", (done,)))
    assert (section.id, section.title) == ("toy-tuning", "Toy: tuning")
    body = section.body
    assert body.index("0.5000") < body.index("0.00432") < body.index("0.7500") < body.index("0.002")
    assert "Learning rate" in body
    _, first, second = body.split("<tr")[-3:]
    assert "✓" in first
    assert "✓" not in second


def test_a_branch_without_a_tuner_has_no_such_section() -> None:
    trainer = Node("ToyTrainer", "Trainer", "running", 1.0, "", (), {}, {}, {})
    assert tuning.sections(Branch("Toy", (trainer,))) == []


@pytest.mark.parametrize("content", ["", "{", "{}", "[3]", '[{"trial_id": "0"}]'])
def test_broken_files_take_no_more_than_their_place(tmp_path: Path, content: str) -> None:
    node = tuner(tmp_path)
    (tmp_path / "best" / "best_hyperparameters.txt").write_text(content)
    (tmp_path / "results" / "tuner_results.json").write_text(content)
    [section] = [found for found in branch_sections(Branch("Toy", (node,))) if "tuning" in found.id]
    assert "missing or broken" in section.body


def test_a_tuner_at_work_says_so(tmp_path: Path) -> None:
    [section] = tuning.sections(Branch("Toy", (tuner(tmp_path, "running"),)))
    assert "ToyTuner is at work" in section.body


def test_the_training_shows_what_it_took(done: Node, trained: tuple[Path, dict[str, list[float]]]) -> None:  # noqa: F811
    config = json.dumps({"training": {"epochs": 9, "learning_rate": 0.002, "batch_size": 16}})
    run = Artifact(3, "ModelRun", str(trained[0]), {})
    trainer = Node("ToyTrainer", "Trainer", "done", 1.0, "", (), {}, {"model_run": (run,)}, {"custom_config": config})
    [section] = training.sections(Branch("Toy", (done, trainer)))
    assert "0.004321987" in section.body
    assert "by the tuning; 0.002 in the settings" in section.body
    assert section.body.count("by the tuning") == 2
