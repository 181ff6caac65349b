"""What runs there are and what they did, from ML Metadata: a picture that fits any TFX pipeline.

`emotion-ai run` leaves a record of the DAG and of how its nodes ended in the custom property `run_record` of a run's
context, a JSON object: nodes (list of {id, upstream}), host, process, outcomes (id -> {state, seconds, message}),
ended. Of runs without it, by another orchestrator, only what has been executed is known.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import platform
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from typing import Any, Literal

from google.protobuf import json_format
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2

from dashboard.errors import UsageError

_log = logging.getLogger(__name__)

NodeState = Literal["done", "cached", "failed", "skipped", "running", "waiting"]
RunState = Literal["succeeded", "failed", "running", "interrupted"]

_RUN, _NODE = "pipeline_run", "node"
_RECORD = "run_record"
_EXECUTION = metadata_store_pb2.Execution
_STATES: dict[int, NodeState] = {
    _EXECUTION.COMPLETE: "done",
    _EXECUTION.CACHED: "cached",
    _EXECUTION.RUNNING: "running",
    _EXECUTION.NEW: "running",
}
# ML Metadata looks at no more in one query, and does not say so.
_MOST_STARTING_NODES = 100
_WRAPPED = "__value__"
_OUTPUT = (metadata_store_pb2.Event.OUTPUT, metadata_store_pb2.Event.DECLARED_OUTPUT)


@dataclasses.dataclass(frozen=True)
class Artifact:
    """One output of a node.

    Attributes:
      id: in ML Metadata.
      type: its type's name, 'Examples' for instance.
      uri: its folder.
      properties: all of its properties, custom ones too; numbers and text.
    """

    id: int
    type: str
    uri: str
    properties: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Node:
    """One node of a run.

    Attributes:
      id: unique in the run.
      component: class of the node; '' where it has not been executed.
      state: 'waiting' where it may still come.
      seconds: wall time; None where it has not ended, or nobody has written it down.
      message: what went wrong.
      upstream: ids of the nodes before it.
      inputs, outputs: artifacts by name.
      parameters: execution properties; numbers and text.
    """

    id: str
    component: str
    state: NodeState
    seconds: float | None
    message: str
    upstream: tuple[str, ...]
    inputs: dict[str, tuple[Artifact, ...]]
    outputs: dict[str, tuple[Artifact, ...]]
    parameters: dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Overview:
    """A run as a list shows it.

    Attributes:
      id: its name.
      started: when.
      state: of all.
      counts: state of nodes -> how many; empty where there is no record.
      seconds: sum over its nodes; None where there is no record.
      message: of the first node that failed, or ''.
    """

    id: str
    started: datetime
    state: RunState
    counts: dict[str, int]
    seconds: float | None
    message: str


@dataclasses.dataclass(frozen=True)
class Branch:
    """Nodes that depend on each other, in the order of the run; its name is what their ids begin with."""

    name: str
    nodes: tuple[Node, ...]

    def output(self, artifact_type: str) -> Artifact | None:
        """The last artifact of a type that the branch's nodes have put out."""
        found = [
            artifact
            for node in self.nodes
            for artifacts in node.outputs.values()
            for artifact in artifacts
            if artifact.type == artifact_type
        ]
        return found[-1] if found else None

    def node(self, suffix: str) -> Node | None:
        """The node whose id is the branch's name and this."""
        return next((node for node in self.nodes if node.id == self.name + suffix), None)


@dataclasses.dataclass(frozen=True)
class Run:
    """A whole run; `branches` are independent of each other."""

    overview: Overview
    nodes: tuple[Node, ...]
    branches: tuple[Branch, ...]


class UnknownRunError(Exception):
    """There is no run of this name."""


def open_store(connection: metadata_store_pb2.ConnectionConfig) -> metadata_store.MetadataStore:
    """A connection to ML Metadata, for one thread.

    Raises:
      UsageError: it cannot be read.
    """
    try:
        return metadata_store.MetadataStore(connection)
    except Exception as error:
        # MLMD raises RuntimeErrors, and errors of its own, with texts that may name hosts and users.
        _log.exception("ML Metadata cannot be read")
        raise UsageError(
            f"ML Metadata cannot be read ({type(error).__name__}). Check that the database is there, that TFX has "
            "written it, and that user and MLMD_PASSWORD are right."
        ) from None


def list_runs(store: metadata_store.MetadataStore) -> list[Overview]:
    """All runs, newest first."""
    contexts = store.get_contexts_by_type(_RUN)
    return [_overview(context) for context in sorted(contexts, key=_created, reverse=True)]


