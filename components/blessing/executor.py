"""Judges the candidate by TFMA's metrics, adds intervals and rows to look at, and gives the blessing."""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
from typing import Any

import numpy as np
import tensorflow_model_analysis as tfma
from tfx import types
from tfx.components.util import model_utils
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.utils import io_utils, path_utils

from components import predictions
from components.blessing import report
from components.blessing.bootstrap import interval, resampled_sums
from components.blessing.explaining import confused_pairs, worst_rows
from components.blessing.judging import FAILED, Limits, Measured, Verdict, judge, parse_limits
from components.blessing.measures import BASELINE, CANDIDATE, Floats, Measures
from components.blessing.predicting import Predicted, predict

_ALL_ROWS = ""

# Slice -> metric -> value.
Metrics = dict[str, dict[str, float]]


class Executor(base_executor.BaseExecutor):
    """Writes the report and the predictions, and blesses the model or does not."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Runs the node; see BlessingGen."""
        self._log_startup(input_dict, output_dict, exec_properties)
        measures = _import(exec_properties["measures"])
        thresholds = json.loads(exec_properties["thresholds"])
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        pattern = os.path.join(artifact_utils.get_split_uri([examples], exec_properties["split"]), "*")
        model = artifact_utils.get_single_instance(input_dict["model"])
        candidate = predict(path_utils.serving_model_path(model.uri), pattern, measures)
        baseline, baseline_version = None, None
        if input_dict.get("baseline_model"):
            baseline_model = artifact_utils.get_single_instance(input_dict["baseline_model"])
            baseline = predict(path_utils.serving_model_path(baseline_model.uri), pattern, measures)
            baseline_version = baseline_model.get_int_custom_property("version")

        evaluation_uri = artifact_utils.get_single_uri(input_dict["evaluation"])
        metrics, baseline_metrics = read_metrics(evaluation_uri)
        metrics[_ALL_ROWS].update(measures.over_all_rows(candidate.labels, candidate.predictions))
        judged = _Judged(metrics, baseline_metrics, candidate, baseline, measures)
        verdicts = judged.verdicts(thresholds)
        stock = artifact_utils.get_single_instance(input_dict["model_blessing"])
        blessed = model_utils.is_model_blessed(stock) and all(verdict.state != FAILED for verdict in verdicts)

        report.write(
            artifact_utils.get_single_uri(output_dict["report"]),
            {
                "model_name": exec_properties["model_name"],
                "blessed": blessed,
                "baseline_version": baseline_version,
                "thresholds": [dataclasses.asdict(verdict) for verdict in verdicts],
                "metrics": metrics,
                "examples": {name: int(values["example_count"]) for name, values in metrics.items()},
                "intervals": judged.intervals(),
                "worst": worst_rows(candidate, measures),
                "confused": confused_pairs(candidate, measures),
            },
        )
        predictions.write(
            artifact_utils.get_single_uri(output_dict["predictions"]),
            candidate.rows,
            candidate.labels,
            candidate.predictions,
        )
        _bless(artifact_utils.get_single_instance(output_dict["blessing"]), blessed)


def _import(path: str) -> Measures:
    module, _, name = path.rpartition(".")
    measures: Measures = getattr(importlib.import_module(module), name)
    return measures


def _bless(blessing: types.Artifact, blessed: bool) -> None:
    """Marks a ModelBlessing as TFX's Evaluator does."""
    io_utils.write_string_file(os.path.join(blessing.uri, "BLESSED" if blessed else "NOT_BLESSED"), "")
    blessing.set_int_custom_property("blessed", int(blessed))


def read_metrics(evaluation_uri: str) -> tuple[Metrics, Metrics]:
    """The numbers of a TFMA evaluation: the candidate's and the baseline's ({} if none); the slice '' is all rows."""
    metrics: dict[str, Metrics] = {CANDIDATE: {}, BASELINE: {}}
    for record in tfma.load_metrics(evaluation_uri):
        slice_name = _slice_name(record.slice_key)
        for pair in record.metric_keys_and_values:
            # Differences to the baseline are in the same file; a single model has no name.
            if not pair.key.is_diff and pair.value.WhichOneof("type") == "double_value":
                of_model = metrics[pair.key.model_name or CANDIDATE]
                of_model.setdefault(slice_name, {})[pair.key.name] = pair.value.double_value.value
    return metrics[CANDIDATE], metrics[BASELINE]


def _slice_name(slice_key: Any) -> str:
    return ", ".join(
        f"{key.column}: {(key.bytes_value.decode() if key.WhichOneof('kind') == 'bytes_value' else key.int64_value)}"
        for key in slice_key.single_slice_keys
    )


@dataclasses.dataclass
class _Judged:
    """A candidate's and a baseline's metrics and predictions on the same rows."""

    metrics: Metrics
    baseline_metrics: Metrics
    candidate: Predicted
    baseline: Predicted | None
    measures: Measures

    def __post_init__(self) -> None:
        self._samples: dict[tuple[str, str], dict[str, Floats]] = {}

    def verdicts(self, thresholds: dict[str, Any]) -> list[Verdict]:
        """On each threshold: those for all rows first, then slice by slice."""
        overall = parse_limits(thresholds["all_rows"])
        found = [v for metric, limits in overall.items() for v in self._judge(metric, _ALL_ROWS, limits, 0)]
        for feature, fields in thresholds["slices"].items():
            limits_by_metric = parse_limits(fields)
            for slice_name in sorted(name for name in self.metrics if name.startswith(f"{feature}: ")):
                for metric, limits in limits_by_metric.items():
                    found += self._judge(metric, slice_name, limits, thresholds["min_examples"])
        return found

    def intervals(self) -> dict[str, tuple[float, float]]:
        """95 % interval of each metric over all rows, where it has one."""
        found = {name: interval(values) for name, values in self._resampled(CANDIDATE, _ALL_ROWS).items()}
        return {name: bounds for name, bounds in found.items() if bounds}

    def _judge(self, metric: str, slice_name: str, limits: Limits, min_examples: int) -> list[Verdict]:
        own = self._resampled(CANDIDATE, slice_name)[metric]
        baseline = self.baseline_metrics.get(slice_name, {}).get(metric)
        gain = None
        if baseline is not None:
            others = self._resampled(BASELINE, slice_name)[metric]
            gain = interval(np.array([limits.gain(*pair) for pair in zip(own, others, strict=True)]))
        values = self.metrics[slice_name]
        measured = Measured(values[metric], baseline, interval(own), gain, int(values["example_count"]))
        return judge(metric, slice_name, limits, measured, min_examples)

    def _resampled(self, which: str, slice_name: str) -> dict[str, Floats]:
        """Metric -> values [RESAMPLES]. Both models on the same resampled rows, so that gains are paired."""
        key = which, slice_name
        if key not in self._samples:
            predicted = self.candidate if which == CANDIDATE else self.baseline
            assert predicted is not None
            inside = np.ones(len(predicted.rows), bool)
            if slice_name:
                feature, _, value = slice_name.partition(": ")
                inside = self.candidate.slices[feature] == value
            summands = self.measures.summands(predicted.labels[inside], predicted.predictions[inside])
            values = [self.measures.from_sums(sums) for sums in resampled_sums(summands)]
            self._samples[key] = {name: np.array([v[name] for v in values]) for name in self.measures.names}
        return self._samples[key]
