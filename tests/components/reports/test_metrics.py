"""Metrics for Kubeflow's UI: they say what the evaluation says, and survive the way to it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from sklearn.metrics import auc, confusion_matrix, roc_auc_score
from tfx.orchestration.kubeflow.v2 import compiler_utils
from tfx.types import channel

from components.run_report.artifact import ClassificationMetrics, HtmlReport, Metrics
from components.run_report.metrics import classification_metrics, scalar_metrics
from dashboard.curves import MOST_POINTS
from dashboard.evaluated import Evaluated, Predictions
from pipeline.emotion.evaluation import MEASURES
from tests.components.reports.conftest import Reports
from tests.components.reports.ui import check_confusion_matrix, check_curve, check_scalar_metrics, properties_in_ui

CLASSES = MEASURES.class_names


@pytest.fixture(scope="module")
def evaluated() -> Evaluated:
    """5,000 rows of a model with some skill, of which the report names no row."""
    random = np.random.default_rng(1)
    labels = random.integers(0, len(CLASSES), 5000)
    scores = random.normal(size=(5000, len(CLASSES)))
    scores[np.arange(5000), labels] += 1.5
    values = (np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)).astype(np.float32)
    sums = MEASURES.summands(labels.astype(np.float32), values).sum(axis=0)
    metrics: dict[str, float | None] = {**MEASURES.from_sums(sums), "example_count": 5000.0, "auc_Disgust": None}
    pairs = [
        {"truth": CLASSES[label], "predicted": CLASSES[named], "count": 1, "rows": [row]}
        for row, (label, named) in enumerate(zip(labels, values.argmax(axis=1), strict=True))
    ]
    report = {
        "blessed": False,
        "baseline_version": 1_795_380_312,
        "thresholds": [],
        "metrics": {"": metrics},
        "examples": {"": 5000},
        "intervals": {},
        "worst": [],
        "confused": pairs,
    }
    return Evaluated(report, "test", Predictions(np.arange(5000), labels, values), None)


def test_the_matrix_counts_each_class(evaluated: Evaluated) -> None:
    metrics = ClassificationMetrics()
    for name, value in classification_metrics(evaluated).items():
        metrics.set_json_value_custom_property(name, value)
    names, rows = check_confusion_matrix(properties_in_ui(metrics)["confusionMatrix"])

    assert evaluated.predictions
    labels = evaluated.predictions.labels
    assert names == list(CLASSES)
    assert [sum(row) for row in rows] == np.bincount(labels).tolist()
    np.testing.assert_array_equal(rows, confusion_matrix(labels, evaluated.predictions.values.argmax(axis=1)))


def test_the_curve_is_the_micro_average(evaluated: Evaluated) -> None:
    metrics = ClassificationMetrics()
    for name, value in classification_metrics(evaluated).items():
        metrics.set_json_value_custom_property(name, value)
    points = check_curve(properties_in_ui(metrics)["confidenceMetrics"])

    assert evaluated.predictions
    is_class = np.eye(len(CLASSES))[evaluated.predictions.labels]
    values = evaluated.predictions.values
    x, y, thresholds = (
        np.array([point[key] for point in points]) for key in ("falsePositiveRate", "recall", "confidenceThreshold")
    )
    assert auc(x, y) == pytest.approx(roc_auc_score(is_class, values, average="micro"), abs=0.002)
    assert MOST_POINTS / 2 < len(points) <= MOST_POINTS
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    assert (np.diff(thresholds) <= 0).all()
    # A threshold says what a row must reach.
    middle = len(points) // 2
    found = (values >= thresholds[middle] - 1e-6)[is_class.astype(bool)].mean()
    assert found == pytest.approx(y[middle], abs=1e-3)


def test_metrics_are_numbers_and_defined(evaluated: Evaluated) -> None:
    values = scalar_metrics(evaluated, None)
    assert values["macro F1"] == pytest.approx(evaluated.metrics["macro_f1"], abs=1e-6)
    assert values["recall Angry"] == pytest.approx(evaluated.metrics["recall_Angry"], abs=1e-6)
    assert (values["rows"], values["blessed"], values["last blessed version"]) == (5000, 0, 1_795_380_312)
    assert values.keys().isdisjoint({"AUC Disgust", "servable", "example count"})
    assert len(values) == len(evaluated.metrics) - 2 + 3
    assert scalar_metrics(evaluated, True)["servable"] == 1


def test_no_rows_are_nothing_to_draw(evaluated: Evaluated) -> None:
    none = Predictions(np.arange(0), np.empty(0), np.empty((0, 5), np.float32))
    assert classification_metrics(dataclasses.replace(evaluated, predictions=none)) == {}
    assert classification_metrics(dataclasses.replace(evaluated, predictions=None)) == {}


@pytest.mark.parametrize("branch", ["emotion", "keypoints"])
def test_metrics_survive_ml_metadata(reports: dict[str, Reports], branch: str) -> None:
    values = properties_in_ui(reports[branch].outputs["metrics"])
    check_scalar_metrics(values)
    assert (values["blessed"], values["servable"]) == (1, 1)
    assert 0.5 < values["macro F1" if branch == "emotion" else "RMSE (px)"] < 5
    assert "last blessed version" not in values


def test_the_matrix_survives_ml_metadata(reports: dict[str, Reports]) -> None:
    branch = reports["emotion"]
    properties = properties_in_ui(branch.outputs["classification_metrics"])
    names, rows = check_confusion_matrix(properties["confusionMatrix"])
    assert names == list(branch.task.measures.class_names)
    assert np.sum(rows) == properties_in_ui(branch.outputs["metrics"])["rows"] > 20
    assert check_curve(properties["confidenceMetrics"])


def test_points_have_no_matrix(reports: dict[str, Reports]) -> None:
    assert set(reports["keypoints"].outputs) == {
        "statistics_html",
        "findings_html",
        "html",
        "evaluation_html",
        "metrics",
    }


@pytest.mark.parametrize("kind", [HtmlReport, Metrics, ClassificationMetrics])
def test_the_compiler_takes_the_types(kind: type) -> None:
    spec = compiler_utils.build_output_artifact_spec(channel.Channel(type=kind))
    assert f"title: {kind.TYPE_NAME}" in spec.artifact_type.instance_schema
