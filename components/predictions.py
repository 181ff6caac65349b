"""What a model said of each row, as an artifact: for intervals, worst rows, reports, and to compare servers with."""

from __future__ import annotations

import io
import os

import numpy as np
import numpy.typing as npt
from tfx.dsl.io import fileio
from tfx.types import artifact

_FILE = "predictions.npz"


class Predictions(artifact.Artifact):
    """Artifact: `predictions.npz`, see `write`."""

    TYPE_NAME = "emotion_ai.Predictions"


def write(
    uri: str, rows: npt.NDArray[np.int64], labels: npt.NDArray[np.float32], predictions: npt.NDArray[np.float32]
) -> None:
    """Writes the file of a Predictions artifact.

    Args:
      uri: its folder.
      rows: int64 [n], row numbers in the CSV.
      labels: float32 [n, ...], the truth in the units of the predictions; NaN where missing.
      predictions: float32 [n, ...], what the model said.
    """
    buffer = io.BytesIO()
    np.savez_compressed(buffer, rows=rows, labels=labels, predictions=predictions)
    with fileio.open(os.path.join(uri, _FILE), "wb") as file:
        file.write(buffer.getvalue())


def read(uri: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """`rows`, `labels` and `predictions` of a Predictions artifact, see `write`."""
    with fileio.open(os.path.join(uri, _FILE), "rb") as file:
        arrays = np.load(io.BytesIO(file.read()))
    return arrays["rows"], arrays["labels"], arrays["predictions"]
