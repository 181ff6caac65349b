"""Processes that are killed at a numbered point, and others that only run beside."""

from __future__ import annotations

import multiprocessing
import os
import pkgutil
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

# A clean process that has imported everything, and forks.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["components.atomic_pusher.executor", "ml_metadata"])

MAX_POINTS = 100
PUSH_OPERATIONS = ("tfx.dsl.io.fileio.copy", "tfx.dsl.io.fileio.rename", "tfx.dsl.io.fileio.rmtree", "os.fsync")


def half_copied(source: str, target: str, overwrite: bool = False) -> None:
    content = Path(source).read_bytes()
    Path(target).write_bytes(content[: len(content) // 2])


def half_removed(folder: str) -> None:
    next(path for path in Path(folder).rglob("*") if path.is_file()).unlink()


# What has happened where the kill comes in the middle of it.
HALF = {"copy": half_copied, "rmtree": half_removed}


class Points:
    """Counts the calls of functions, and kills this process at one of them."""

    def __init__(self, kill_at: int, log: Path) -> None:
        self.kill_at, self.log, self.reached = kill_at, log, 0

    def watch(self, operation: str) -> None:
        where, _, name = operation.rpartition(".")
        owner = pkgutil.resolve_name(where)
        original: Callable[..., Any] = getattr(owner, name)

        def watched(*args: Any, **kwargs: Any) -> Any:
            self.reached += 1
            if self.reached == self.kill_at:
                self.log.write_text(name)
                if name in HALF:
                    HALF[name](*args, **kwargs)
                os.kill(os.getpid(), signal.SIGKILL)
            return original(*args, **kwargs)

        setattr(owner, name, watched)


def _watched(points: Points, operations: tuple[str, ...], action: Callable[..., Any], args: Any) -> None:
    for operation in operations:
        points.watch(operation)
    action(*args)


def killed_at(
    point: int, operations: tuple[str, ...], folder: Path, action: Callable[..., Any], *args: Any
) -> str | None:
    """Runs the action in a process that is killed at its `point`-th operation, counted from 1.

    Args:
      point: which.
      operations: dotted names of the functions that count.
      folder: to write to.
      action: what to run.
      args: its arguments.

    Returns:
      The name of the operation; None where the action has ended before.
    """
    log = folder / "killed_at"
    log.unlink(missing_ok=True)
    process = PROCESSES.Process(target=_watched, args=(Points(point, log), operations, action, args))
    process.start()
    process.join(60)
    assert process.exitcode == (-signal.SIGKILL if log.exists() else 0)
    return log.read_text() if log.exists() else None


def copy_of(template: Path, folder: Path) -> Path:
    shutil.copytree(template, folder, dirs_exist_ok=True)
    return folder
