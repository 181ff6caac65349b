"""What a task measures, as plain functions of labels and predictions."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

# The two models' names in a TFMA evaluation.
CANDIDATE, BASELINE = "candidate", "baseline"

Floats = npt.NDArray[np.float64]
# Labels as the transformed Examples hold them, float [n, ...]; predictions as the model serves them, float [n, ...].
Pair = Callable[[npt.NDArray[np.float32], npt.NDArray[np.float32]], Floats]


@dataclasses.dataclass(frozen=True)
class Measures:
    """How a task's predictions are measured.

    Attributes:
      label: transformed feature with the truth.
      prediction: output of the model to compare it with.
      slices: transformed features by whose values the rows are sliced.
      names: of the metrics.
      to_prediction_units: the labels in the units of the predictions.
      summands: (labels in those units, predictions) -> [n, k], what each row adds to sums.
      from_sums: sums [k] -> metric by name; NaN where there is nothing to divide by.
      errors: (labels, predictions) -> [n], how wrong each row is; what the worst rows are sorted by.
      over_all_rows: (labels, predictions) -> further metrics by name, those that do not follow from sums.
      class_names: by class id; empty where there are none.
    """

    label: str
    prediction: str
    slices: tuple[str, ...]
    names: tuple[str, ...]
    to_prediction_units: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]
    summands: Pair
    from_sums: Callable[[Floats], dict[str, float]]
    errors: Pair
    over_all_rows: Callable[[npt.NDArray[np.float32], npt.NDArray[np.float32]], dict[str, float]]
    class_names: tuple[str, ...] = ()
