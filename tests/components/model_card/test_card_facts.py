"""What a card says that is in no artifact."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pipeline import card_facts
from pipeline.tasks import TASKS


def test_every_task_is_described() -> None:
    assert card_facts.DESCRIPTIONS.keys() == {task.name for task in TASKS}
    for description in card_facts.DESCRIPTIONS.values():
        assert description.keys() == {"intended_use", "limits", "inputs", "outputs"}
        assert all(sentence.endswith(".") for sentences in description.values() for sentence in sentences)


def test_commit_is_git_s_and_says_whether_files_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(card_facts, "_ROOT", tmp_path)
    assert card_facts.commit() == "unknown", "no git"

    def git(*arguments: str) -> str:
        identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    git("init")
    assert card_facts.commit() == "unknown", "no commit"
    (tmp_path / "file").write_text("one")
    git("add", "file")
    git("commit", "-m", "one")
    assert card_facts.commit() == git("rev-parse", "--short", "HEAD")
    (tmp_path / "file").write_text("two")
    assert card_facts.commit().endswith("-dirty")
    git("tag", "v1")
    (tmp_path / "file").write_text("one")
    assert card_facts.commit().startswith(git("rev-parse", "--short", "HEAD")), "light tags are no names"
    (tmp_path / "below").mkdir()
    monkeypatch.setattr(card_facts, "_ROOT", tmp_path / "below")
    assert card_facts.commit() == "unknown", "another project's"
