"""What both evaluations share: the EvalConfig around a task's metric and its thresholds."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from tensorflow_model_analysis.metrics import metric_types, metric_util
from tensorflow_model_analysis.proto import config_pb2

from pipeline.config import Threshold
from pipeline.signatures import SERVING_EXAMPLES, TRANSFORM_FEATURES

CANDIDATE, BASELINE = "candidate", "baseline"


def eval_config(
    *,
    metrics: list[config_pb2.MetricConfig],
    label: str,
    prediction: str,
    thresholds: dict[str, Threshold],
) -> config_pb2.EvalConfig:
    """TFMA's configuration for one model over raw Examples.

    Args:
      metrics: what to compute.
      label: name of the transformed feature with the truth.
      prediction: name of the model output to compare it with.
      thresholds: metric name -> limits.
    """

    def model_spec(name: str) -> config_pb2.ModelSpec:
        return config_pb2.ModelSpec(
            name=name,
            is_baseline=name == BASELINE,
            signature_name=SERVING_EXAMPLES,
            preprocessing_function_names=[TRANSFORM_FEATURES],
            label_key=label,
            prediction_key=prediction,
        )

    return config_pb2.EvalConfig(
        model_specs=[model_spec(CANDIDATE), model_spec(BASELINE)],
        slicing_specs=[config_pb2.SlicingSpec()],
        metrics_specs=[
            config_pb2.MetricsSpec(
                metrics=metrics,
                # TFMA drops the baseline, and the thresholds relative to it, where there is none.
                model_names=[CANDIDATE, BASELINE],
                thresholds={name: _metric_threshold(limits) for name, limits in thresholds.items()},
            )
        ],
    )


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


def value_keys(names: Iterable[str], model_name: str, output_name: str) -> list[metric_types.MetricKey]:
    """Keys for named values; `example_weighted` is None as in the keys that thresholds by name look for."""
    return [
        metric_types.MetricKey(name, model_name=model_name, output_name=output_name, example_weighted=None)
        for name in names
    ]


class ReportMetric(metric_types.Metric):
    """A metric whose one computation gives several named values, each with a key of its own."""

    def __init__(self, create_computations: Callable[..., Any], code_fingerprint: str) -> None:
        self.code_fingerprint = code_fingerprint
        super().__init__(metric_util.merge_per_key_computations(create_computations), name=type(self).__name__)

    def get_config(self) -> dict[str, Any]:
        """The constructor's arguments."""
        return {"code_fingerprint": self.code_fingerprint}
