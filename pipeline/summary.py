"""What a run came to, read from its artifacts."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import tensorflow_model_analysis as tfma
from tfx import types
from tfx.components.pusher import executor as pusher_executor
from tfx.components.util import model_utils
from tfx.types import artifact_utils

from components import findings
from components.atomic_pusher.executor import UNCHANGED_PROPERTY
from components.face_csv_example_gen.executor import ROW_COUNTS_PROPERTY
from pipeline.config import Threshold
from pipeline.evaluation import BASELINE, CANDIDATE
from pipeline.local_runner import NodeRun
from pipeline.tasks import Task


@dataclasses.dataclass(frozen=True)
class Judgement:
    """One threshold and how the model stands to it; `baseline` is None before the first push."""

    metric: str
    value: float
    limits: Threshold
    baseline: float | None

    @property
    def keeps_limit(self) -> bool:
        """Whether the value itself is good enough."""
        if self.limits.at_least is not None:
            return self.value >= self.limits.at_least
        assert self.limits.at_most is not None
        return self.value <= self.limits.at_most

    @property
    def keeps_up(self) -> bool:
        """Whether the value is no worse than the baseline's."""
        if self.baseline is None:
            return True
        gain = self.value - self.baseline if self.limits.higher_is_better else self.baseline - self.value
        return gain >= -self.limits.slack


@dataclasses.dataclass(frozen=True)
class BranchSummary:
    """One branch of a run. What a stopped branch never came to is None or empty.

    Attributes:
      row_counts: what FaceCsvExampleGen counted: 'read', 'left_out', 'train', 'class:<name>' and so on.
      findings: summary of what is wrong with the data, see findings.write.
      metrics: the candidate's metrics on `test`, by name.
      confusion: (true class id, predicted class id) -> examples, where the task has classes.
      judgements: one for each threshold.
      blessed: the Evaluator's verdict.
      pushed_to: folder of the served version.
      unchanged: whether that version was there before this run.
    """

    task: Task
    row_counts: dict[str, int] | None = None
    findings: dict[str, Any] | None = None
    metrics: dict[str, float] = dataclasses.field(default_factory=dict)
    confusion: dict[tuple[int, int], int] = dataclasses.field(default_factory=dict)
    judgements: list[Judgement] = dataclasses.field(default_factory=list)
    blessed: bool | None = None
    pushed_to: str | None = None
    unchanged: bool = False


def summarise(task: Task, runs: dict[str, NodeRun], thresholds: dict[str, Threshold]) -> BranchSummary:
    """Reads the branch's artifacts of one run."""

    def output(component: str, key: str) -> types.Artifact | None:
        run = runs.get(task.node_id(component))
        return artifact_utils.get_single_instance(list(run.outputs[key])) if run and run.outputs else None

    summary = BranchSummary(task)
    examples = output("ExampleGen", "examples")
    if examples:
        counts = json.loads(examples.get_string_custom_property(ROW_COUNTS_PROPERTY))
        summary = dataclasses.replace(summary, row_counts=counts)
    found = output("FindingsGen", "findings")
    if found:
        summary = dataclasses.replace(summary, findings=findings.read(found.uri)[1])
    evaluation, blessing = output("Evaluator", "evaluation"), output("Evaluator", "blessing")
    if evaluation and blessing:
        candidate, baseline = read_metrics(evaluation.uri)
        summary = dataclasses.replace(
            summary,
            metrics=candidate,
            confusion=read_confusion(evaluation.uri),
            judgements=[
                Judgement(name, candidate[name], limits, baseline.get(name)) for name, limits in thresholds.items()
            ],
            blessed=model_utils.is_model_blessed(blessing),
        )
    pushed = output("Pusher", "pushed_model")
    if pushed and pushed.get_int_custom_property(pusher_executor._PUSHED_KEY):
        summary = dataclasses.replace(
            summary,
            pushed_to=pushed.get_string_custom_property(pusher_executor._PUSHED_DESTINATION_KEY),
            unchanged=bool(pushed.get_int_custom_property(UNCHANGED_PROPERTY)),
        )
    return summary


def read_metrics(evaluation_uri: str) -> tuple[dict[str, float], dict[str, float]]:
    """The overall numbers of a TFMA evaluation by metric name: the candidate's and the baseline's ({} if none)."""
    metrics: dict[str, dict[str, float]] = {CANDIDATE: {}, BASELINE: {}}
    for record in tfma.load_metrics(evaluation_uri):
        if record.slice_key.single_slice_keys:
            continue
        for pair in record.metric_keys_and_values:
            # Differences to the baseline are in the same file; a single model has no name.
            if not pair.key.is_diff and pair.value.WhichOneof("type") == "double_value":
                metrics[pair.key.model_name or CANDIDATE][pair.key.name] = pair.value.double_value.value
    return metrics[CANDIDATE], metrics[BASELINE]


def read_confusion(evaluation_uri: str) -> dict[tuple[int, int], int]:
    """The candidate's overall confusion matrix: (true class id, predicted class id) -> examples; {} if none."""
    confusion: dict[tuple[int, int], int] = {}
    for record in tfma.load_plots(evaluation_uri):
        for pair in record.plot_keys_and_values:
            if record.slice_key.single_slice_keys or pair.key.model_name == BASELINE:
                continue
            for matrix in pair.value.multi_class_confusion_matrix_at_thresholds.matrices:
                for entry in matrix.entries:
                    key = entry.actual_class_id, entry.predicted_class_id
                    confusion[key] = round(entry.num_weighted_examples)
    return confusion
