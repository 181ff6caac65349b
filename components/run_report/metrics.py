"""An evaluation as Kubeflow's UI shows metrics: the same numbers as in the report."""

from __future__ import annotations

from typing import Any

from dashboard.curves import micro_average_roc
from dashboard.evaluated import Evaluated, class_names
from dashboard.metrics import readable
from dashboard.sections.evaluation_of_classes import confusion

_ROWS = "example_count"
# The UI shows all that there are.
_DIGITS = 6


def scalar_metrics(evaluated: Evaluated, servable: bool | None) -> dict[str, float]:
    """Name for people -> value: of all rows of the candidate, and what was decided on it, 0 or 1.

    Numbers only, and defined ones: newer releases of Kubeflow refuse text, and all of them NaN.

    Args:
      evaluated: the candidate.
      servable: whether it can be served; None where nobody has tried.
    """
    values = {readable(name): value for name, value in evaluated.metrics.items() if name != _ROWS}
    values["rows"] = evaluated.report["examples"].get("")
    values["blessed"] = evaluated.report["blessed"]
    values["servable"] = servable
    values["last blessed version"] = evaluated.report["baseline_version"]
    return {name: round(float(value), _DIGITS) for name, value in values.items() if value is not None}


def classification_metrics(evaluated: Evaluated) -> dict[str, Any]:
    """Custom properties of ClassificationMetrics; {} where there are no rows. It must be an evaluation of classes."""
    predictions = evaluated.predictions
    if predictions is None or not len(predictions.rows):
        return {}
    properties: dict[str, Any] = {
        "confusionMatrix": {
            "annotationSpecs": [{"displayName": name} for name in class_names(evaluated)],
            "rows": [{"row": row} for row in confusion(predictions).tolist()],
        }
    }
    curve = micro_average_roc(predictions.labels.astype(int), predictions.values)
    if curve is not None:
        points = zip(curve.thresholds, curve.x, curve.y, strict=True)
        properties["confidenceMetrics"] = [
            {
                "confidenceThreshold": round(float(threshold), _DIGITS),
                "falsePositiveRate": round(float(false_rate), _DIGITS),
                "recall": round(float(true_rate), _DIGITS),
            }
            for threshold, false_rate, true_rate in points
        ]
    return properties
