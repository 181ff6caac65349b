"""What ML Metadata does not know of a run by itself, written beside it: the DAG, who runs it, how each node ended.

It stands in the custom property `RECORD` of the run's context, a JSON object: `nodes`, list of {id, upstream} in the
order of the run; `host` and `process`, where it runs; `outcomes`, node id -> {state, seconds, message}, see
`local_runner.NodeRun`; `ended`, bool. The dashboard reads it.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from typing import Any

from ml_metadata.proto import metadata_store_pb2
from tfx.dsl.compiler import constants
from tfx.orchestration import metadata
from tfx.orchestration.portable.mlmd import context_lib
from tfx.proto.orchestration import pipeline_pb2

RECORD = "run_record"


class RunRecord:
    """The record of one run; each change is in ML Metadata when the call returns."""

    def __init__(
        self, connection: metadata_store_pb2.ConnectionConfig, run_id: str, nodes: Sequence[pipeline_pb2.PipelineNode]
    ) -> None:
        """Begins the record.

        Args:
          connection: of ML Metadata.
          run_id: name of the run.
          nodes: the compiled pipeline's, with this name in their contexts, in the order of the run.
        """
        self._connection = connection
        with metadata.Metadata(connection) as handle:
            # With all the parents that the launcher would give it.
            context_lib.prepare_contexts(handle, nodes[0].contexts)
            self._context = handle.store.get_context_by_type_and_name(constants.PIPELINE_RUN_CONTEXT_TYPE_NAME, run_id)
        self._record: dict[str, Any] = {
            "nodes": [{"id": node.node_info.id, "upstream": list(node.upstream_nodes)} for node in nodes],
            "host": platform.node(),
            "process": os.getpid(),
            "outcomes": {},
            "ended": False,
        }
        self._write()

    def node_ended(self, node_id: str, state: str, seconds: float, message: str) -> None:
        """Adds how a node ended."""
        self._record["outcomes"][node_id] = {"state": state, "seconds": round(seconds, 3), "message": message}
        self._write()

    def run_ended(self) -> None:
        """Says that no more nodes will run."""
        self._record["ended"] = True
        self._write()

    def _write(self) -> None:
        self._context.custom_properties[RECORD].string_value = json.dumps(self._record)
        with metadata.Metadata(self._connection) as handle:
            handle.store.put_contexts([self._context])
