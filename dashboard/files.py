"""Files of artifacts, wherever they are stored."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from dashboard.runs import Artifact


def read_bytes(artifact: Artifact | None, name: str) -> bytes | None:
    """A file of an artifact; None where there is no artifact, or it has no such file (yet)."""
    if artifact is None:
        return None
    path = os.path.join(artifact.uri, name)
    if "://" not in path:
        try:
            return Path(path).read_bytes()
        except OSError:
            return None
    # Seconds to import, and needed for buckets only.
    import tensorflow as tf

    try:
        with tf.io.gfile.GFile(path, "rb") as file:
            content: bytes = file.read()
    except tf.errors.OpError:
        return None
    return content


def read_json(artifact: Artifact | None, name: str) -> dict[str, Any] | None:
    """A JSON object from a file of an artifact; None as of `read_bytes`, and where it holds none, or half of one."""
    content = read_bytes(artifact, name)
    try:
        found = json.loads(content) if content else None
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