def read_run(store: metadata_store.MetadataStore, run_id: str) -> Run:
    """One run.

    Raises:
      UnknownRunError: there is none of this name.
    """
    context = store.get_context_by_type_and_name(_RUN, run_id)
    if context is None:
        raise UnknownRunError(f"{run_id}: no run of this name. `emotion-ai report` without a name takes the last one.")
    executed = _executed(store, context)
    record = _record(context)
    recorded = (_recorded(node, record, executed) for node in record.get("nodes", []))
    nodes = tuple(recorded if record else executed.values())
    overview = dataclasses.replace(_overview(context), counts=_count(node.state for node in nodes))
    if not record:
        overview = dataclasses.replace(overview, state=_state_of(nodes))
    return Run(overview, nodes, tuple(_branches(nodes)))


def read_artifact(artifact: metadata_store_pb2.Artifact, type_name: str) -> Artifact:
    """An artifact of ML Metadata; `type_name` is its type's."""
    properties = _values(artifact.properties) | _values(artifact.custom_properties)
    return Artifact(artifact.id, type_name, artifact.uri, properties)


def outputs_by_run(store: metadata_store.MetadataStore, artifact_type: str) -> dict[str, list[Artifact]]:
    """The artifacts of one type of all runs, by the name of a run, oldest first; cheap, whatever else there is.

    An artifact that a cached node has used again is in each of these runs.
    """
    found = store.get_artifacts_by_type(artifact_type)
    artifacts = {artifact.id: read_artifact(artifact, artifact_type) for artifact in found}
    events = [event for event in store.get_events_by_artifact_ids(list(artifacts)) if event.type in _OUTPUT]
    run_of = _runs_of_executions(store, sorted({event.execution_id for event in events}))
    runs: dict[str, list[Artifact]] = {}
    for event in sorted(events, key=lambda event: event.execution_id):
        if event.execution_id in run_of:
            runs.setdefault(run_of[event.execution_id], []).append(artifacts[event.artifact_id])
    return runs


def _runs_of_executions(store: metadata_store.MetadataStore, execution_ids: Sequence[int]) -> dict[int, str]:
    """Execution -> name of its run; a hundred in one query instead of a query each."""
    names = {context.id: context.name for context in store.get_contexts_by_type(_RUN)}
    run_of = {}
    for start in range(0, len(execution_ids), _MOST_STARTING_NODES):
        some = execution_ids[start : start + _MOST_STARTING_NODES]
        options = metadata_store_pb2.LineageSubgraphQueryOptions(max_num_hops=0)
        options.starting_executions.filter_query = f"id IN ({','.join(map(str, some))})"
        graph = store.get_lineage_subgraph(options, field_mask_paths=["associations"])
        run_of.update({a.execution_id: names[a.context_id] for a in graph.associations if a.context_id in names})
    return run_of


def _overview(context: metadata_store_pb2.Context) -> Overview:
    record = _record(context)
    outcomes: dict[str, Any] = record.get("outcomes", {})
    failed = [outcome for outcome in outcomes.values() if outcome["state"] == "failed"]
    counts = _count(outcome["state"] for outcome in outcomes.values())
    state: RunState
    if failed and record["ended"]:
        state = "failed"
    elif record.get("ended", True):
        state = "succeeded"
    else:
        state = "running" if _is_alive(record) else "interrupted"
    rest = len(record.get("nodes", [])) - len(outcomes)
    if rest:
        name = "waiting" if state == "running" else "skipped"
        counts[name] = counts.get(name, 0) + rest
    return Overview(
        id=context.name,
        started=datetime.fromtimestamp(context.create_time_since_epoch / 1000, timezone.utc),
        state=state,
        counts=counts,
        seconds=sum(outcome["seconds"] for outcome in outcomes.values()) if record else None,
        message=failed[0]["message"] if failed else "",
    )


