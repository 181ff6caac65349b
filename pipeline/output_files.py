"""Files that a person has asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from components.errors import InputError


@contextmanager
def written_whole(path: Path) -> Iterator[TextIO]:
    """A file that takes its name when the context ends without an error, and is gone otherwise.

    Args:
      path: of the option --out.

    Raises:
      InputError: it cannot be written.
    """
    if path.is_dir():
        raise InputError(f"{path}: is a folder. Name a file with --out.")
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        file = aside.open("w", encoding="utf-8", newline="")
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}). Check --out.") from None
    try:
        with file:
            yield file
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
