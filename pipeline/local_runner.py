"""Runs the DAG in this process, node by node, and tells an observer what happens."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Sequence
from typing import Literal, Protocol

from ml_metadata.proto import metadata_store_pb2
from tfx import types
from tfx.dsl.compiler import compiler, constants
from tfx.orchestration import metadata
from tfx.orchestration.local import runner_utils
from tfx.orchestration.pipeline import Pipeline
from tfx.orchestration.portable import launcher, runtime_parameter_utils
from tfx.orchestration.portable.mlmd import execution_lib

from components.errors import ExplainedError, InputError
from pipeline.run_record import RunRecord

_log = logging.getLogger(__name__)

State = Literal["done", "cached", "failed", "skipped"]


@dataclasses.dataclass(frozen=True)
class NodeRun:
    """How one node ended.

    Attributes:
      node_id: the node.
      state: 'done', 'cached' (an earlier execution's outputs are used), 'failed', or 'skipped' (a node before
        it failed).
      seconds: wall time.
      message: what went wrong, for 'failed'.
      outputs: its artifacts by output name; those of the earlier execution for 'cached'.
    """

    node_id: str
    state: State
    seconds: float = 0.0
    message: str = ""
    outputs: dict[str, Sequence[types.Artifact]] = dataclasses.field(default_factory=dict)


class Observer(Protocol):
    """Gets told as nodes start and end."""

    def node_started(self, node_id: str) -> None:
        """A node begins."""

    def node_ended(self, run: NodeRun) -> None:
        """A node has ended, or is skipped."""


def run_pipeline(pipeline: Pipeline, run_id: str, observer: Observer) -> dict[str, NodeRun]:
    """Runs all nodes in order.

    LocalDagRunner would stop at the first failure and say nothing on the way. Here a failed node stops only
    what depends on it, except for an InputError: it ends the run, before anything is pushed.

    Args:
      pipeline: with a metadata_connection_config.
      run_id: its name in ML Metadata.
      observer: told as nodes start and end.

    Returns:
      How each node ended, by node id; after an InputError, only the nodes up to that one.
    """
    pipeline_ir = compiler.Compiler().compile(pipeline)
    runtime_parameter_utils.substitute_runtime_parameter(
        pipeline_ir, {constants.PIPELINE_RUN_ID_PARAMETER_NAME: run_id}
    )
    deployment = runner_utils.extract_local_deployment_config(pipeline_ir)
    connection = pipeline.metadata_connection_config
    nodes = [wrapped.pipeline_node for wrapped in pipeline_ir.nodes]
    record = RunRecord(connection, run_id, nodes)
    runs: dict[str, NodeRun] = {}

    def ended(run: NodeRun) -> None:
        runs[run.node_id] = run
        record.node_ended(run.node_id, run.state, run.seconds, run.message)
        observer.node_ended(run)

    for node in nodes:
        node_id = node.node_info.id
        if any(runs[upstream].state in ("failed", "skipped") for upstream in node.upstream_nodes):
            ended(NodeRun(node_id, "skipped"))
            continue
        observer.node_started(node_id)
        started = time.monotonic()
        try:
            execution = launcher.Launcher(
                pipeline_node=node,
                mlmd_connection=metadata.Metadata(connection),
                pipeline_info=pipeline_ir.pipeline_info,
                pipeline_runtime_spec=pipeline_ir.runtime_spec,
                executor_spec=runner_utils.extract_executor_spec(deployment, node_id),
                custom_driver_spec=runner_utils.extract_custom_driver_spec(deployment, node_id),
            ).launch()
            state, outputs = _outcome(connection, execution.execution_id)
            ended(NodeRun(node_id, state, time.monotonic() - started, outputs=outputs))
        except Exception as error:
            _log.exception("%s failed", node_id)
            message = str(error) if isinstance(error, ExplainedError) else f"{type(error).__name__}: {error}"
            ended(NodeRun(node_id, "failed", time.monotonic() - started, message))
            if isinstance(error, InputError):
                break
    record.run_ended()
    return runs


def _outcome(
    connection: metadata_store_pb2.ConnectionConfig, execution_id: int
) -> tuple[State, dict[str, Sequence[types.Artifact]]]:
    with metadata.Metadata(connection) as handle:
        [execution] = handle.store.get_executions_by_id([execution_id])
        if not execution_lib.is_execution_successful(execution):
            raise RuntimeError("the node's inputs are not there")
        cached = execution.last_known_state == metadata_store_pb2.Execution.CACHED
        return "cached" if cached else "done", execution_lib.get_output_artifacts(handle, execution_id)
