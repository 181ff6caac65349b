"""Curves of predicted probabilities: precision and recall, ROC, calibration; thinned for charts."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

Floats = npt.NDArray[np.float64]

# More cannot be seen.
MOST_POINTS = 200
# As the pipeline's calibration error has it.
BINS = 15
_95 = 1.959964


@dataclasses.dataclass(frozen=True)
class Curve:
    """A curve [k] of at most MOST_POINTS points, and the area below the whole one."""

    x: Floats
    y: Floats
    area: float


@dataclasses.dataclass(frozen=True)
class RocCurve(Curve):
    """True (y) by false (x) positive rate, and from which probability on a row counts as positive, [k], 0..1."""

    thresholds: Floats


@dataclasses.dataclass(frozen=True)
class Bin:
    """Rows whose largest probability is between `low` and `high`.

    Attributes:
      low, high: of the bin, 0..1.
      count: rows; at least 1.
      confidence: mean of their largest probability.
      share: of the answers that are right.
      interval: 95 % interval of the share.
    """

    low: float
    high: float
    count: int
    confidence: float
    share: float
    interval: tuple[float, float]


def precision_recall(is_class: npt.NDArray[np.bool_], probabilities: npt.NDArray[np.float32]) -> Curve | None:
    """Precision (y) by recall (x) of one class against the rest, with average precision; None where it is not there."""
    if not is_class.any():
        return None
    precision, recall, _ = precision_recall_curve(is_class, probabilities)
    return Curve(*thinned(recall, precision), float(average_precision_score(is_class, probabilities)))


def roc(is_class: npt.NDArray[np.bool_], probabilities: npt.NDArray[np.float32]) -> RocCurve | None:
    """True by false positive rate of one class against the rest; None where all or no rows are of it."""
    if not is_class.any() or is_class.all():
        return None
    false_rate, true_rate, thresholds = roc_curve(is_class, probabilities)
    kept = _kept_points(false_rate, true_rate)
    area = float(roc_auc_score(is_class, probabilities))
    # The first one, at which no row is positive, is infinite.
    return RocCurve(false_rate[kept], true_rate[kept], area, np.minimum(thresholds[kept], 1.0))


def micro_average_roc(labels: npt.NDArray[np.integer[Any]], probabilities: npt.NDArray[np.float32]) -> RocCurve | None:
    """The curve of all classes together: each pair of a row and a class counts as a row of its own.

    Args:
      labels: [n], class ids.
      probabilities: float [n, classes].
    """
    is_class = labels[:, np.newaxis] == np.arange(probabilities.shape[1])
    return roc(is_class.ravel(), probabilities.ravel())


def thinned(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """At most MOST_POINTS of a curve's points [n], evenly along its length, with its first and last."""
    kept = _kept_points(x, y)
    return x[kept], y[kept]


def _kept_points(x: Floats, y: Floats) -> npt.NDArray[np.intp]:
    """Where the points stand that `thinned` keeps, ascending."""
    if len(x) <= MOST_POINTS:
        return np.arange(len(x))
    length = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y)))])
    kept = np.searchsorted(length, np.linspace(0, length[-1], MOST_POINTS - 1)).clip(max=len(x) - 1)
    return np.union1d(kept, [len(x) - 1])


def calibration(labels: npt.NDArray[np.int64], probabilities: npt.NDArray[np.float32]) -> tuple[list[Bin], float]:
    """The bins that have rows, ascending, and the expected calibration error (Guo et al., 2017).

    Args:
      labels: int [n], class ids.
      probabilities: float [n, classes].
    """
    confidence = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == labels
    bin_of = np.minimum((confidence * BINS).astype(int), BINS - 1)
    bins = []
    for i in np.unique(bin_of):
        inside = bin_of == i
        count, hits = int(inside.sum()), int(right[inside].sum())
        mean = float(confidence[inside].mean())
        bins.append(Bin(i / BINS, (i + 1) / BINS, count, mean, hits / count, wilson(hits, count)))
    error = sum(found.count * abs(found.share - found.confidence) for found in bins) / max(len(labels), 1)
    return bins, error


def wilson(hits: int, count: int) -> tuple[float, float]:
    """95 % interval of a share (Wilson, 1927); `count` is at least 1."""
    share, spread = hits / count, _95**2 / count
    middle = (share + spread / 2) / (1 + spread)
    half = _95 / (1 + spread) * np.sqrt(share * (1 - share) / count + spread / count / 4)
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))
