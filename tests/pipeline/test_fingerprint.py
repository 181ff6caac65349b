from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import fingerprint
from pipeline.fingerprint import code_fingerprint, file_fingerprint


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(fingerprint, "_ROOT", tmp_path)
    package = tmp_path / "pipeline"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "top.py").write_text("import os\nfrom pipeline import middle\n")
    (package / "middle.py").write_text("def f():\n    from pipeline.bottom import x\n    return x\n")
    (package / "bottom.py").write_text("x = 1\n")
    (package / "other.py").write_text("y = 1\n")
    return package


def test_sees_a_change_in_a_module_that_is_imported_indirectly(tree: Path) -> None:
    before = code_fingerprint("pipeline.top")
    (tree / "bottom.py").write_text("x = 2\n")
    assert code_fingerprint("pipeline.top") != before


def test_ignores_a_change_elsewhere(tree: Path) -> None:
    before = code_fingerprint("pipeline.top")
    (tree / "other.py").write_text("y = 2\n")
    assert code_fingerprint("pipeline.top") == before


def test_survives_import_cycles(tree: Path) -> None:
    (tree / "bottom.py").write_text("import pipeline.top\n")
    assert len(code_fingerprint("pipeline.top")) == 16


@pytest.mark.parametrize("task", ["keypoints", "emotion"])
def test_the_branches_do_not_share_training_code_fingerprints(task: str) -> None:
    closure = fingerprint._closure(f"pipeline.{task}.training")
    assert f"pipeline.{task}.model" in closure
    assert "pipeline.training.fit" in closure
    other = {"keypoints": "emotion", "emotion": "keypoints"}[task]
    assert not [name for name in closure if name.startswith(f"pipeline.{other}")]


def test_file_fingerprint_follows_content_not_name(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 3_000_000)
    (tmp_path / "b").write_bytes(b"x" * 3_000_000)
    (tmp_path / "c").write_bytes(b"y")
    assert file_fingerprint(tmp_path / "a") == file_fingerprint(tmp_path / "b")
    assert file_fingerprint(tmp_path / "a") != file_fingerprint(tmp_path / "c")
