"""What Kubeflow's UI makes of an artifact on its Visualization tab, and what it refuses to draw.

frontend/src/components/viewers/MetricsVisualizations.tsx and HTMLViewer.tsx.
"""

from __future__ import annotations

import re
from typing import Any

from ml_metadata.proto import metadata_store_pb2

from tests.kubeflow.platform.metadata import properties
from tests.kubeflow.platform.object_store import ObjectStore

# Names of its own, which the UI shows among the metrics all the same, or leaves out.
_KUBEFLOW_S_OWN = ("display_name", "store_session_info")
_LOADS = re.compile(r"""<(?:script|link|img|image|iframe)[^>]*?\s(?:src|href|xlink:href)=["']?(?!data:|#)([^"'>\s]+)""")


def html(artifact: metadata_store_pb2.Artifact, objects: ObjectStore) -> str:
    """The page of a system.HTML: the URI is read as one object, and shown in a frame without a network."""
    _expect(artifact, "system.HTML")
    assert objects.names(artifact.uri) == [""], f"{artifact.uri} is not one object"
    page = objects.read(artifact.uri).decode()
    assert "<html" in page
    assert not _LOADS.findall(page), "the page loads something that is not in it"
    return page


def scalar_metrics(artifact: metadata_store_pb2.Artifact) -> dict[str, float]:
    """The rows of a system.Metrics: all custom properties. Releases after 2.16 take numbers only."""
    values = _expect(artifact, "system.Metrics")
    for name, value in values.items():
        assert isinstance(value, float), f"{name}: {value!r} is no number"
    return values


def confusion_matrix(artifact: metadata_store_pb2.Artifact) -> tuple[list[str], list[list[float]]]:
    """Labels and rows of the matrix of a system.ClassificationMetrics."""
    matrix = _expect(artifact, "system.ClassificationMetrics")["confusionMatrix"]["struct"]
    labels = [spec["displayName"] for spec in matrix["annotationSpecs"]]
    rows = [row["row"] for row in matrix["rows"]]
    assert all(isinstance(label, str) for label in labels)
    assert len(rows) == len(labels)
    assert all(len(row) == len(labels) for row in rows)
    assert all(isinstance(count, float) for row in rows for count in row)
    return labels, rows


def roc_curve(artifact: metadata_store_pb2.Artifact) -> list[tuple[float, float]]:
    """False positive rates and recalls of the curve of a system.ClassificationMetrics."""
    points = _expect(artifact, "system.ClassificationMetrics")["confidenceMetrics"]["list"]
    for point in points:
        for name in ("confidenceThreshold", "falsePositiveRate", "recall"):
            assert isinstance(point[name], float), f"{name}: {point[name]!r} is no number"
    return [(point["falsePositiveRate"], point["recall"]) for point in points]


def _expect(artifact: metadata_store_pb2.Artifact, type_name: str) -> dict[str, Any]:
    """An artifact's own properties; artifacts of other types, or without a name, are not shown at all."""
    assert artifact.type == type_name
    assert artifact.custom_properties["display_name"].string_value
    return {name: value for name, value in properties(artifact).items() if name not in _KUBEFLOW_S_OWN}
