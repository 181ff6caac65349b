"""What Kubeflow's driver hands to a container, made into what TFX expects."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from google.protobuf import json_format, struct_pb2
from tfx.types import value_artifact

from components.errors import ExplainedError
from pipeline.on_kubeflow.runtime import artifact_types
from pipeline.on_kubeflow.runtime.staged_paths import StagedPaths

# Metadata of an artifact that stands for none: an output that the node before has left out.
ABSENT = "absent"

# Types whose URI must be the file that the UI shows, not its folder.
SINGLE_FILE_TYPES = ("system.HTML", "system.Markdown")

# What Kubeflow itself notes on each artifact. A node that hands its input's properties on must not hand on these.
_PLATFORM_KEYS = ("display_name", "store_session_info")

# An output that the driver adds where logs are published; the launcher alone writes it.
_LOGS = "executor-logs"


def all_artifacts(executor_input: Any) -> list[Any]:
    """The RuntimeArtifacts of all inputs and outputs."""
    groups = (executor_input.inputs.artifacts, executor_input.outputs.artifacts)
    return [artifact for group in groups for artifacts in group.values() for artifact in artifacts.artifacts]


def complete(executor_input: Any, inputs_spec: Any) -> None:
    """Changes an ExecutorInput of open-source Kubeflow into one that TFX can parse.

    Args:
      executor_input: the ExecutorInput, changed in place.
      inputs_spec: the component's ComponentInputsSpec.
    """
    if _LOGS in executor_input.outputs.artifacts:
        del executor_input.outputs.artifacts[_LOGS]
    for key, artifacts in executor_input.inputs.artifacts.items():
        if any(ABSENT in artifact.metadata.fields for artifact in artifacts.artifacts):
            artifacts.ClearField("artifacts")
        for artifact in artifacts.artifacts:
            # Empty in the older releases (tfx #7768), only Kubeflow's own kinds in the newest ones.
            artifact.type.CopyFrom(inputs_spec.artifacts[key].artifact_type)
            # The Evaluator notes the names of its models; a missing one would be a KeyError after all its work.
            artifact.name = artifact.name or artifact.uri
            for name in _PLATFORM_KEYS:
                artifact.metadata.fields.pop(name, None)
            for value in artifact.metadata.fields.values():
                _unwrap(value)
    _complete_parameters(executor_input.inputs.parameter_values, inputs_spec)


def use_local_paths(executor_input: Any, paths: StagedPaths) -> None:
    """Puts paths in place of the URIs of artifacts, also within their metadata."""
    for artifact in all_artifacts(executor_input):
        artifact.uri = paths.to_local(artifact.uri)
        convert_strings(artifact.metadata, paths.to_local)


def convert_strings(struct: Any, convert: Callable[[str], str]) -> None:
    """Applies `convert` to all strings in a Struct, however deep."""
    for value in struct.fields.values():
        _convert_strings(value, convert)


def _convert_strings(value: Any, convert: Callable[[str], str]) -> None:
    kind = value.WhichOneof("kind")
    if kind == "string_value":
        value.string_value = convert(value.string_value)
    elif kind == "struct_value":
        convert_strings(value.struct_value, convert)
    elif kind == "list_value":
        for item in value.list_value.values:
            _convert_strings(item, convert)


def require_inputs(executor_input: Any, paths: StagedPaths) -> None:
    """Looks whether all inputs are there.

    Raises:
      ExplainedError: an input's path does not exist.
    """
    for key, artifacts in executor_input.inputs.artifacts.items():
        for artifact in artifacts.artifacts:
            if "://" not in artifact.uri and not Path(artifact.uri).exists():
                raise ExplainedError(
                    f"input '{key}' is missing: nothing is at {paths.to_uri(artifact.uri)} (here {artifact.uri}). "
                    f"Its objects were removed from the store, perhaps since its node ran in an earlier run. Run the "
                    f"pipeline again with caching off."
                )


def read_single_files(executor_input: Any) -> None:
    """Gives an input that the UI wants to be one file (see executor_output.py) its folder back."""
    for artifacts in executor_input.inputs.artifacts.values():
        for artifact in artifacts.artifacts:
            if artifact_types.title_of(artifact.type) in SINGLE_FILE_TYPES and Path(artifact.uri).is_file():
                artifact.uri = str(Path(artifact.uri).parent)


def make_output_folders(executor_input: Any) -> None:
    """Makes the outputs' folders, as TFX's own drivers do; the launcher makes only the folders that they stand in."""
    for artifacts in executor_input.outputs.artifacts.values():
        for artifact in artifacts.artifacts:
            if "://" in artifact.uri:
                continue
            path = Path(artifact.uri)
            # The URI of a value artifact is its file.
            cls = artifact_types.class_of(artifact_types.title_of(artifact.type))
            folder = path.parent if issubclass(cls, value_artifact.ValueArtifact) else path
            folder.mkdir(parents=True, exist_ok=True)


def _unwrap(value: Any) -> None:
    """ML Metadata has no lists: the driver gives {'list': [...]} and {'struct': {...}} for what was written plain."""
    fields = value.struct_value.fields
    for key, kind in (("list", "list_value"), ("struct", "struct_value")):
        if list(fields) == [key] and fields[key].WhichOneof("kind") == kind:
            inner = struct_pb2.Value()
            inner.CopyFrom(fields[key])
            value.CopyFrom(inner)
            return


def _complete_parameters(values: Any, inputs_spec: Any) -> None:
    for name, value in list(values.items()):
        kind = value.WhichOneof("kind")
        if kind in (None, "null_value"):
            # Optional and not given; TFX would read the number of the enumeration's value: 0.
            del values[name]
        elif kind in ("struct_value", "list_value"):
            # TFX's parameters of such types are JSON. Sorted, as maps of protos have no order.
            value.string_value = json.dumps(_with_ints(json_format.MessageToDict(value)), sort_keys=True)
    for name, parameter in inputs_spec.parameters.items():
        if name not in values and parameter.HasField("default_value"):
            values[name].CopyFrom(parameter.default_value)


def _with_ints(value: Any) -> Any:
    """Whole numbers as ints: a Struct holds nothing but doubles."""
    if isinstance(value, dict):
        return {key: _with_ints(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_ints(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
