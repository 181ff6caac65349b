"""Builds small stores of ML Metadata: runs as TFX and the run record leave them, of any artifacts."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
from pathlib import Path
from typing import Any

from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2

from pipeline.run_record import RECORD

_STATES = {
    "done": metadata_store_pb2.Execution.COMPLETE,
    "cached": metadata_store_pb2.Execution.CACHED,
    "failed": metadata_store_pb2.Execution.FAILED,
    "running": metadata_store_pb2.Execution.RUNNING,
}
PIPELINE = "emotion-ai"


@dataclasses.dataclass(frozen=True)
class Output:
    """An artifact to be put out."""

    type: str
    uri: str
    properties: dict[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class NodeSpec:
    """A node of a run to be; `state` is None where it waits."""

    id: str
    component: str
    upstream: tuple[str, ...] = ()
    outputs: dict[str, Output] = dataclasses.field(default_factory=dict)
    parameters: dict[str, Any] = dataclasses.field(default_factory=dict)
    state: str | None = "done"
    seconds: float = 1.5
    message: str = ""


class StoreBuilder:
    """Writes runs into an SQLite file.

    Attributes:
      path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        config = metadata_store_pb2.ConnectionConfig()
        config.sqlite.filename_uri = str(path)
        self.store = metadata_store.MetadataStore(config)
        self._artifacts: dict[str, int] = {}
        pipeline = self._context("pipeline", PIPELINE)
        self._pipeline_contexts = [pipeline]

    def add_run(
        self, run_id: str, nodes: list[NodeSpec], *, ended: bool = True, record: bool = True, process: int | None = None
    ) -> None:
        """Adds a run.

        Args:
          run_id: its name.
          nodes: in the order of the run.
          ended: whether the record says so.
          record: whether there is one.
          process: that runs it; this one by default.
        """
        run = self._context("pipeline_run", run_id)
        if record:
            outcomes = {
                node.id: {"state": node.state, "seconds": node.seconds, "message": node.message}
                for node in nodes
                if node.state not in (None, "running")
            }
            run.custom_properties[RECORD].string_value = json.dumps(
                {
                    "nodes": [{"id": node.id, "upstream": node.upstream} for node in nodes],
                    "host": platform.node(),
                    "process": process or os.getpid(),
                    "outcomes": outcomes,
                    "ended": ended,
                }
            )
            self.store.put_contexts([run])
        outputs: dict[str, dict[str, int]] = {}
        for node in nodes:
            if node.state in _STATES:
                outputs[node.id] = self._execute(node, run, outputs)

    def _execute(
        self, node: NodeSpec, run: metadata_store_pb2.Context, before: dict[str, dict[str, int]]
    ) -> dict[str, int]:
        execution = metadata_store_pb2.Execution(
            type_id=self._execution_type(node.component), last_known_state=_STATES[node.state or "done"]
        )
        for name, value in node.parameters.items():
            _set(execution.custom_properties[name], value)
        contexts = [*self._pipeline_contexts, run, self._context("node", f"{PIPELINE}.{node.id}")]
        pairs: list[tuple[metadata_store_pb2.Artifact, metadata_store_pb2.Event]] = []
        for name in node.upstream:
            for key, artifact_id in before.get(name, {}).items():
                [artifact] = self.store.get_artifacts_by_id([artifact_id])
                pairs.append((artifact, _event(metadata_store_pb2.Event.INPUT, key)))
        finished = node.outputs if node.state in ("done", "cached") else {}
        for key, output in finished.items():
            pairs.append((self._artifact(output), _event(metadata_store_pb2.Event.OUTPUT, key)))
        _, artifact_ids, _ = self.store.put_execution(execution, pairs, contexts)
        made = dict(zip(finished, artifact_ids[len(pairs) - len(finished) :], strict=True))
        self._artifacts.update({output.uri: made[key] for key, output in finished.items()})
        return made

    def _artifact(self, output: Output) -> metadata_store_pb2.Artifact:
        if output.uri in self._artifacts:
            [known] = self.store.get_artifacts_by_id([self._artifacts[output.uri]])
            return known
        kind = metadata_store_pb2.ArtifactType(name=output.type)
        artifact = metadata_store_pb2.Artifact(type_id=self.store.put_artifact_type(kind), uri=output.uri)
        artifact.state = metadata_store_pb2.Artifact.LIVE
        for name, value in output.properties.items():
            _set(artifact.custom_properties[name], value)
        return artifact

    def _execution_type(self, name: str) -> int:
        kind = metadata_store_pb2.ExecutionType(name=name)
        type_id: int = self.store.put_execution_type(kind)
        return type_id

    def _context(self, kind: str, name: str) -> metadata_store_pb2.Context:
        type_id = self.store.put_context_type(metadata_store_pb2.ContextType(name=kind))
        found = self.store.get_context_by_type_and_name(kind, name)
        if found is not None:
            return found
        context = metadata_store_pb2.Context(type_id=type_id, name=name)
        [context.id] = self.store.put_contexts([context])
        return context


def _event(kind: int, key: str) -> metadata_store_pb2.Event:
    event = metadata_store_pb2.Event(type=kind)
    event.path.steps.add().key = key
    event.path.steps.add().index = 0
    return event


def _set(value: metadata_store_pb2.Value, content: Any) -> None:
    if isinstance(content, float):
        value.double_value = content
    elif isinstance(content, int):
        value.int_value = content
    else:
        value.string_value = content if isinstance(content, str) else json.dumps(content)
