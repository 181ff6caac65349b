"""Evaluation of the keypoint model: errors in pixels and in eye distances, over the points that are marked."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from tensorflow_model_analysis.metrics import metric_types
from tensorflow_model_analysis.proto import config_pb2

from components.blessing.measures import Floats, Measures
from pipeline import evaluation
from pipeline.config import KEYPOINTS_METRICS, Threshold
from pipeline.keypoints.features import HALF_SIZE, LABEL, POINTS, SLICES

_N = len(POINTS)
_LEFT_EYE, _RIGHT_EYE = POINTS.index("left_eye_center"), POINTS.index("right_eye_center")
# A face whose mean error is more than this many eye distances is a failure.
_FAILURE = 0.1

# float32 [n, 15, 2], pixels; NaN where a point is not marked.
Points = npt.NDArray[np.float32]


def eval_config(thresholds: dict[str, Threshold], code_fingerprint: str) -> config_pb2.EvalConfig:
    """TFMA's configuration for the keypoint model."""
    return evaluation.eval_config(
        metrics=[
            evaluation.metric_config(KeypointMetrics, code_fingerprint),
            config_pb2.MetricConfig(class_name="ExampleCount"),
        ],
        measures=MEASURES,
        thresholds=thresholds,
    )


def summands(labels: Points, predictions: Points) -> Floats:
    """What each row adds up to.

    Args:
      labels: float32 [n, 15, 2], pixels, NaN where missing.
      predictions: float32 [n, 15, 2], pixels.

    Returns:
      float64 [n, 34]: for each point the squared errors of its marked coordinates, then how many those are; the sum of
      absolute errors; and, of a row with both eyes marked, a 1, its mean error in eye distances, and whether that is a
      failure.
    """
    errors = predictions.astype(np.float64) - labels
    marked = np.isfinite(errors)
    errors = np.where(marked, errors, 0)
    normalised = normalised_errors(labels, predictions)
    has_eyes = np.isfinite(normalised)
    normalised = np.where(has_eyes, normalised, 0)
    of_row = [np.abs(errors).sum(axis=(1, 2)), has_eyes, normalised, normalised > _FAILURE]
    return np.concatenate([np.square(errors).sum(axis=2), marked.sum(axis=2), np.stack(of_row, axis=1)], axis=1)


def normalised_errors(labels: Points, predictions: Points) -> Floats:
    """Mean distance of a row's marked points over the distance of its eyes, float64 [n]; NaN without both eyes."""
    eye_distance = np.linalg.norm(labels[:, _LEFT_EYE] - labels[:, _RIGHT_EYE], axis=1).astype(np.float64)
    return np.asarray(mean_errors(labels, predictions) / eye_distance)


def mean_errors(labels: Points, predictions: Points) -> Floats:
    """Mean distance of a row's marked points in pixels, float64 [n]; NaN where none is marked."""
    distances = np.linalg.norm(predictions.astype(np.float64) - labels, axis=2)
    marked = np.isfinite(distances)
    return _ratio(np.where(marked, distances, 0).sum(axis=1), marked.sum(axis=1))


def from_sums(sums: Floats) -> dict[str, float]:
    """Metrics from the sums [34] of `summands`; NaN where nothing is marked.

    'mse_px' (square pixels), 'mae_px' and 'rmse_px' (pixels) over all marked coordinates of all rows; 'rmse_px_<point>'
    of one point; 'nme', the mean over rows of the mean error in eye distances; 'failure_rate', the share of rows in
    which that is above 0.1.
    """
    if not sums.any():
        sums = np.zeros(2 * _N + 4)
    squares, counts = sums[:_N], sums[_N : 2 * _N]
    absolute, with_eyes, normalised, failures = sums[2 * _N :]
    mse = float(_ratio(squares.sum(), counts.sum()))
    return {
        "mse_px": mse,
        "mae_px": float(_ratio(absolute, counts.sum())),
        "rmse_px": math.sqrt(mse),
        "nme": float(_ratio(normalised, with_eyes)),
        "failure_rate": float(_ratio(failures, with_eyes)),
        **{f"rmse_px_{p}": float(v) for p, v in zip(POINTS, np.sqrt(_ratio(squares, counts)), strict=True)},
    }


def _ratio(part: npt.ArrayLike, whole: npt.ArrayLike) -> Floats:
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole != 0)


def to_pixels(scaled: npt.NDArray[np.float32]) -> Points:
    """Labels as they are learned, float32 [n, 30] in -1..1, to pixels [n, 15, 2]."""
    return (scaled.reshape(-1, _N, 2) + 1) * np.float32(HALF_SIZE)


def _nothing_more(labels: Points, predictions: Points) -> dict[str, float]:
    return {}


MEASURES = Measures(
    label=LABEL,
    prediction="keypoints",
    slices=SLICES,
    names=tuple(from_sums(np.zeros(1))),
    to_prediction_units=to_pixels,
    summands=summands,
    from_sums=from_sums,
    errors=mean_errors,
    over_all_rows=_nothing_more,
)
assert set(KEYPOINTS_METRICS) <= set(MEASURES.names)


class KeypointMetrics(evaluation.SummedMetrics):
    """The keypoint model's metrics."""

    def __init__(self, code_fingerprint: str) -> None:
        super().__init__(MEASURES, code_fingerprint)


metric_types.register_metric(KeypointMetrics)
