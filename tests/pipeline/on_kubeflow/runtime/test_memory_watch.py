"""Warnings before memory runs out."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import pytest

from pipeline.on_kubeflow.runtime.memory_watch import MemoryWatch, level_passed, memory_use

GB = 10**9


def version_2(folder: Path, limit: str, used: int, cache: int = 0) -> Path:
    (folder / "memory.max").write_text(f"{limit}\n")
    (folder / "memory.current").write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 5\ninactive_file {cache}\nactive_file 7\n")
    return folder


def version_1(folder: Path, limit: int, used: int, cache: int = 0) -> Path:
    (folder / "memory").mkdir()
    (folder / "memory" / "memory.limit_in_bytes").write_text(f"{limit}\n")
    (folder / "memory" / "memory.usage_in_bytes").write_text(f"{used}\n")
    (folder / "memory" / "memory.stat").write_text(f"inactive_file 1\ntotal_inactive_file {cache}\n")
    return folder


def test_both_versions_are_read_without_the_page_cache(tmp_path: Path) -> None:
    assert memory_use(version_2(tmp_path, str(4 * GB), 3 * GB, GB)) == (2 * GB, 4 * GB)
    (tmp_path / "one").mkdir()
    assert memory_use(version_1(tmp_path / "one", 4 * GB, 3 * GB, GB)) == (2 * GB, 4 * GB)


def test_without_a_limit_or_a_control_group_there_is_nothing_to_watch(tmp_path: Path) -> None:
    assert memory_use(tmp_path) is None
    assert memory_use(version_2(tmp_path, "max", 3 * GB)) is None
    (tmp_path / "one").mkdir()
    assert memory_use(version_1(tmp_path / "one", 0x7FFFFFFFFFFFF000, 3 * GB)) is None


@pytest.mark.parametrize(
    ("used", "level"), [(0, 0), (79, 0), (80, 0.80), (89, 0.80), (90, 0.90), (95, 0.95), (120, 0.95)]
)
def test_levels(used: int, level: float) -> None:
    assert level_passed(used, 100) == level


def test_each_level_is_told_once_with_the_setting_to_raise(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    watch = MemoryWatch("EmotionTrainer", tmp_path)
    told = []
    for used in (1.0, 3.3, 3.3, 3.9, 3.7, 1.0, 3.9):
        version_2(tmp_path, str(4 * GB), int(used * GB))
        with caplog.at_level(logging.WARNING):
            caplog.clear()
            watch.look()
        told.append(len(caplog.records))
        if used == 3.3 and caplog.records:
            assert caplog.records[0].getMessage() == (
                "EmotionTrainer uses 3.3 of 4.0 GB of memory (over 80 %). If it is killed (exit code 137, OOMKilled), "
                "raise memory_gb of components.EmotionTrainer in the platform file."
            )
    assert told == [0, 1, 0, 1, 0, 0, 0]


def test_it_names_the_limit_and_looks_from_a_thread_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    looked = threading.Event()

    def only_note(_: MemoryWatch) -> None:
        looked.set()

    monkeypatch.setattr(MemoryWatch, "look", only_note)
    with caplog.at_level(logging.INFO):
        watch = MemoryWatch("EmotionTrainer", version_2(tmp_path, str(2 * GB), 0))
        watch.start(every_s=0.01)
    assert looked.wait(timeout=30)
    watch.stop()
    assert caplog.records[0].getMessage() == (
        "EmotionTrainer may use 2.0 GB of memory (memory_gb of components.EmotionTrainer in the platform file). If "
        "this log ends without another word, it was killed there (exit code 137, OOMKilled)."
    )
