"""Evaluation of the keypoint model: errors in pixels over the points that are marked."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import apache_beam as beam
import numpy as np
from tensorflow_model_analysis.metrics import metric_types
from tensorflow_model_analysis.proto import config_pb2

from pipeline import evaluation
from pipeline.config import KEYPOINTS_METRICS, Threshold
from pipeline.keypoints.features import HALF_SIZE, LABEL

# Sum of squared errors, sum of absolute errors, number of coordinates.
_Sums = tuple[float, float, int]


def eval_config(thresholds: dict[str, Threshold], code_fingerprint: str) -> config_pb2.EvalConfig:
    """TFMA's configuration for the keypoint model."""
    return evaluation.eval_config(
        metrics=[
            evaluation.metric_config(KeypointErrors, code_fingerprint),
            config_pb2.MetricConfig(class_name="ExampleCount"),
        ],
        label=LABEL,
        prediction="keypoints",
        thresholds=thresholds,
    )


class KeypointErrors(evaluation.ReportMetric):
    """'mse_px' (square pixels), 'mae_px' and 'rmse_px' (pixels) over all marked coordinates of all rows."""

    def __init__(self, code_fingerprint: str) -> None:
        super().__init__(_computations, code_fingerprint)


def _computations(name: str, model_name: str = "", output_name: str = "") -> metric_types.MetricComputations:
    del name  # each value has its own
    keys = evaluation.value_keys(KEYPOINTS_METRICS, model_name, output_name)
    return [metric_types.MetricComputation(keys=keys, preprocessors=None, combiner=_SumErrors(keys, model_name))]


class _SumErrors(beam.CombineFn):
    def __init__(self, keys: list[metric_types.MetricKey], model_name: str) -> None:
        self._keys = keys
        self._model_name = model_name

    def create_accumulator(self) -> _Sums:
        return 0.0, 0.0, 0

    def add_input(self, accumulator: _Sums, element: metric_types.StandardMetricInputs) -> _Sums:
        label = np.asarray(_of_model(element.label, self._model_name), np.float64).ravel()
        predicted = np.asarray(_of_model(element.prediction, self._model_name), np.float64).ravel()
        marked = np.isfinite(label)
        errors = predicted[marked] - (label[marked] + 1) * HALF_SIZE
        return self.merge_accumulators(
            [accumulator, (float(np.square(errors).sum()), float(np.abs(errors).sum()), errors.size)]
        )

    def merge_accumulators(self, accumulators: Iterable[_Sums]) -> _Sums:
        squares, absolutes, counts = zip(*accumulators, strict=True)
        return sum(squares), sum(absolutes), sum(counts)

    def extract_output(self, accumulator: _Sums) -> dict[metric_types.MetricKey, float]:
        squares, absolutes, count = accumulator
        mse = squares / count if count else math.nan
        mae = absolutes / count if count else math.nan
        return dict(zip(self._keys, (mse, mae, math.sqrt(mse)), strict=True))


def _of_model(values: Any, model_name: str) -> Any:
    """TFMA keeps labels and predictions by model name where there are several models."""
    return values[model_name] if isinstance(values, dict) else values


metric_types.register_metric(KeypointErrors)
