"""What Kubeflow makes of an artifact: from the executor's output over its launcher to its UI."""

from __future__ import annotations

import json
import math
from typing import Any

from google.protobuf import json_format
from tfx.orchestration.kubeflow.v2.container.kubeflow_v2_entrypoint_utils import to_runtime_artifact
from tfx.types import artifact


def properties_in_ui(published: artifact.Artifact) -> dict[str, Any]:
    """The custom properties of an artifact as the UI reads them from Kubeflow's ML Metadata (converter.go)."""
    runtime_artifact = json.loads(json_format.MessageToJson(to_runtime_artifact(published, {})))
    # TFX stamps its version on each output; the container's entrypoint takes it off again.
    return {k: _converted(v) for k, v in runtime_artifact.get("metadata", {}).items() if k != "tfx_version"}


def _converted(value: Any) -> Any:
    if isinstance(value, list):
        return {"list": value}
    if isinstance(value, dict):
        return {"struct": value}
    # Null is an error, bools become numbers, and NaN and Infinity come as text out of the JSON.
    assert type(value) in (str, float, int), value
    return value


def check_scalar_metrics(properties: dict[str, Any]) -> None:
    """As the launcher after ML Metadata asks: nothing but numbers."""
    assert properties
    for name, value in properties.items():
        assert type(value) in (int, float), (name, value)
        assert math.isfinite(value)
        assert name != "display_name"


def check_curve(confidence_metrics: Any) -> list[dict[str, float]]:
    """The points of a curve that the UI draws (ROCCurveHelper.tsx)."""
    points: list[dict[str, float]] = confidence_metrics["list"]
    for point in points:
        assert set(point) == {"confidenceThreshold", "falsePositiveRate", "recall"}
        assert all(type(value) in (int, float) and 0 <= value <= 1 for value in point.values())
    return points


def check_confusion_matrix(confusion_matrix: Any) -> tuple[list[str], list[list[float]]]:
    """Names and rows of a confusion matrix that the UI draws (MetricsVisualizations.tsx)."""
    matrix = confusion_matrix["struct"]
    names = [annotation["displayName"] for annotation in matrix["annotationSpecs"]]
    rows = [row["row"] for row in matrix["rows"]]
    assert len(names) == len(rows)
    assert all(isinstance(name, str) for name in names)
    assert all(len(row) == len(rows) and all(map(math.isfinite, row)) for row in rows)
    return names, rows
