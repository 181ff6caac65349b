"""Passes the Examples on, or stops."""

from __future__ import annotations

from typing import Any

from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils

from components import findings
from components.errors import ExplainedError
from components.file_trees import link_or_copy_tree

_SHOWN_ROWS = 5


class Executor(base_executor.BaseExecutor):
    """Fails on findings that stop; otherwise publishes the same Examples under its own URI."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Runs the gate.

        Raises:
          ExplainedError: a finding stops; the text names each with its first rows.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        found, _ = findings.read(artifact_utils.get_single_uri(input_dict["findings"]))
        stopping = [finding for finding in found if finding.stops]
        if stopping:
            raise ExplainedError(
                f"{len(stopping)} finding{'s' * (len(stopping) > 1)} in the data, training is stopped: "
                f"{'; '.join(describe(finding) for finding in stopping)}. Correct the data, or waive what may stay in "
                f"schemas/waivers.yaml. `emotion-ai findings` shows all."
            )
        source = artifact_utils.get_single_instance(input_dict["examples"])
        passed = artifact_utils.get_single_instance(output_dict["passed_examples"])
        for name in ("properties", "custom_properties"):
            # One by one: protobuf 3.20 aborts the process when it merges these whole maps.
            for key, value in getattr(source.mlmd_artifact, name).items():
                getattr(passed.mlmd_artifact, name)[key].CopyFrom(value)
        link_or_copy_tree(source.uri, passed.uri)


def describe(finding: findings.Finding) -> str:
    """The finding in one line, with its first rows."""
    rows = ", ".join(str(row) for row in finding.rows[:_SHOWN_ROWS])
    more = ", ..." if finding.count > _SHOWN_ROWS else ""
    return f"{finding.name}: {finding.message}" + (f" (row {rows}{more})" if rows else "")