def _is_alive(record: dict[str, Any]) -> bool:
    """Whether the process that writes the record runs; on another machine nobody can tell, and it is believed."""
    if record["host"] != platform.node():
        return True
    try:
        os.kill(record["process"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _recorded(entry: dict[str, Any], record: dict[str, Any], executed: dict[str, Node]) -> Node:
    """A node as the record has it, with what ML Metadata knows of its execution."""
    node_id = entry["id"]
    empty = Node(node_id, "", "waiting", None, "", (), {}, {}, {})
    node = dataclasses.replace(executed.get(node_id, empty), upstream=tuple(entry["upstream"]))
    outcome = record["outcomes"].get(node_id)
    if outcome:
        seconds = None if outcome["state"] == "skipped" else outcome["seconds"]
        return dataclasses.replace(node, state=outcome["state"], seconds=seconds, message=outcome["message"])
    if record["ended"] or not _is_alive(record):
        # Its execution stays RUNNING for ever where the process was killed.
        if not node.component:
            return dataclasses.replace(node, state="skipped")
        return dataclasses.replace(node, state="failed", message="The run was interrupted here.")
    return node


def _executed(store: metadata_store.MetadataStore, context: metadata_store_pb2.Context) -> dict[str, Node]:
    """The nodes of a run that have an execution, in their order; of several attempts the last."""
    executions = sorted(store.get_executions_by_context(context.id), key=lambda execution: execution.id)
    if not executions:
        return {}
    events = store.get_events_by_execution_ids([execution.id for execution in executions])
    artifact_ids = sorted({event.artifact_id for event in events})
    artifacts = {
        artifact.id: read_artifact(artifact, artifact.type) for artifact in store.get_artifacts_by_id(artifact_ids)
    }
    makers = {event.artifact_id: event.execution_id for event in events if event.type in _OUTPUT}
    names = {execution.id: _node_id(store, execution) for execution in executions}
    nodes = {}
    for execution in executions:
        inputs: dict[str, tuple[Artifact, ...]] = {}
        outputs: dict[str, tuple[Artifact, ...]] = {}
        upstream: dict[str, None] = {}
        for event in events:
            if event.execution_id == execution.id and event.artifact_id in artifacts:
                side = outputs if event.type in _OUTPUT else inputs
                key = next((step.key for step in event.path.steps if step.key), "")
                side[key] = (*side.get(key, ()), artifacts[event.artifact_id])
                if side is inputs and event.artifact_id in makers:
                    upstream[names[makers[event.artifact_id]]] = None
        started, ended = execution.create_time_since_epoch, execution.last_update_time_since_epoch
        state = _STATES.get(execution.last_known_state, "failed")
        nodes[names[execution.id]] = Node(
            id=names[execution.id],
            component=execution.type.rsplit(".", 1)[-1],
            state=state,
            seconds=None if state == "running" else (ended - started) / 1000,
            message="",
            upstream=tuple(upstream),
            inputs=inputs,
            outputs=outputs,
            parameters=_values(execution.properties) | _values(execution.custom_properties),
        )
    return nodes


def _node_id(store: metadata_store.MetadataStore, execution: metadata_store_pb2.Execution) -> str:
    for context in store.get_contexts_by_execution(execution.id):
        if context.type == _NODE:
            # The name is '<pipeline>.<node id>'.
            return str(context.name.rsplit(".", 1)[-1])
    return str(execution.name)


def _values(properties: Any) -> dict[str, Any]:
    """Plain values of a map of properties; of lists and objects, the JSON text."""
    values = {}
    for name, value in properties.items():
        kind = value.WhichOneof("value")
        if kind == "struct_value":
            content = json_format.MessageToDict(value.struct_value)
            # TFX wraps what is no object into one, on Kubeflow numbers and texts, too.
            content = content.get(_WRAPPED, content)
            values[name] = content if isinstance(content, (str, float, bool)) else json.dumps(content)
        elif kind in ("int_value", "double_value", "string_value", "bool_value"):
            values[name] = getattr(value, kind)
    return values


def _branches(nodes: Sequence[Node]) -> Iterable[Branch]:
    """The parts of the DAG that share no edge, in the order of their first nodes."""
    group = {node.id: node.id for node in nodes}

    def root(node_id: str) -> str:
        while group[node_id] != node_id:
            node_id = group[node_id]
        return node_id

    for node in nodes:
        for before in node.upstream:
            if before in group:
                group[root(before)] = root(node.id)
    for first in dict.fromkeys(root(node.id) for node in nodes):
        members = tuple(node for node in nodes if root(node.id) == first)
        yield Branch(_common_name([node.id for node in members]), members)


def _common_name(node_ids: list[str]) -> str:
    prefix = node_ids[0]
    # Up to a capital letter: of EmotionSchema and EmotionStatisticsGen it is Emotion, not EmotionS.
    while prefix and not all(
        name.startswith(prefix) and (len(name) == len(prefix) or name[len(prefix)].isupper()) for name in node_ids
    ):
        prefix = prefix[:-1]
    return prefix if len(node_ids) > 1 else ""


def _state_of(nodes: Sequence[Node]) -> RunState:
    states = {node.state for node in nodes}
    return "failed" if "failed" in states else "running" if "running" in states else "succeeded"


def _count(states: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for state in states:
        counts[state] = counts.get(state, 0) + 1
    return counts


def _record(context: metadata_store_pb2.Context) -> dict[str, Any]:
    text = context.custom_properties[_RECORD].string_value if _RECORD in context.custom_properties else ""
    record: dict[str, Any] = json.loads(text) if text else {}
    return record


def _created(context: metadata_store_pb2.Context) -> int:
    return int(context.create_time_since_epoch)
