"""Versions below a TensorFlow Serving model base path: `<base>/<number>/saved_model.pb`."""

from __future__ import annotations

import hashlib
import os

from tfx.dsl.io import fileio

# File of a pushed version: TFDV's statistics of the rows that the model was trained on. TensorFlow Serving leaves
# alone what it does not know in this folder.
TRAINING_STATISTICS = os.path.join("assets.extra", "training_statistics.pb")


def latest_version(model_base_path: str) -> int | None:
    """The highest version number below the path, or None where there is none yet."""
    if not fileio.exists(model_base_path):
        return None
    # Names that are no numbers are not versions to TensorFlow Serving either.
    names = (name.rstrip("/") for name in fileio.listdir(model_base_path))
    return max((int(name) for name in names if name.isdigit()), default=None)


def version_path(model_base_path: str, version: int) -> str:
    """Folder of one version."""
    return os.path.join(model_base_path, str(version))


def content_digest(folder: str) -> str:
    """SHA-256 of the names and contents of all files below the folder."""
    digest = hashlib.sha256()
    paths = sorted(os.path.join(parent, name) for parent, _, names in fileio.walk(folder) for name in names)
    for path in paths:
        with fileio.open(path, "rb") as file:
            content = file.read()
        digest.update(f"{os.path.relpath(path, folder)}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()
