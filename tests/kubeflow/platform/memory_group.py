"""A real limit of memory, by a control group of the kernel, where this user may make one."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_CGROUPS = Path("/sys/fs/cgroup")


@contextmanager
def memory_group(limit: int) -> Iterator[Path | None]:
    """A control group with a limit in bytes, gone afterwards; None without a limit or the right to make one."""
    folder = _make(limit) if limit else None
    try:
        yield folder
    finally:
        if folder:
            # Busy for a moment after the last process.
            with suppress(OSError):
                folder.rmdir()


def as_container_sees(group: Path) -> dict[str, Path]:
    """Where a container finds its own group -> the group."""
    return {"/sys/fs/cgroup" if _is_version_2() else "/sys/fs/cgroup/memory": group}


def _is_version_2() -> bool:
    return (_CGROUPS / "cgroup.controllers").exists()


def _make(limit: int) -> Path | None:
    folder = (_CGROUPS if _is_version_2() else _CGROUPS / "memory") / f"emotion-ai-test-{uuid.uuid4()}"
    try:
        folder.mkdir()
    except OSError:
        return None
    try:
        if _is_version_2():
            (folder / "memory.max").write_text(str(limit))
            if (folder / "memory.swap.max").exists():
                (folder / "memory.swap.max").write_text("0")
            # All processes at once, as Kubernetes has it.
            (folder / "memory.oom.group").write_text("1")
        else:
            (folder / "memory.limit_in_bytes").write_text(str(limit))
            if (folder / "memory.memsw.limit_in_bytes").exists():
                (folder / "memory.memsw.limit_in_bytes").write_text(str(limit))
    except OSError:
        folder.rmdir()
        return None
    return folder
