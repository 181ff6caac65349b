"""Evaluation of the emotion model: the confusion matrix and what follows from it, calibration, ROC."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from sklearn.metrics import roc_auc_score
from tensorflow_model_analysis.metrics import metric_types
from tensorflow_model_analysis.proto import config_pb2

from components.blessing.measures import Floats, Measures
from pipeline import evaluation
from pipeline.config import EMOTION_METRICS, Threshold
from pipeline.emotion.features import CLASSES, LABEL, SLICES

_N = len(CLASSES)
_CALIBRATION_BINS = 15
# As Keras: a probability of 0 must not make the whole mean infinite.
_EPSILON = 1e-7

Labels = npt.NDArray[np.float32]
Probabilities = npt.NDArray[np.float32]


def eval_config(thresholds: dict[str, Threshold], code_fingerprint: str) -> config_pb2.EvalConfig:
    """TFMA's configuration for the emotion model."""
    return evaluation.eval_config(
        metrics=[
            evaluation.metric_config(EmotionMetrics, code_fingerprint),
            config_pb2.MetricConfig(class_name="ExampleCount"),
            config_pb2.MetricConfig(class_name="MultiClassConfusionMatrixPlot", config='{"thresholds": [0.0]}'),
        ],
        measures=MEASURES,
        thresholds=thresholds,
    )


def summands(labels: Labels, probabilities: Probabilities) -> Floats:
    """What each row adds up to.

    Args:
      labels: float32 [n], class ids.
      probabilities: float32 [n, 5].

    Returns:
      float64 [n, 71]: the 25 cells of the confusion matrix (truth x arg-max), then for each of 15 bins of the largest
      probability how many rows, how many right ones and the sum of that probability; last, the cross entropy.
    """
    n = len(labels)
    rows, truth = np.arange(n), labels.astype(int)
    probabilities = probabilities.astype(np.float64)
    predicted, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    cells = np.zeros((n, _N * _N))
    cells[rows, truth * _N + predicted] = 1
    bins = np.zeros((n, _CALIBRATION_BINS, 3))
    bin_of = np.minimum((confidence * _CALIBRATION_BINS).astype(int), _CALIBRATION_BINS - 1)
    bins[rows, bin_of] = np.stack([np.ones(n), predicted == truth, confidence], axis=1)
    cross_entropy = -np.log(np.clip(probabilities[rows, truth], _EPSILON, 1))
    return np.concatenate([cells, bins.reshape(n, -1), cross_entropy[:, np.newaxis]], axis=1)


def from_sums(sums: Floats) -> dict[str, float]:
    """Metrics from the sums [71] of `summands`: `classification_report`, cross entropy and calibration error.

    The calibration error is the mean over all rows of the distance between the share of right answers and the mean of
    the largest probability in the row's bin (expected calibration error: Guo et al., "On calibration of modern neural
    networks", 2017).
    """
    if not sums.any():
        sums = np.zeros(_N * _N + 3 * _CALIBRATION_BINS + 1)
    matrix, bins = sums[: _N * _N].reshape(_N, _N), sums[_N * _N : -1].reshape(_CALIBRATION_BINS, 3)
    total = matrix.sum()
    return {
        **classification_report(matrix),
        "cross_entropy": float(_ratio(sums[-1], total)),
        "calibration_error": float(_ratio(np.abs(bins[:, 1] - bins[:, 2]).sum(), total)),
    }


def classification_report(matrix: Floats) -> dict[str, float]:
    """Accuracy and, for each class and as the plain mean over the classes, precision, recall and F1.

    TFMA's own Precision and Recall count a class as predicted above probability 0.5, and their macro average is NaN as
    soon as one class is never predicted.

    Args:
      matrix: [classes, classes], rows in truth x predicted order: how many examples.

    Returns:
      name -> value in 0..1. Precision, recall and F1 of a class that is never predicted, or never there,
      are 0 where they would be 0/0.
    """
    hits = np.diag(matrix)
    precision = _ratio(hits, matrix.sum(axis=0))
    recall = _ratio(hits, matrix.sum(axis=1))
    f1 = _ratio(2 * hits, matrix.sum(axis=0) + matrix.sum(axis=1))
    report = {"accuracy": float(_ratio(hits.sum(), matrix.sum()))}
    for name, values in (("precision", precision), ("recall", recall), ("f1", f1)):
        report[f"macro_{name}"] = float(values.mean())
        report.update({f"{name}_{class_name}": float(v) for class_name, v in zip(CLASSES, values, strict=True)})
    return report


def _ratio(part: npt.ArrayLike, whole: npt.ArrayLike) -> Floats:
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    return np.divide(part, whole, out=np.zeros_like(part), where=whole != 0)


def cross_entropies(labels: Labels, probabilities: Probabilities) -> Floats:
    """Cross entropy of each row, float64 [n]; arguments as of `summands`."""
    return summands(labels, probabilities)[:, -1]


def areas_under_roc(labels: Labels, probabilities: Probabilities) -> dict[str, float]:
    """Area under the ROC curve of each class against the rest, and their mean; NaN where a class is not there.

    Args:
      labels: float32 [n], class ids.
      probabilities: float32 [n, 5].
    """
    areas = {}
    for class_id, name in enumerate(CLASSES):
        is_class = labels == class_id
        defined = is_class.any() and not is_class.all()
        areas[f"auc_{name}"] = float(roc_auc_score(is_class, probabilities[:, class_id])) if defined else np.nan
    return {"macro_auc": float(np.mean(list(areas.values()))), **areas}


def _class_ids(labels: Labels) -> Labels:
    return labels.reshape(-1)


MEASURES = Measures(
    label=LABEL,
    prediction="probabilities",
    slices=SLICES,
    names=tuple(from_sums(np.zeros(1))),
    to_prediction_units=_class_ids,
    summands=summands,
    from_sums=from_sums,
    errors=cross_entropies,
    over_all_rows=areas_under_roc,
    class_names=CLASSES,
)
assert set(EMOTION_METRICS) <= set(MEASURES.names)


class EmotionMetrics(evaluation.SummedMetrics):
    """The emotion model's metrics."""

    def __init__(self, code_fingerprint: str) -> None:
        super().__init__(MEASURES, code_fingerprint)


metric_types.register_metric(EmotionMetrics)
