"""Reads a branch from the artifacts that a node is given, and writes pages of it."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from tfx import types
from tfx.dsl.io import fileio
from tfx.types import artifact_utils

from components.run_report.artifact import REPORT_FILE
from dashboard.runs import Branch, Node, read_artifact


def read_branch(
    name: str, parameters: Mapping[str, dict[str, Any]], artifacts: Mapping[str, Sequence[types.Artifact]]
) -> Branch:
    """A branch of which no more is known than a node has been given.

    Args:
      name: of the branch, with which the ids of its nodes begin.
      parameters: of nodes, by what their ids end with.
      artifacts: of nodes; to the renderers it is all the same which node one comes from.
    """
    outputs = {
        key: tuple(read_artifact(artifact.mlmd_artifact, artifact.type_name) for artifact in of_key)
        for key, of_key in artifacts.items()
    }
    nodes = [_node(f"{name}{suffix}", {}, of_node) for suffix, of_node in parameters.items()]
    return Branch(name, (*nodes, _node(f"{name}Artifacts", outputs, {})))


def write_page(report: list[types.Artifact], page: str) -> None:
    """Writes the page into a single HtmlReport."""
    with fileio.open(os.path.join(artifact_utils.get_single_uri(report), REPORT_FILE), "wb") as file:
        file.write(page.encode())


def _node(node_id: str, outputs: dict[str, tuple[Any, ...]], parameters: dict[str, Any]) -> Node:
    return Node(node_id, "", "done", None, "", (), {}, outputs, parameters)
