"""Writes the blessed model aside, then renames it into place."""

from __future__ import annotations

import errno
import json
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import tensorflow as tf
from tfx import types
from tfx.components.pusher import executor as stock_executor
from tfx.components.statistics_gen import stats_artifact_utils
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import io_utils, path_utils

from components.atomic_pusher.layout import PUSHING_PREFIX, REMOVING_PREFIX, WITHDRAWAL_FILE
from components.atomic_pusher.local_disk import exclusive, is_local, sync, sync_tree
from components.errors import ExplainedError
from components.model_versions import (
    MODEL_CARD_FILES,
    TRAINING_STATISTICS,
    all_versions,
    content_digest,
    latest_version,
    version_path,
    withdrawn_path,
    withdrawn_versions,
)

# Custom properties of PushedModel: 1 where the newest version was this very model already; and, of a blessed model
# that was not pushed, the reason.
UNCHANGED_PROPERTY = "unchanged"
NOT_PUSHED_BECAUSE_PROPERTY = "not_pushed_because"

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


class Executor(stock_executor.Executor):
    """The stock executor's blessing checks and properties around an atomic push."""

    def GetModelPath(self, input_dict: dict[str, list[types.Artifact]]) -> str:
        """Folder of the SavedModel to push."""
        # The stock order is the other way round; but only this copy has the warm-up requests.
        for blessing in input_dict.get("infra_blessing", []):
            if blessing.get_int_custom_property(stock_executor._INFRA_BLESSING_MODEL_FLAG_KEY):
                return str(path_utils.stamped_model_path(blessing.uri))
        return str(super().GetModelPath(input_dict))

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Pushes the model if it is blessed, not the newest version already, and was not withdrawn.

        Raises:
          ExplainedError: the disk is full; the versions that were there are whole.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        pushed_model = artifact_utils.get_single_instance(output_dict["pushed_model"])
        if not self.CheckBlessing(input_dict):
            self._MarkNotPushed(pushed_model)
            return
        base, keep_versions = exec_properties["model_base_path"], exec_properties.get("keep_versions")
        with explained_if_full(base), changing(base):
            with set_aside(self.GetModelPath(input_dict), input_dict, base) as aside:
                digest, version = content_digest(aside), latest_version(base)
                unchanged = version is not None and content_digest(version_path(base, version)) == digest
                if version is None or not unchanged:
                    withdrawal = find_withdrawal(digest, base)
                    if withdrawal:
                        self._MarkNotPushed(pushed_model)
                        pushed_model.set_string_custom_property(NOT_PUSHED_BECAUSE_PROPERTY, withdrawal)
                        return
                    version = push(aside, base)
            if keep_versions:
                remove_oldest(base, keep_versions)
        pushed_model.set_int_custom_property(UNCHANGED_PROPERTY, int(unchanged))
        self._MarkPushed(pushed_model, version_path(base, version), str(version))


@contextmanager
def explained_if_full(model_base_path: str) -> Iterator[None]:
    """Within the context, a full disk raises an ExplainedError."""
    try:
        yield
    except (OSError, tf.errors.ResourceExhaustedError) as error:
        if isinstance(error, OSError) and error.errno not in _DISK_FULL:
            raise
        raise ExplainedError(
            f"{model_base_path}: the disk is full, so that the push did not finish and the versions before it stay; "
            "free some space there and run again."
        ) from error


@contextmanager
def changing(model_base_path: str) -> Iterator[None]:
    """Within the context, this push has the folder to itself, free of what killed pushes have left."""
    fileio.makedirs(model_base_path)
    with exclusive(model_base_path):
        # Without a lock, another push may be writing aside; nobody comes back to a removal.
        prefixes = (REMOVING_PREFIX, PUSHING_PREFIX) if is_local(model_base_path) else (REMOVING_PREFIX,)
        for name in fileio.listdir(model_base_path):
            if name.startswith(prefixes):
                fileio.rmtree(os.path.join(model_base_path, name))
        yield


@contextmanager
def set_aside(model_path: str, input_dict: dict[str, list[types.Artifact]], model_base_path: str) -> Iterator[str]:
    """A folder with the SavedModel, the statistics of what it learned from and, where there is one, its card.

    It is gone afterwards, unless renamed.
    """
    # Beside the versions, hence on the same file system.
    aside = os.path.join(model_base_path, f"{PUSHING_PREFIX}{uuid.uuid4().hex}")
    try:
        io_utils.copy_dir(model_path, aside)
        learned_from = os.path.join(
            artifact_utils.get_split_uri(input_dict["statistics"], "train"), stats_artifact_utils.BINARY_PB_BASENAME
        )
        io_utils.copy_file(learned_from, os.path.join(aside, TRAINING_STATISTICS))
        for card in input_dict.get("model_card", []):
            for name in MODEL_CARD_FILES:
                io_utils.copy_file(os.path.join(card.uri, os.path.basename(name)), os.path.join(aside, name))
        yield aside
    finally:
        if fileio.exists(aside):
            fileio.rmtree(aside)


def push(aside: str, model_base_path: str) -> int:
    """Renames a folder beside the versions into a new version, which so appears whole or not at all.

    Returns:
      The version: the time in seconds, as the stock Pusher has it, or more where that is not above all others,
      withdrawn ones too.
    """
    taken = all_versions(model_base_path) + withdrawn_versions(model_base_path)
    version = max(int(time.time()), max(taken, default=0) + 1)
    sync_tree(aside)
    fileio.rename(aside, version_path(model_base_path, version))
    sync(model_base_path)
    return version


def remove_oldest(model_base_path: str, keep_versions: int) -> None:
    """Removes all versions but the `keep_versions` newest, each whole at once to whoever looks at versions."""
    for version in all_versions(model_base_path)[:-keep_versions]:
        removing = os.path.join(model_base_path, f"{REMOVING_PREFIX}{version}")
        fileio.rename(version_path(model_base_path, version), removing)
        # Or a power cut could undo the renaming, but not all of the removing.
        sync(model_base_path)
        fileio.rmtree(removing)


def find_withdrawal(digest: str, model_base_path: str) -> str | None:
    """Why a model may not be pushed: what became of a withdrawn version with the same content; None if none has it."""
    for version in withdrawn_versions(model_base_path):
        folder = withdrawn_path(model_base_path, version)
        if content_digest(folder) != digest:
            continue
        by_whom = ""
        record_file = os.path.join(folder, WITHDRAWAL_FILE)
        # A rollback that was killed has withdrawn the version, but not written down why.
        if fileio.exists(record_file):
            with fileio.open(record_file) as file:
                record = json.loads(file.read())
            by_whom = f" by {record['who']} ({record['why']})"
        return f"the same model was withdrawn as version {version}{by_whom}; to allow it again, delete {folder}"
    return None
