"""Hands the artifacts of a branch's data to the dashboard's renderers."""

from __future__ import annotations

import json
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_executor

from components.run_report.branch_pages import read_branch, write_page
from dashboard.report import part, render_sections


class Executor(base_executor.BaseExecutor):
    """Writes the pages."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Runs the node; see DataReport."""
        self._log_startup(input_dict, output_dict, exec_properties)
        branch = read_branch(exec_properties["branch"], json.loads(exec_properties["parameters"]), input_dict)
        write_page(output_dict["statistics_html"], render_sections(branch, part(branch, "data", alone=True)))
        write_page(output_dict["findings_html"], render_sections(branch, part(branch, "findings", alone=True)))
