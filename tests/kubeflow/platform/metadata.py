"""ML Metadata, as much of it as Kubeflow uses, with the values that it can hold.

backend/src/v2/metadata/converter.go (toMLMDArtifact, StructValueToMLMDValue, toRuntimeArtifact) and client.go
(RecordArtifact, GetOutputArtifactsByExecutionId).
"""

from __future__ import annotations

import dataclasses
import threading
from typing import Any

import yaml
from google.protobuf import struct_pb2
from kfp.pipeline_spec import pipeline_spec_pb2
from ml_metadata.proto import metadata_store_pb2

# Kubeflow's own note of how to reach the object store, which it adds to each artifact.
STORE_SESSION_INFO = '{"Provider":"minio","Params":{"fromEnv":"true"}}'


class MetadataError(ValueError):
    """A value that cannot be recorded."""


@dataclasses.dataclass
class Execution:
    """One task of one run."""

    id: int
    task_name: str
    run_id: str
    state: str = "RUNNING"
    fingerprint: str = ""
    inputs: dict[str, int] = dataclasses.field(default_factory=dict)
    outputs: dict[str, int] = dataclasses.field(default_factory=dict)


class MetadataStore:
    """Artifacts and executions, for all runs."""

    def __init__(self) -> None:
        self.artifacts: dict[int, metadata_store_pb2.Artifact] = {}
        self.executions: dict[int, Execution] = {}
        self._lock = threading.Lock()

    def create_execution(self, task_name: str, run_id: str, inputs: dict[str, int], fingerprint: str) -> Execution:
        """A new one, which runs."""
        with self._lock:
            execution = Execution(len(self.executions) + 1, task_name, run_id, "RUNNING", fingerprint, inputs)
            self.executions[execution.id] = execution
        return execution

    def record_artifact(
        self, output: str, schema: str, artifact: pipeline_spec_pb2.RuntimeArtifact
    ) -> metadata_store_pb2.Artifact:
        """Adds an output.

        Args:
          output: its key, by which the UI calls it.
          schema: YAML whose title is the artifact's type.
          artifact: what the executor has made of it.

        Raises:
          MetadataError: it has no type, or holds a value that ML Metadata does not know.
        """
        title = (yaml.safe_load(schema) or {}).get("title", "")
        if not title:
            raise MetadataError("No title specified")
        recorded = metadata_store_pb2.Artifact(uri=artifact.uri, type=title)
        for key, value in artifact.metadata.fields.items():
            recorded.custom_properties[key].CopyFrom(_to_mlmd(value))
        for key, text in (("display_name", output), ("store_session_info", STORE_SESSION_INFO)):
            if key not in recorded.custom_properties:
                recorded.custom_properties[key].string_value = text
        with self._lock:
            recorded.id = len(self.artifacts) + 1
            self.artifacts[recorded.id] = recorded
        return recorded

    def producer(self, task_name: str, run_id: str) -> Execution | None:
        """The execution of a task of a run, as the driver looks for it."""
        found = [e for e in self.executions.values() if e.run_id == run_id and e.task_name == task_name]
        return found[0] if found else None

    def runtime_artifact(self, artifact_id: int) -> pipeline_spec_pb2.RuntimeArtifact:
        """An artifact as an input: its type is lost, and its metadata are as ML Metadata gives them back."""
        artifact = self.artifacts[artifact_id]
        result = pipeline_spec_pb2.RuntimeArtifact(name=str(artifact.id), uri=artifact.uri)
        # A Struct that is there, even when it is empty.
        result.metadata.SetInParent()
        for key, value in artifact.custom_properties.items():
            result.metadata.fields[key].CopyFrom(_from_mlmd(value))
        # Schema: "" // TODO(Bobgy): figure out how to get schema
        result.type.instance_schema = ""
        return result


def properties(artifact: metadata_store_pb2.Artifact) -> dict[str, Any]:
    """An artifact's custom properties as plain values, as the UI reads them: lists and structs stay wrapped."""
    struct = struct_pb2.Struct()
    for key, value in artifact.custom_properties.items():
        struct.fields[key].CopyFrom(_from_mlmd(value))
    return _plain(struct)  # type: ignore[no-any-return]


def _to_mlmd(value: struct_pb2.Value) -> metadata_store_pb2.Value:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        return metadata_store_pb2.Value(string_value=value.string_value)
    if kind == "number_value":
        return metadata_store_pb2.Value(double_value=value.number_value)
    if kind == "bool_value":
        return metadata_store_pb2.Value(int_value=int(value.bool_value))
    if kind not in ("list_value", "struct_value"):
        raise MetadataError(f"unknown/unsupported value type {kind}")
    wrapped = struct_pb2.Struct()
    wrapped.fields[kind.removesuffix("_value")].CopyFrom(value)
    return metadata_store_pb2.Value(struct_value=wrapped)


def _from_mlmd(value: metadata_store_pb2.Value) -> struct_pb2.Value:
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return struct_pb2.Value(string_value=value.string_value)
    if kind == "struct_value":
        return struct_pb2.Value(struct_value=value.struct_value)
    return struct_pb2.Value(number_value=float(getattr(value, kind)))


def _plain(value: Any) -> Any:
    if isinstance(value, struct_pb2.Struct):
        return {key: _plain(inner) for key, inner in value.fields.items()}
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return _plain(value.struct_value)
    if kind == "list_value":
        return [_plain(inner) for inner in value.list_value.values]
    return None if kind == "null_value" else getattr(value, kind)
