"""Hands a branch's artifacts to the dashboard's renderers."""

from __future__ import annotations

import json
import os
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils

from components.run_report.artifact import REPORT_FILE
from dashboard.report import render_branch
from dashboard.runs import Branch, Node, read_artifact


class Executor(base_executor.BaseExecutor):
    """Writes the page."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the page; see RunReport."""
        self._log_startup(input_dict, output_dict, exec_properties)
        name = exec_properties["branch"]
        nodes = [
            Node(f"{name}{suffix}", "", "done", None, "", (), {}, {}, parameters)
            for suffix, parameters in json.loads(exec_properties["parameters"]).items()
        ]
        # To the renderers it is all the same which node an artifact comes from.
        outputs = {
            key: tuple(read_artifact(artifact.mlmd_artifact, artifact.type_name) for artifact in artifacts)
            for key, artifacts in input_dict.items()
        }
        nodes.append(Node(f"{name}Artifacts", "", "done", None, "", (), {}, outputs, {}))
        page = render_branch(Branch(name, tuple(nodes)))
        uri = artifact_utils.get_single_uri(output_dict["html"])
        with fileio.open(os.path.join(uri, REPORT_FILE), "wb") as file:
            file.write(page.encode())
