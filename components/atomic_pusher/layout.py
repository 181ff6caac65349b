"""Names in a model base path. Free of TensorFlow, so that small commands start fast."""

from __future__ import annotations

from collections.abc import Iterable

# TensorFlow Serving looks only at names that are numbers: it sees nothing of what these begin.
PUSHING_PREFIX = ".pushing-"
REMOVING_PREFIX = ".removing-"
WITHDRAWN_PREFIX = ".withdrawn-"

LOCK_FILE = ".push.lock"

# In the folder of a withdrawn version: JSON with model_name, from_version, to_version, who, why and when.
WITHDRAWAL_FILE = "withdrawn.json"


def numbers(names: Iterable[str], prefix: str = "") -> list[int]:
    """The versions among the names, ascending: the numbers that follow the prefix and nothing else."""
    bare = (name.rstrip("/").removeprefix(prefix) for name in names if name.startswith(prefix))
    return sorted(int(name) for name in bare if name.isdecimal())
