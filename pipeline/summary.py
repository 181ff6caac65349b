"""What a run came to, read from its artifacts."""

from __future__ import annotations

import dataclasses
import json
import os
from typing import Any

import tensorflow_model_analysis as tfma
from tfx import types
from tfx.components.pusher import executor as pusher_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils

from components import findings
from components.atomic_pusher.executor import NOT_PUSHED_BECAUSE_PROPERTY, UNCHANGED_PROPERTY
from components.blessing import report
from components.blessing.measures import BASELINE
from components.face_csv_example_gen.executor import ROW_COUNTS_PROPERTY
from components.servable_check.executor import REPORT_FILE
from pipeline.local_runner import NodeRun
from pipeline.tasks import Task


@dataclasses.dataclass(frozen=True)
class BranchSummary:
    """One branch of a run. What a stopped branch never came to is None or empty.

    Attributes:
      row_counts: what FaceCsvExampleGen counted: 'read', 'left_out', 'train', 'class:<name>' and so on.
      findings: summary of what is wrong with the data, see findings.write.
      report: BlessingGen's, see BlessingReport.
      confusion: (true class id, predicted class id) -> examples, where the task has classes.
      not_servable: why ServableCheck refused the model; empty where it did not.
      not_pushed_because: why a blessed model was not pushed, or ''.
      pushed_to: folder of the served version.
      unchanged: whether that version was there before this run.
    """

    task: Task
    row_counts: dict[str, int] | None = None
    findings: dict[str, Any] | None = None
    report: dict[str, Any] | None = None
    confusion: dict[tuple[int, int], int] = dataclasses.field(default_factory=dict)
    not_servable: tuple[str, ...] = ()
    not_pushed_because: str = ""
    pushed_to: str | None = None
    unchanged: bool = False

    @property
    def blessed(self) -> bool:
        """Whether the candidate was evaluated and is good enough."""
        return bool(self.report and self.report["blessed"])


def summarise(task: Task, runs: dict[str, NodeRun]) -> BranchSummary:
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
    evaluation, explained = output("Evaluator", "evaluation"), output("BlessingGen", "report")
    if evaluation and explained:
        summary = dataclasses.replace(
            summary, report=report.read(explained.uri), confusion=read_confusion(evaluation.uri)
        )
    checked = output("ServableCheck", "blessing")
    if checked:
        with fileio.open(os.path.join(checked.uri, REPORT_FILE)) as file:
            summary = dataclasses.replace(summary, not_servable=tuple(json.load(file)["reasons"]))
    pushed = output("Pusher", "pushed_model")
    if pushed and pushed.has_custom_property(NOT_PUSHED_BECAUSE_PROPERTY):
        summary = dataclasses.replace(
            summary, not_pushed_because=pushed.get_string_custom_property(NOT_PUSHED_BECAUSE_PROPERTY)
        )
    if pushed and pushed.get_int_custom_property(pusher_executor._PUSHED_KEY):
        summary = dataclasses.replace(
            summary,
            pushed_to=pushed.get_string_custom_property(pusher_executor._PUSHED_DESTINATION_KEY),
            unchanged=bool(pushed.get_int_custom_property(UNCHANGED_PROPERTY)),
        )
    return summary


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
