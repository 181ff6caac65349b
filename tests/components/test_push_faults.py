"""Pushes that are killed, run out of disk, or run beside each other, a rollback and a reader."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from io import StringIO
from multiprocessing.synchronize import Barrier, Event
from pathlib import Path
from typing import Any

import pytest
from tfx.dsl.io import fileio

from components.atomic_pusher import executor as pusher
from components.errors import ExplainedError
from pipeline.rollback import roll_back
from pipeline.workspace import Workspace
from tests.components.push_faults.killing import MAX_POINTS, PROCESSES, PUSH_OPERATIONS, copy_of, killed_at
from tests.components.push_faults.pushing import contents, leftovers, model_at, push, saved_model, versions
from tests.components.push_faults.reading import LOADS, VERSIONS, export, read_on


def test_a_push_killed_anywhere_leaves_only_whole_versions(tmp_path: Path) -> None:
    template = tmp_path / "template"
    for content in ("oldest", "old"):
        push(tmp_path, saved_model(tmp_path / content, content), base=template)
    model = saved_model(tmp_path / "new", "new")
    killed_in = set()
    for point in range(1, MAX_POINTS):
        base = copy_of(template, tmp_path / f"killed at {point}")
        operation = killed_at(point, PUSH_OPERATIONS, tmp_path, push, tmp_path, model, 1, "statistics", base, 2)
        if operation is None:
            break
        killed_in.add(operation)
        assert contents(base) in (["oldest", "old"], ["oldest", "old", "new"], ["old", "new"])
        push(tmp_path, model, base=base, keep_versions=2)
        assert contents(base) == ["old", "new"]
        assert not leftovers(base)
    assert killed_in == {"copy", "fsync", "rename", "rmtree"}
    assert contents(base) == ["old", "new"]


def test_everything_is_on_the_disk_before_the_version_appears(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    rename, fsync = fileio.rename, os.fsync

    def checked_rename(source: str, target: str) -> None:
        parts = [Path(source), *Path(source).rglob("*")]
        assert {path.stat().st_ino for path in parts} == set(synced)
        rename(source, target)
        synced.clear()

    def noted_fsync(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    monkeypatch.setattr(fileio, "rename", checked_rename)
    monkeypatch.setattr(os, "fsync", noted_fsync)
    push(tmp_path, saved_model(tmp_path / "a", "a"))
    assert synced == [(tmp_path / "models").stat().st_ino]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """An empty folder on a disk with room for 1 MB."""
    folder = tmp_path / "small disk"
    folder.mkdir()
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs the right to mount a small disk")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_explained_and_harms_no_version(tmp_path: Path, small_disk: Path) -> None:
    base = small_disk / "models"
    push(tmp_path, saved_model(tmp_path / "old", "old"), base=base)
    large = saved_model(tmp_path / "large", "large" * 400_000)
    with pytest.raises(ExplainedError, match="the disk is full"):
        push(tmp_path, large, base=base)
    assert contents(base) == ["old"]
    assert not leftovers(base)
    filler = small_disk / "filler"
    filler.write_bytes(b"0" * os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_bsize)
    small = saved_model(tmp_path / "small", "small")
    with pytest.raises(ExplainedError, match="the disk is full"):
        push(tmp_path, small, base=base)
    assert contents(base) == ["old"]
    filler.unlink()
    push(tmp_path, small, base=base)
    assert contents(base) == ["old", "small"]


def push_together(barrier: Barrier, *args: Any) -> None:
    barrier.wait(60)
    push(*args)


def test_two_pushes_at_once_give_two_versions(tmp_path: Path) -> None:
    base, barrier = tmp_path / "models", PROCESSES.Barrier(2)
    pushes = [
        PROCESSES.Process(
            target=push_together,
            args=(barrier, tmp_path / f"of {name}", saved_model(tmp_path / name, name), 1, "statistics", base),
        )
        for name in "ab"
    ]
    for process in pushes:
        process.start()
    for process in pushes:
        process.join(60)
    assert [process.exitcode for process in pushes] == [0, 0]
    assert sorted(contents(base)) == ["a", "b"]


def push_slowly(started: Event, go_on: Event, *args: Any) -> None:
    copy = fileio.copy

    def slow_copy(source: str, target: str, overwrite: bool = False) -> None:
        copy(source, target, overwrite)
        started.set()
        go_on.wait(60)

    fileio.copy = slow_copy
    push(*args)


def test_a_push_under_way_keeps_its_folder(tmp_path: Path) -> None:
    base, started, go_on = tmp_path / "models", PROCESSES.Event(), PROCESSES.Event()
    a, b = (saved_model(tmp_path / name, name) for name in "ab")
    slow = PROCESSES.Process(target=push_slowly, args=(started, go_on, tmp_path / "of a", a, 1, "statistics", base))
    quick = PROCESSES.Process(target=push, args=(tmp_path / "of b", b, 1, "statistics", base))
    slow.start()
    assert started.wait(60)
    quick.start()
    quick.join(1)
    assert quick.is_alive()
    assert len(leftovers(base)) == 1
    go_on.set()
    for process in (slow, quick):
        process.join(60)
        assert process.exitcode == 0
    assert contents(base) == ["a", "b"]
    assert not leftovers(base)


def test_a_reader_never_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = fileio.copy

    def slow_copy(source: str, target: str, overwrite: bool = False) -> None:
        time.sleep(0.02)
        copy(source, target, overwrite)

    # So that a version that does not appear at once is seen half.
    monkeypatch.setattr(fileio, "copy", slow_copy)
    workspace = Workspace(tmp_path)
    base = workspace.models / "emotion_ai"
    workspace.metadata_file.parent.mkdir()
    model = model_at(export(tmp_path / "model", 2.0))
    push(tmp_path, model, learned_from="data 0", base=base)
    enough, stop, results = PROCESSES.Event(), PROCESSES.Event(), PROCESSES.Queue()
    reader = PROCESSES.Process(target=read_on, args=(base, enough, stop, results))
    reader.start()
    # Each push with other statistics: equal ones would be no new version.
    pushes, rollbacks = 1, 0
    while not enough.is_set() or rollbacks < 5:
        assert reader.is_alive()
        push(tmp_path, model, learned_from=f"data {pushes}", base=base, keep_versions=2)
        pushes += 1
        if pushes % 5 == 0:
            time.sleep(0.2)
            roll_back(workspace, "emotion_ai", "a test", "a test", StringIO())
            rollbacks += 1
    stop.set()
    loads, of_versions, missed, failures = results.get(timeout=60)
    reader.join(60)
    assert failures == []
    assert loads >= LOADS
    assert of_versions >= VERSIONS
    assert missed <= rollbacks
    assert len(versions(base)) <= 2


def test_a_withdrawn_model_stays_withdrawn_in_later_runs(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    base = workspace.models / "emotion_ai"
    workspace.metadata_file.parent.mkdir()
    good, bad = (saved_model(tmp_path / name, name) for name in ("good", "bad"))
    for model in (good, bad):
        push(tmp_path, model, base=base)
    roll_back(workspace, "emotion_ai", "all are Happy", "Ada", StringIO())
    assert contents(base) == ["good"]
    [withdrawn] = base.glob(".withdrawn-*")
    assert json.loads((withdrawn / "withdrawn.json").read_text())["why"] == "all are Happy"
    for _ in range(2):
        pushed = push(tmp_path, bad, base=base)
        assert pushed.get_int_custom_property("pushed") == 0
        assert "Ada (all are Happy)" in pushed.get_string_custom_property(pusher.NOT_PUSHED_BECAUSE_PROPERTY)
    assert contents(base) == ["good"]
