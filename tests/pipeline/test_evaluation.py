"""Our metrics against scikit-learn and numpy, and their way through TFMA's combiner."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import tensorflow_model_analysis as tfma
from sklearn import metrics as reference
from tensorflow_model_analysis.metrics import metric_types

from components.blessing.measures import BASELINE, CANDIDATE, Floats, Measures
from pipeline.config import Threshold
from pipeline.emotion import evaluation as emotion
from pipeline.emotion.features import CLASSES
from pipeline.evaluation import SummedMetrics
from pipeline.keypoints import evaluation as keypoints
from pipeline.keypoints.features import POINTS


def some_probabilities(n: int = 400) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 5, n)
    logits = rng.normal(0, 1, (n, 5)) + 1.5 * np.eye(5)[labels]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return labels.astype(np.float32), probabilities.astype(np.float32)


def some_points(n: int = 40) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    truth = rng.uniform(20, 76, (n, 15, 2)).astype(np.float32)
    predictions = (truth + rng.normal(0, 2, truth.shape)).astype(np.float32)
    truth[rng.random((n, 15)) < 0.4] = np.nan
    return truth, predictions


def metrics_of(measures: Measures, labels: Any, predictions: Any) -> dict[str, float]:
    return measures.from_sums(measures.summands(labels, predictions).sum(axis=0))


def test_emotion_metrics_equal_scikit_learn() -> None:
    labels, probabilities = some_probabilities()
    found = metrics_of(emotion.MEASURES, labels, probabilities)
    predicted = probabilities.argmax(axis=1)
    precision, recall, f1, _ = reference.precision_recall_fscore_support(labels, predicted)
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(labels, predicted), abs=1e-9)
    for name, values in (("precision", precision), ("recall", recall), ("f1", f1)):
        assert [found[f"{name}_{c}"] for c in CLASSES] == pytest.approx(values, abs=1e-9)
        assert found[f"macro_{name}"] == pytest.approx(values.mean(), abs=1e-9)
    assert found["cross_entropy"] == pytest.approx(reference.log_loss(labels, probabilities), abs=1e-6)
    areas = emotion.areas_under_roc(labels, probabilities)
    expected = reference.roc_auc_score(labels, probabilities.astype(float), multi_class="ovr", average=None)
    assert [areas[f"auc_{name}"] for name in CLASSES] == pytest.approx(expected, abs=1e-6)
    assert areas["macro_auc"] == pytest.approx(np.mean(expected), abs=1e-6)


def test_calibration_error_is_the_distance_of_confidence_from_accuracy() -> None:
    # 0.8 sure and right in 6 of 10; 0.4 sure and right in 4 of 10.
    sure, unsure = [0.8, 0.05, 0.05, 0.05, 0.05], [0.4, 0.15, 0.15, 0.15, 0.15]
    probabilities = np.array([sure] * 10 + [unsure] * 10, np.float32)
    labels = np.array([0] * 6 + [1] * 4 + [0] * 4 + [1] * 6, np.float32)
    assert metrics_of(emotion.MEASURES, labels, probabilities)["calibration_error"] == pytest.approx(0.1, abs=1e-6)


def test_a_class_that_is_never_predicted_counts_as_zero() -> None:
    matrix = np.diag([5.0, 0, 3, 2, 1])
    matrix[1, 0] = 2
    report = emotion.classification_report(matrix)
    assert report["precision_Disgust"] == report["f1_Disgust"] == 0
    assert not math.isnan(report["macro_precision"])
    assert math.isnan(emotion.areas_under_roc(np.zeros(3, np.float32), np.full((3, 5), 0.2, np.float32))["auc_Angry"])


def test_keypoint_metrics_equal_numpy_and_skip_missing_points() -> None:
    labels, predictions = some_points()
    found = metrics_of(keypoints.MEASURES, labels, predictions)
    errors = (predictions.astype(float) - labels)[np.isfinite(labels)]
    assert found["mse_px"] == pytest.approx(np.mean(errors**2), rel=1e-6)
    assert found["mae_px"] == pytest.approx(np.mean(np.abs(errors)), rel=1e-6)
    assert found["rmse_px"] == pytest.approx(math.sqrt(np.mean(errors**2)), rel=1e-6)
    nose = POINTS.index("nose_tip")
    of_nose = (predictions.astype(float) - labels)[:, nose]
    assert found["rmse_px_nose_tip"] == pytest.approx(math.sqrt(np.nanmean(of_nose**2)), rel=1e-6)
    distances = np.linalg.norm(predictions.astype(float) - labels, axis=2)
    eyes = np.linalg.norm(labels[:, 0] - labels[:, 1], axis=1)
    normalised = np.nanmean(distances, axis=1) / eyes
    normalised = normalised[np.isfinite(normalised)]
    assert 5 < len(normalised) < len(labels)
    assert found["nme"] == pytest.approx(normalised.mean(), rel=1e-5)
    assert found["failure_rate"] == pytest.approx((normalised > 0.1).mean(), rel=1e-6)


def test_nothing_marked_is_not_a_number() -> None:
    labels = np.full((3, 15, 2), np.nan, np.float32)
    found = metrics_of(keypoints.MEASURES, labels, np.zeros_like(labels))
    assert all(math.isnan(value) for value in found.values())


def test_scaled_labels_become_pixels() -> None:
    scaled = np.linspace(-1, 1, 30, dtype=np.float32)[np.newaxis]
    pixels = keypoints.to_pixels(scaled)
    assert pixels.shape == (1, 15, 2)
    assert (pixels[0, 0, 0], pixels[0, -1, 1]) == (0, 96)


def through_tfma(metric: SummedMetrics, labels: Floats, predictions: Floats, output: str) -> dict[str, float]:
    """Row by row, in two halves that are merged, with both models' values in each row as TFMA hands them over."""
    computation = metric.computations(model_names=[CANDIDATE, BASELINE])[0]
    combiner = computation.combiner
    halves = []
    for half in (slice(0, None, 2), slice(1, None, 2)):
        accumulator = combiner.create_accumulator()
        for label, prediction in zip(labels[half], predictions[half], strict=True):
            element = metric_types.StandardMetricInputs(
                label={CANDIDATE: label, BASELINE: label},
                prediction={CANDIDATE: {output: prediction, "other": 1}, BASELINE: {output: prediction * 0}},
                example_weight=np.array([1.0]),
            )
            accumulator = combiner.add_input(accumulator, element)
        halves.append(accumulator)
    return {key.name: value for key, value in combiner.extract_output(combiner.merge_accumulators(halves)).items()}


