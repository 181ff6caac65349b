"""What both evaluations share: the EvalConfig around a task's metrics, its slices and its thresholds."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import partial
from typing import Any

import apache_beam as beam
import numpy as np
from tensorflow_model_analysis.metrics import metric_types, metric_util
from tensorflow_model_analysis.proto import config_pb2

from components.blessing.measures import BASELINE, CANDIDATE, Floats, Measures
from components.signature_names import SERVING_EXAMPLES, TRANSFORM_FEATURES
from pipeline.config import Threshold


def eval_config(
    *,
    metrics: list[config_pb2.MetricConfig],
    measures: Measures,
    thresholds: dict[str, Threshold],
) -> config_pb2.EvalConfig:
    """TFMA's configuration for one model over raw Examples.

    Args:
      metrics: what to compute.
      measures: names the truth, the output to compare it with, and the features by whose values to slice.
      thresholds: metric name -> limits for all rows together.
    """

    def model_spec(name: str) -> config_pb2.ModelSpec:
        return config_pb2.ModelSpec(
            name=name,
            is_baseline=name == BASELINE,
            signature_name=SERVING_EXAMPLES,
            preprocessing_function_names=[TRANSFORM_FEATURES],
            label_key=measures.label,
            prediction_key=measures.prediction,
        )

    return config_pb2.EvalConfig(
        model_specs=[model_spec(CANDIDATE), model_spec(BASELINE)],
        slicing_specs=[
            config_pb2.SlicingSpec(),
            *(config_pb2.SlicingSpec(feature_keys=[name]) for name in measures.slices),
        ],
        metrics_specs=[
            config_pb2.MetricsSpec(
                metrics=metrics,
                # TFMA drops the baseline, and the thresholds relative to it, where there is none.
                model_names=[CANDIDATE, BASELINE],
                per_slice_thresholds={name: _for_all_rows(limits) for name, limits in thresholds.items()},
            )
        ],
    )


def _for_all_rows(limits: Threshold) -> config_pb2.PerSliceMetricThresholds:
    """A threshold for all rows together: the plain ones of TFMA are for each slice, too, however small."""
    threshold = config_pb2.PerSliceMetricThreshold(
        slicing_specs=[config_pb2.SlicingSpec()], threshold=_metric_threshold(limits)
    )
    return config_pb2.PerSliceMetricThresholds(thresholds=[threshold])


def _metric_threshold(limits: Threshold) -> config_pb2.MetricThreshold:
    value = (
        config_pb2.GenericValueThreshold(lower_bound={"value": limits.at_least})
        if limits.higher_is_better
        else config_pb2.GenericValueThreshold(upper_bound={"value": limits.at_most})
    )
    change = config_pb2.GenericChangeThreshold(
        direction=config_pb2.MetricDirection.HIGHER_IS_BETTER
        if limits.higher_is_better
        else config_pb2.MetricDirection.LOWER_IS_BETTER,
        absolute={"value": -limits.slack if limits.higher_is_better else limits.slack},
    )
    return config_pb2.MetricThreshold(value_threshold=value, change_threshold=change)


def metric_config(metric: type[metric_types.Metric], code_fingerprint: str) -> config_pb2.MetricConfig:
    """A custom metric by its dotted path; the fingerprint lets the cache see a change of its code."""
    return config_pb2.MetricConfig(
        class_name=metric.__name__,
        module=metric.__module__,
        config=json.dumps({"code_fingerprint": code_fingerprint}),
    )


class SummedMetrics(metric_types.Metric):
    """Named values that follow from sums over the rows: TFMA adds up, and memory does not grow with the rows.

    The same two functions give bootstrap intervals: a resampled sum is the rows' summands, weighted.
    """

    def __init__(self, measures: Measures, code_fingerprint: str) -> None:
        """Constructs the metric.

        Args:
          measures: what to sum up, and what follows from it.
          code_fingerprint: changes when its code does.
        """
        self.code_fingerprint = code_fingerprint
        create = partial(_summed_computations, measures=measures)
        super().__init__(metric_util.merge_per_key_computations(create), name=type(self).__name__)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"code_fingerprint": self.code_fingerprint}


def _summed_computations(
    name: str, model_name: str = "", output_name: str = "", *, measures: Measures
) -> metric_types.MetricComputations:
    del name  # each value has its own
    # `example_weighted` is None as in the keys that thresholds by name look for.
    keys = [
        metric_types.MetricKey(metric, model_name=model_name, output_name=output_name, example_weighted=None)
        for metric in measures.names
    ]
    combiner = _AddUp(keys, measures, model_name)
    return [metric_types.MetricComputation(keys=keys, preprocessors=None, combiner=combiner)]


class _AddUp(beam.CombineFn):
    def __init__(self, keys: list[metric_types.MetricKey], measures: Measures, model_name: str) -> None:
        self._keys, self._measures, self._model_name = keys, measures, model_name

    def create_accumulator(self) -> Floats | float:
        return 0.0

    def add_input(self, accumulator: Floats | float, element: metric_types.StandardMetricInputs) -> Floats:
        label = np.asarray(_looked_up(element.label, self._model_name))
        prediction = np.asarray(_looked_up(element.prediction, self._model_name, self._measures.prediction))
        labels = self._measures.to_prediction_units(label.reshape(1, -1))
        return np.asarray(accumulator + self._measures.summands(labels, prediction[np.newaxis])[0])

    def merge_accumulators(self, accumulators: Iterable[Floats | float]) -> Floats | float:
        return sum(accumulators)

    def extract_output(self, accumulator: Floats | float) -> dict[metric_types.MetricKey, float]:
        values = self._measures.from_sums(np.atleast_1d(accumulator))
        return {key: values[key.name] for key in self._keys}


def _looked_up(values: Any, *keys: str) -> Any:
    """TFMA keeps values by model name where there are several models, and by output where there are several outputs."""
    for key in keys:
        if isinstance(values, dict) and key in values:
            values = values[key]
    return values
