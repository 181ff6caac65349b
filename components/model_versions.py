"""Versions below a TensorFlow Serving model base path: `<base>/<number>/saved_model.pb`."""

from __future__ import annotations

import hashlib
import os

from tfx.dsl.io import fileio

from components.atomic_pusher.layout import WITHDRAWAL_FILE, WITHDRAWN_PREFIX, numbers
from components.model_card.artifact import CARD_FILES

# Files of a pushed version: TFDV's statistics of the rows that the model was trained on, and what ModelCard writes.
# TensorFlow Serving leaves alone what it does not know in this folder.
_EXTRA = "assets.extra"
TRAINING_STATISTICS = os.path.join(_EXTRA, "training_statistics.pb")
MODEL_CARD_FILES = tuple(os.path.join(_EXTRA, name) for name in CARD_FILES)

# What is said about a model is no part of it: the same model may come from another commit.
_NO_CONTENT = {*MODEL_CARD_FILES, WITHDRAWAL_FILE}


def all_versions(model_base_path: str) -> list[int]:
    """The version numbers below the path, ascending."""
    return numbers(_names(model_base_path))


def latest_version(model_base_path: str) -> int | None:
    """The highest version number below the path, or None where there is none yet."""
    return max(all_versions(model_base_path), default=None)


def withdrawn_versions(model_base_path: str) -> list[int]:
    """The numbers of the versions that a rollback has withdrawn, ascending."""
    return numbers(_names(model_base_path), WITHDRAWN_PREFIX)


def version_path(model_base_path: str, version: int) -> str:
    """Folder of one version."""
    return os.path.join(model_base_path, str(version))


def withdrawn_path(model_base_path: str, version: int) -> str:
    """Folder of one withdrawn version."""
    return os.path.join(model_base_path, f"{WITHDRAWN_PREFIX}{version}")


def content_digest(folder: str) -> str:
    """SHA-256 of the names and contents of all files below the folder, but for what is said about the model."""
    digest = hashlib.sha256()
    paths = sorted(os.path.join(parent, name) for parent, _, names in fileio.walk(folder) for name in names)
    for path in paths:
        name = os.path.relpath(path, folder)
        if name in _NO_CONTENT:
            continue
        with fileio.open(path, "rb") as file:
            content = file.read()
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _names(model_base_path: str) -> list[str]:
    names: list[str] = fileio.listdir(model_base_path) if fileio.exists(model_base_path) else []
    return names
