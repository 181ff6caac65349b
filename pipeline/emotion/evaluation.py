"""Evaluation of the emotion model: the confusion matrix and what follows from it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from tensorflow_model_analysis.metrics import metric_types
from tensorflow_model_analysis.metrics.multi_class_confusion_matrix_metrics import (
    MatrixEntryKey,
    multi_class_confusion_matrices,
)
from tensorflow_model_analysis.proto import config_pb2

from pipeline import evaluation
from pipeline.config import Threshold
from pipeline.emotion.features import CLASSES, LABEL

_ONLY_THRESHOLD = 0.0


def eval_config(thresholds: dict[str, Threshold], code_fingerprint: str) -> config_pb2.EvalConfig:
    """TFMA's configuration for the emotion model."""
    return evaluation.eval_config(
        metrics=[
            evaluation.metric_config(ClassificationReport, code_fingerprint),
            config_pb2.MetricConfig(class_name="SparseCategoricalCrossentropy"),
            config_pb2.MetricConfig(class_name="ExampleCount"),
            config_pb2.MetricConfig(
                class_name="MultiClassConfusionMatrixPlot",
                config=f'{{"thresholds": [{_ONLY_THRESHOLD}]}}',
            ),
        ],
        label=LABEL,
        prediction="probabilities",
        thresholds=thresholds,
    )


def classification_report(matrix: npt.NDArray[np.float64]) -> dict[str, float]:
    """Accuracy and, for each class and as the plain mean over the classes, precision, recall and F1.

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


def _ratio(part: npt.ArrayLike, whole: npt.ArrayLike) -> npt.NDArray[np.float64]:
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    return np.divide(part, whole, out=np.zeros_like(part), where=whole != 0)


class ClassificationReport(evaluation.ReportMetric):
    """`classification_report` by arg-max.

    TFMA's own Precision and Recall count a class as predicted above probability 0.5, and their macro average is
    NaN as soon as one class is never predicted.
    """

    def __init__(self, code_fingerprint: str) -> None:
        super().__init__(_computations, code_fingerprint)


def _computations(
    name: str,
    eval_config: config_pb2.EvalConfig | None = None,
    model_name: str = "",
    output_name: str = "",
    example_weighted: bool = False,
) -> metric_types.MetricComputations:
    del name  # each value has its own
    matrices = multi_class_confusion_matrices(
        thresholds=[_ONLY_THRESHOLD],
        eval_config=eval_config,
        model_name=model_name,
        output_name=output_name,
        example_weighted=example_weighted,
    )
    matrix_key = matrices[-1].keys[-1]
    names = classification_report(np.zeros((len(CLASSES), len(CLASSES))))
    keys = evaluation.value_keys(names, model_name, output_name)

    def result(metrics: metric_types.MetricsDict) -> metric_types.MetricsDict:
        entries = metrics[matrix_key][_ONLY_THRESHOLD]
        ids = range(len(CLASSES))
        matrix = np.array([[entries.get(MatrixEntryKey(i, j), 0.0) for j in ids] for i in ids])
        return dict(zip(keys, classification_report(matrix).values(), strict=True))

    return [*matrices, metric_types.DerivedMetricComputation(keys=keys, result=result)]


metric_types.register_metric(ClassificationReport)
