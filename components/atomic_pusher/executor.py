"""Writes the blessed model aside, then renames it into place."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tfx import types
from tfx.components.pusher import executor as stock_executor
from tfx.components.statistics_gen import stats_artifact_utils
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import io_utils

from components.model_versions import TRAINING_STATISTICS, content_digest, latest_version, version_path

# Custom property of PushedModel: 1 where the newest version was this very model already.
UNCHANGED_PROPERTY = "unchanged"


class Executor(stock_executor.Executor):
    """The stock executor's blessing checks and properties around an atomic push."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Pushes the model if it is blessed and not the newest version already."""
        self._log_startup(input_dict, output_dict, exec_properties)
        pushed_model = artifact_utils.get_single_instance(output_dict["pushed_model"])
        if not self.CheckBlessing(input_dict):
            self._MarkNotPushed(pushed_model)
            return
        base = exec_properties["model_base_path"]
        statistics = artifact_utils.get_single_instance(input_dict["statistics"])
        with set_aside(self.GetModelPath(input_dict), statistics, base) as aside:
            version = latest_version(base)
            unchanged = version is not None and content_digest(version_path(base, version)) == content_digest(aside)
            if version is None or not unchanged:
                version = push(aside, base)
        pushed_model.set_int_custom_property(UNCHANGED_PROPERTY, int(unchanged))
        self._MarkPushed(pushed_model, version_path(base, version), str(version))


@contextmanager
def set_aside(model_path: str, statistics: types.Artifact, model_base_path: str) -> Iterator[str]:
    """A folder with the SavedModel and the statistics of what it learned from; gone afterwards, unless renamed."""
    # Beside the versions, hence on the same file system; TensorFlow Serving looks only at names that are numbers.
    aside = os.path.join(model_base_path, f".pushing-{uuid.uuid4().hex}")
    try:
        io_utils.copy_dir(model_path, aside)
        learned_from = os.path.join(
            artifact_utils.get_split_uri([statistics], "train"), stats_artifact_utils.BINARY_PB_BASENAME
        )
        io_utils.copy_file(learned_from, os.path.join(aside, TRAINING_STATISTICS))
        yield aside
    finally:
        if fileio.exists(aside):
            fileio.rmtree(aside)


def push(aside: str, model_base_path: str) -> int:
    """Renames a folder beside the versions into a new version, which so appears whole or not at all.

    Returns:
      The version: the time in seconds, as the stock Pusher has it, or more where that is taken.
    """
    version = max(int(time.time()), (latest_version(model_base_path) or 0) + 1)
    fileio.rename(aside, version_path(model_base_path, version))
    return version