def test_tfma_adds_up_to_the_same() -> None:
    labels, probabilities = some_probabilities(50)
    found = through_tfma(emotion.EmotionMetrics("x"), labels[:, np.newaxis], probabilities, "probabilities")
    assert found == pytest.approx(metrics_of(emotion.MEASURES, labels, probabilities))
    points, predictions = some_points()
    scaled = points.reshape(-1, 30) / 48 - 1
    found = through_tfma(keypoints.KeypointMetrics("x"), scaled, predictions, "keypoints")
    assert found == pytest.approx(metrics_of(keypoints.MEASURES, points, predictions), rel=1e-4)


@pytest.mark.parametrize("module", [emotion, keypoints])
def test_config_is_valid_with_and_without_baseline(module: Any) -> None:
    config = module.eval_config({"m": Threshold(at_least=0.5)}, "x")
    tfma.utils.verify_eval_config(config)
    assert [spec.name for spec in config.model_specs] == [CANDIDATE, BASELINE]
    assert [list(spec.feature_keys) for spec in config.slicing_specs] == [[], *([name] for name in module.SLICES)]
    alone = tfma.utils.update_eval_config_with_defaults(config, has_baseline=False, rubber_stamp=True)
    assert [spec.is_baseline for spec in alone.model_specs] == [False]


def test_thresholds_go_both_ways() -> None:
    config = emotion.eval_config(
        {"up": Threshold(at_least=0.5, may_worsen_by=0.1), "down": Threshold(at_most=2.0)}, "x"
    )
    assert not config.metrics_specs[0].thresholds, "they would be for each slice"
    thresholds = {}
    for name, per_slice in config.metrics_specs[0].per_slice_thresholds.items():
        [of_all_rows] = per_slice.thresholds
        assert [list(spec.feature_keys) for spec in of_all_rows.slicing_specs] == [[]]
        thresholds[name] = of_all_rows.threshold
    assert thresholds["up"].value_threshold.lower_bound.value == 0.5
    assert thresholds["up"].change_threshold.absolute.value == pytest.approx(-0.1)
    assert thresholds["down"].value_threshold.upper_bound.value == 2.0
    assert thresholds["down"].change_threshold.absolute.value == pytest.approx(0, abs=1e-6)
    assert thresholds["down"].change_threshold.absolute.value > 0, "an equal model is no worse"
