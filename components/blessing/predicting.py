"""Asks a model about every row of a split."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from components.blessing.measures import Measures
from components.signature_names import SERVING_EXAMPLES, TRANSFORM_FEATURES

_BATCH_ROWS = 256


@dataclasses.dataclass(frozen=True)
class Predicted:
    """What a model said.

    Attributes:
      rows: int64 [n], row numbers in the CSV.
      labels: float32 [n, ...], the truth in the units of the predictions.
      predictions: float32 [n, ...].
      slices: slicing feature -> its values as text, object [n].
    """

    rows: npt.NDArray[np.int64]
    labels: npt.NDArray[np.float32]
    predictions: npt.NDArray[np.float32]
    slices: dict[str, npt.NDArray[np.object_]]


def predict(model_path: str, pattern: str, measures: Measures) -> Predicted:
    """Calls a SavedModel with every tf.Example of a split, as TFMA does.

    Args:
      model_path: folder of the SavedModel.
      pattern: of the split's TFRecord files.
      measures: which features and output are asked for.
    """
    signatures = tf.saved_model.load(model_path).signatures
    parts: dict[str, list[npt.NDArray[Any]]] = {
        name: [] for name in ("rows", "labels", "predictions", *measures.slices)
    }
    files = sorted(tf.io.gfile.glob(pattern))
    for examples in tf.data.TFRecordDataset(files).batch(_BATCH_ROWS):
        row_feature = {"row": tf.io.FixedLenFeature([], tf.int64)}
        transformed = signatures[TRANSFORM_FEATURES](examples=examples)
        parts["rows"].append(tf.io.parse_example(examples, row_feature)["row"].numpy())
        parts["labels"].append(transformed[measures.label].numpy())
        parts["predictions"].append(signatures[SERVING_EXAMPLES](examples=examples)[measures.prediction].numpy())
        for name in measures.slices:
            parts[name].append(tf.strings.as_string(transformed[name]).numpy())
    whole = {name: np.concatenate(arrays) for name, arrays in parts.items()}
    return Predicted(
        rows=whole["rows"],
        labels=measures.to_prediction_units(whole["labels"]),
        predictions=whole["predictions"],
        slices={name: np.array([text.decode() for text in whole[name]], object) for name in measures.slices},
    )
