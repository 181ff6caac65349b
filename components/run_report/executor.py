"""Hands a branch's artifacts to the dashboard's renderers."""

from __future__ import annotations

import json
from itertools import chain
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils

from components.run_report.branch_pages import read_branch, write_page
from components.run_report.metrics import classification_metrics, scalar_metrics
from dashboard.evaluated import read_evaluated
from dashboard.files import read_json
from dashboard.report import PARTS, part, render_sections
from dashboard.runs import Branch


class Executor(base_executor.BaseExecutor):
    """Writes the pages and the metrics."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Runs the node; see RunReport."""
        self._log_startup(input_dict, output_dict, exec_properties)
        parameters = json.loads(exec_properties["parameters"])
        parameters["Trainer"] = {"custom_config": exec_properties["training"]}
        branch = read_branch(exec_properties["branch"], parameters, input_dict)
        # Each part is made once, however many pages it stands on.
        parts = {name: part(branch, name) for name in PARTS}
        write_page(output_dict["html"], render_sections(branch, [*chain(*parts.values())]))
        write_page(output_dict["evaluation_html"], render_sections(branch, parts["evaluation"] + parts["blessing"]))
        _set_metrics(branch, output_dict)


def _set_metrics(branch: Branch, output_dict: dict[str, list[types.Artifact]]) -> None:
    evaluated = read_evaluated(branch)
    if evaluated is None:
        return
    checked = read_json(branch.output("InfraBlessing"), "servable_check.json")
    metrics = artifact_utils.get_single_instance(output_dict["metrics"])
    for name, value in scalar_metrics(evaluated, checked["passed"] if checked else None).items():
        metrics.set_float_custom_property(name, value)
    if "classification_metrics" in output_dict:
        classification = artifact_utils.get_single_instance(output_dict["classification_metrics"])
        for name, value in classification_metrics(evaluated).items():
            classification.set_json_value_custom_property(name, value)
