"""Intervals, checked by simulation: of many samples of a known truth, about 95 of 100 intervals must hold it."""

from __future__ import annotations

import numpy as np
import pytest

from components.blessing.bootstrap import RESAMPLES, interval, resampled_sums
from components.blessing.measures import Floats
from pipeline.emotion import evaluation as emotion
from pipeline.keypoints import evaluation as keypoints


def test_resampled_sums_scatter_as_the_summands_do() -> None:
    summands = np.random.default_rng(0).normal(3, 2, (25_000, 1))
    sums = resampled_sums(summands)
    assert sums.shape == (RESAMPLES, 1)
    assert sums.mean() == pytest.approx(summands.sum(), rel=0.01)
    # Of Poisson weights the sum's variance is the sum of squares.
    assert sums.std() == pytest.approx(np.sqrt((summands**2).sum()), rel=0.1)


def test_the_same_rows_are_drawn_for_both_models() -> None:
    summands = np.random.default_rng(0).normal(0, 1, (500, 2))
    np.testing.assert_array_equal(resampled_sums(summands), resampled_sums(summands))


def test_an_undefined_resample_leaves_no_interval() -> None:
    assert interval(np.array([1.0, np.nan, 2.0])) is None


def accuracy_of(summands: Floats) -> tuple[float, float]:
    values = [emotion.from_sums(sums)["accuracy"] for sums in resampled_sums(summands)]
    bounds = interval(np.array(values))
    assert bounds
    return bounds


def test_intervals_of_accuracy_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(100):
        labels = rng.integers(0, 5, 300)
        predicted = np.where(rng.random(300) < 0.7, labels, (labels + 1) % 5)
        low, high = accuracy_of(emotion.summands(labels.astype(np.float32), np.eye(5, dtype=np.float32)[predicted]))
        hits += low <= 0.7 <= high
    # 95 expected, standard deviation 2.2.
    assert hits >= 88


def test_intervals_of_rmse_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(100):
        labels = rng.uniform(20, 76, (200, 15, 2)).astype(np.float32)
        # The errors of a row belong together, as those of a face do.
        scale = rng.uniform(0.5, 1.5, (200, 1, 1))
        predictions = (labels + scale * rng.normal(0, 2, labels.shape)).astype(np.float32)
        values = [keypoints.from_sums(s)["rmse_px"] for s in resampled_sums(keypoints.summands(labels, predictions))]
        bounds = interval(np.array(values))
        assert bounds
        truth = 2 * np.sqrt(1 + 1 / 12)
        hits += bounds[0] <= truth <= bounds[1]
    assert hits >= 88
