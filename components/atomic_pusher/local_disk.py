"""Locks and durability on local disks. Object stores have neither: there, nothing happens."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from components.atomic_pusher.layout import LOCK_FILE


def is_local(path: str) -> bool:
    """Whether the path is one of this machine's, and no object store's URI."""
    return "://" not in path


@contextmanager
def exclusive(model_base_path: str) -> Iterator[None]:
    """Within the context, no other process that asks for it changes the versions below the path.

    The lock ends with the process, however that ends. A folder that is not there yet has nothing to lock.
    """
    if not is_local(model_base_path) or not Path(model_base_path).is_dir():
        yield
        return
    descriptor = os.open(os.path.join(model_base_path, LOCK_FILE), os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def sync(path: str) -> None:
    """Returns when a file's content, or a folder's list of names, would survive a power cut.

    Raises:
      OSError: the disk has no room for it, or is broken.
    """
    if not is_local(path):
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: str) -> None:
    """`sync` for a folder and all that is in it.

    Raises:
      OSError: see sync.
    """
    if not is_local(folder):
        return
    for parent, _, names in os.walk(folder, topdown=False):
        for name in names:
            sync(os.path.join(parent, name))
        sync(parent)
