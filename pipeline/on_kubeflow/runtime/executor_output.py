"""What a node leaves behind, as Kubeflow's launcher reads it."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_entrypoint_utils
from tfx.types import artifact_utils

from pipeline.on_kubeflow.runtime.executor_input import ABSENT, SINGLE_FILE_TYPES, convert_strings
from pipeline.on_kubeflow.runtime.staged_paths import StagedPaths

_log = logging.getLogger(__name__)

_METRICS = "system.Metrics"

# In the folder of an output without files: object stores have no empty folders, and what is not there cannot be staged.
_EMPTY_MARK = ".empty"

_Translate = Callable[[Mapping[str, Any], Mapping[int, str]], dict[str, Any]]


@contextmanager
def for_launcher(uris: Mapping[str, str], paths: StagedPaths) -> Iterator[None]:
    """Within the context, TFX's runner writes ExecutorOutputs that the launcher accepts.

    Args:
      uris: of the outputs, local ones, by key.
      paths: of the node.
    """
    translate = kubeflow_v2_entrypoint_utils.translate_executor_output
    kubeflow_v2_entrypoint_utils.translate_executor_output = launcher_translation(translate, uris, paths)
    try:
        yield
    finally:
        kubeflow_v2_entrypoint_utils.translate_executor_output = translate


def launcher_translation(translate: _Translate, uris: Mapping[str, str], paths: StagedPaths) -> _Translate:
    """TFX's `translate_executor_output`, with what it lacks.

    Args:
      translate: that function.
      uris: of the outputs, local ones, by key.
      paths: of the node.

    Returns:
      The same function of TFX's artifacts by key, with these differences: an output whose list the executor has emptied
      is an artifact with the metadata ABSENT; URIs are those of the object store, of the one file in it for types that
      the UI shows; the metadata holds no null, no number that is not finite, and for Kubeflow's own types only what
      belongs to them.
    """

    def translated(outputs: Mapping[str, Any], name_from_id: Mapping[int, str]) -> dict[str, Any]:
        result = {}
        for key, artifacts in outputs.items():
            _mark_if_empty(uris[key])
            if artifacts:
                artifact = artifacts[0]
                _bools_to_ints(artifact.mlmd_artifact)
                result.update(translate({key: artifacts}, name_from_id))
                runtime_artifact = result[key].artifacts[0]
                _tidy(runtime_artifact.metadata, artifact.type_name, key)
                if artifact.type_name in SINGLE_FILE_TYPES:
                    runtime_artifact.uri = _single_file(runtime_artifact.uri)
            else:
                runtime_artifact = pipeline_spec_pb2.RuntimeArtifact(uri=uris[key])
                runtime_artifact.metadata[ABSENT] = 1
                result[key] = pipeline_spec_pb2.ArtifactList(artifacts=[runtime_artifact])
                runtime_artifact = result[key].artifacts[0]
            runtime_artifact.uri = paths.to_uri(runtime_artifact.uri)
            convert_strings(runtime_artifact.metadata, paths.to_uri)
        return result

    return translated


def _bools_to_ints(artifact: Any) -> None:
    """TFX cannot translate bool properties; Kubeflow stores bools as ints anyway."""
    for value in artifact.custom_properties.values():
        if value.WhichOneof("value") == "bool_value":
            value.int_value = int(value.bool_value)


def _tidy(metadata: Any, type_name: str, key: str) -> None:
    if type_name.startswith("system."):
        # The UI would show it among the metrics.
        metadata.fields.pop(artifact_utils.ARTIFACT_TFX_VERSION_CUSTOM_PROPERTY_KEY, None)
    for name, value in list(metadata.fields.items()):
        kind = value.WhichOneof("kind")
        if kind in (None, "null_value"):
            # The launcher knows no null.
            del metadata.fields[name]
        elif kind == "number_value" and not math.isfinite(value.number_value):
            _log.warning("output '%s': '%s' is %s and is left out", key, name, value.number_value)
            del metadata.fields[name]
        elif kind != "number_value" and type_name == _METRICS:
            # One such value fails the node on the newest releases, after all its work.
            _log.warning("output '%s': '%s' is no number and is left out", key, name)
            del metadata.fields[name]


def _single_file(uri: str) -> str:
    """The one file in a folder; the folder where it holds any other number."""
    files = list(Path(uri).iterdir()) if Path(uri).is_dir() else []
    return str(files[0]) if len(files) == 1 and files[0].name != _EMPTY_MARK else uri


def _mark_if_empty(uri: str) -> None:
    folder = Path(uri)
    if folder.is_dir() and not any(path.is_file() for path in folder.rglob("*")):
        (folder / _EMPTY_MARK).write_text("Nothing was written here.\n")
