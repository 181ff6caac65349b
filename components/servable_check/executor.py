"""Gives the model warm-up requests, has it checked, and blesses it or not."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import io_utils, path_utils

from components import predictions
from components.file_trees import link_or_copy_tree
from components.servable_check.checks import Budgets
from components.servable_check.clean_process import check_in_clean_process
from components.servable_check.report import Report
from components.servable_check.requests import write_warmup

REPORT_FILE = "servable_check.json"

_SPLIT = "test"
# Spread over the split. What can go wrong goes wrong with many rows.
_MAX_ROWS = 256
_TIMEOUT_S = 300


class Executor(base_executor.BaseExecutor):
    """Writes an InfraBlessing as TFX's InfraValidator does; the stock Pusher takes it."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Runs the checks; see ServableCheck. A model that is refused is no error."""
        self._log_startup(input_dict, output_dict, exec_properties)
        model = artifact_utils.get_single_instance(input_dict["model"])
        blessing = artifact_utils.get_single_instance(output_dict["blessing"])
        examples, expected = evaluated_rows(
            artifact_utils.get_split_uri(input_dict["examples"], _SPLIT),
            artifact_utils.get_single_uri(input_dict["predictions"]),
        )
        warm_model = path_utils.stamped_model_path(blessing.uri)
        if examples:
            link_or_copy_tree(path_utils.serving_model_path(model.uri), warm_model)
            write_warmup(examples, warm_model)
            budgets = Budgets(
                exec_properties["max_first_request_ms"],
                exec_properties["max_median_ms"],
                exec_properties["max_memory_mb"],
            )
            report = check_in_clean_process(
                warm_model, examples, expected, exec_properties["prediction_key"], budgets, _TIMEOUT_S
            )
        else:
            report = Report()
            report.refuse(
                "rows",
                f"None of the Examples of the split '{_SPLIT}' has a row number that the predictions name. Evaluate "
                f"the model on this split.",
            )
        io_utils.write_string_file(os.path.join(blessing.uri, REPORT_FILE), report.to_json())
        blessed = not report.reasons
        # File names and properties are InfraValidator's, whose module needs the clients of Docker and Kubernetes.
        io_utils.write_string_file(os.path.join(blessing.uri, "INFRA_BLESSED" if blessed else "INFRA_NOT_BLESSED"), "")
        blessing.set_int_custom_property("blessed", int(blessed))
        if blessed:
            blessing.set_int_custom_property("has_model", 1)
        elif fileio.exists(warm_model):
            fileio.rmtree(warm_model)


def evaluated_rows(split_uri: str, predictions_uri: str) -> tuple[list[bytes], npt.NDArray[np.float32]]:
    """Rows that are in both, spread over the split.

    Args:
      split_uri: folder of TFRecord files of tf.Examples with `row`.
      predictions_uri: of a Predictions artifact.

    Returns:
      Serialized tf.Examples, 256 at most; their predictions, float32 [n, ...]. Both are empty where there are none.
    """
    rows, _, predicted = predictions.read(predictions_uri)
    index = {int(row): number for number, row in enumerate(rows)}
    examples, numbers = [], []
    for record in tf.data.TFRecordDataset(sorted(tf.io.gfile.glob(os.path.join(split_uri, "*")))).as_numpy_iterator():
        row = tf.train.Example.FromString(record).features.feature["row"].int64_list.value
        if row and row[0] in index:
            examples.append(record)
            numbers.append(index[row[0]])
    chosen = np.linspace(0, len(examples) - 1, min(_MAX_ROWS, len(examples))).astype(int)
    return [examples[i] for i in chosen], predicted[[numbers[i] for i in chosen]]
