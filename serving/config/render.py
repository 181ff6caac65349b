"""Makes the model server's --model_config_file from the versions that are in a folder.

The labels let a client choose without knowing numbers: `canary` is the newest version, `stable` the one before it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from serving.errors import UsageError

MODELS = ("emotion_ai", "facial_keypoints")
# Two, so that a client of `stable` and one of `canary` are both answered, and the way back needs no loading.
_KEPT = 2
# The server's numbers of versions are int64, and it ignores folders with larger ones.
_TOO_LARGE = 2**63
_HEADER = """\
# Made by `emotion-ai serving-config`: `canary` is the newest version, `stable` the one before it or the pinned one.
# Make it anew after each push and rollback: a label stays with its number.
"""


def render_models_config(models_folder: Path, base_path: str, stable: Mapping[str, int]) -> str:
    """The configuration as text, for those models that have a version.

    Args:
      models_folder: with MODEL/VERSION/saved_model.pb, as this machine sees it.
      base_path: the same folder as the server sees it, absolute.
      stable: by model, the version that gets the label `stable`; of a model that is not named, it is the one before
        the newest, or the newest where there is only one.

    Raises:
      UsageError: no model has a version, or a pinned model or version is not there.
    """
    if not base_path.startswith("/"):
        raise UsageError(f"base path {base_path!r}: not absolute. Name the folder as the server sees it, like /models.")
    for name in stable:
        if name not in MODELS:
            raise UsageError(f"stable {name}: no such model. Name one of {', '.join(MODELS)}.")
    config = model_server_config_pb2.ModelServerConfig()
    for name in MODELS:
        versions = _versions(models_folder / name)
        if name in stable and stable[name] not in versions:
            there = ", ".join(map(str, versions)) or "none"
            raise UsageError(f"stable {name}: {models_folder / name} has no version {stable[name]}. There: {there}.")
        if versions:
            pinned = stable.get(name, versions[-_KEPT:][0])
            _add_model(config, name, f"{base_path.rstrip('/')}/{name}", versions, pinned)
    if not config.model_config_list.config:
        raise UsageError(
            f"{models_folder}: holds no version of {' or '.join(MODELS)}. Run the pipeline until it has pushed one, "
            "or name the folder that it pushes to."
        )
    return _HEADER + str(text_format.MessageToString(config))


def write_models_config(path: Path, models_folder: Path, base_path: str, stable: Mapping[str, int]) -> str:
    """Writes the configuration in one step, so that a server that polls the file never reads half of it.

    Returns:
      The text that was written.

    Raises:
      UsageError: as `render_models_config`, and where the file cannot be written.
    """
    text = render_models_config(models_folder, base_path, stable)
    try:
        descriptor, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}. Name a file in a folder that can be written to.") from error
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(aside, 0o644)  # the server runs as another user
        os.replace(aside, path)
    except OSError as error:
        os.unlink(aside)
        raise UsageError(f"{path}: {error.strerror}. Name a file that can be written to.") from error
    return text


def _add_model(
    config: model_server_config_pb2.ModelServerConfig, name: str, base_path: str, versions: list[int], stable: int
) -> None:
    model = config.model_config_list.config.add(name=name, base_path=base_path, model_platform="tensorflow")
    if stable in versions[-_KEPT:]:
        model.model_version_policy.latest.num_versions = _KEPT
    else:
        model.model_version_policy.specific.versions.extend([stable, versions[-1]])
    model.version_labels["stable"] = stable
    model.version_labels["canary"] = versions[-1]


def _versions(folder: Path) -> list[int]:
    """The versions in a model's folder, oldest first; folders with other names are being pushed or withdrawn."""
    if not folder.is_dir():
        return []
    return sorted(
        int(entry.name)
        for entry in folder.iterdir()
        if entry.name.isascii()
        and entry.name.isdigit()
        and int(entry.name) < _TOO_LARGE
        and (entry / "saved_model.pb").is_file()
    )
