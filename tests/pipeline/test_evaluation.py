"""Our metrics through real TFMA, against scikit-learn and numpy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import tensorflow_model_analysis as tfma
from sklearn import metrics as reference
from tensorflow_model_analysis.metrics import metric_types

from pipeline.config import Threshold
from pipeline.emotion import evaluation as emotion
from pipeline.emotion.features import CLASSES
from pipeline.evaluation import BASELINE, CANDIDATE
from pipeline.keypoints import evaluation as keypoints


def test_report_equals_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 5, 400)
    predicted = np.where(rng.random(400) < 0.6, truth, rng.integers(0, 5, 400))
    report = emotion.classification_report(reference.confusion_matrix(truth, predicted).astype(float))
    precision, recall, f1, _ = reference.precision_recall_fscore_support(truth, predicted)
    assert report["accuracy"] == pytest.approx(reference.accuracy_score(truth, predicted))
    for name, values in (("precision", precision), ("recall", recall), ("f1", f1)):
        assert [report[f"{name}_{c}"] for c in CLASSES] == pytest.approx(values)
        assert report[f"macro_{name}"] == pytest.approx(values.mean())


def test_a_class_that_is_never_predicted_counts_as_zero() -> None:
    matrix = np.diag([5.0, 0, 3, 2, 1])
    matrix[1, 0] = 2
    report = emotion.classification_report(matrix)
    assert report["precision_Disgust"] == report["f1_Disgust"] == 0
    assert not math.isnan(report["macro_precision"])


def compute(computation: Any, inputs: list[metric_types.StandardMetricInputs]) -> dict[str, float]:
    combiner = computation.combiner
    halves = []
    for part in (inputs[::2], inputs[1::2]):
        accumulator = combiner.create_accumulator()
        for element in part:
            accumulator = combiner.add_input(accumulator, element)
        halves.append(accumulator)
    result = combiner.extract_output(combiner.merge_accumulators(halves))
    return {key.name: value for key, value in result.items()}


def test_keypoint_errors_skip_missing_points() -> None:
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 96, (20, 30))
    predicted = truth + rng.normal(0, 2, truth.shape)
    labels = truth / 48 - 1
    labels[rng.random(labels.shape) < 0.5] = np.nan
    inputs = [
        metric_types.StandardMetricInputs(label=label, prediction=points.reshape(15, 2), example_weight=np.array([1.0]))
        for label, points in zip(labels, predicted, strict=True)
    ]
    [computation] = keypoints.KeypointErrors("x").computations(model_names=[""])
    errors = (predicted - truth)[np.isfinite(labels)]
    assert compute(computation, inputs) == pytest.approx(
        {
            "mse_px": np.mean(errors**2),
            "mae_px": np.mean(np.abs(errors)),
            "rmse_px": math.sqrt(np.mean(errors**2)),
        }
    )


@pytest.mark.parametrize("module", [emotion, keypoints])
def test_config_is_valid_with_and_without_baseline(module: Any) -> None:
    config = module.eval_config({"m": Threshold(at_least=0.5)}, "x")
    tfma.utils.verify_eval_config(config)
    assert [spec.name for spec in config.model_specs] == [CANDIDATE, BASELINE]
    alone = tfma.utils.update_eval_config_with_defaults(config, has_baseline=False, rubber_stamp=True)
    assert [spec.is_baseline for spec in alone.model_specs] == [False]


def test_thresholds_go_both_ways() -> None:
    config = emotion.eval_config(
        {"up": Threshold(at_least=0.5, may_worsen_by=0.1), "down": Threshold(at_most=2.0)}, "x"
    )
    thresholds = config.metrics_specs[0].thresholds
    assert thresholds["up"].value_threshold.lower_bound.value == 0.5
    assert thresholds["up"].change_threshold.absolute.value == pytest.approx(-0.1)
    assert thresholds["down"].value_threshold.upper_bound.value == 2.0
    assert thresholds["down"].change_threshold.absolute.value == pytest.approx(0, abs=1e-6)
    assert thresholds["down"].change_threshold.absolute.value > 0, "an equal model is no worse"
