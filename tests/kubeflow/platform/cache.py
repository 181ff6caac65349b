"""Which earlier execution a task may take its outputs from.

backend/src/v2/cacheutils/cache.go (GenerateCacheKey, GenerateFingerPrint) and backend/src/v2/driver/cache.go.
"""

from __future__ import annotations

import hashlib
import json
import threading
from typing import Any

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2


class Cache:
    """Fingerprint -> id of the execution that had it last."""

    def __init__(self) -> None:
        self._executions: dict[tuple[str, str], int] = {}
        self._lock = threading.Lock()

    def find(self, fingerprint: str, pipeline: str) -> int | None:
        """The newest entry of a pipeline."""
        return self._executions.get((fingerprint, pipeline))

    def add(self, fingerprint: str, pipeline: str, execution: int) -> None:
        """Enters a finished execution."""
        with self._lock:
            self._executions[fingerprint, pipeline] = execution


def fingerprint(
    executor_input: pipeline_spec_pb2.ExecutorInput,
    component: pipeline_spec_pb2.ComponentSpec,
    container: pipeline_spec_pb2.PipelineDeploymentConfig.PipelineContainerSpec,
    volumes: list[str] | None,
) -> str:
    """The hash of all that decides what a task comes to.

    Input artifacts count by their ids alone, and outputs by all but their URIs. Neither the task's name nor its
    resources count.

    Args:
      executor_input: of the task.
      component: for the types of its output parameters.
      container: image and command, with the placeholders in it.
      volumes: names of the mounted claims; None where they do not count.
    """
    outputs = {}
    for key, artifacts in executor_input.outputs.artifacts.items():
        wiped = pipeline_spec_pb2.RuntimeArtifact()
        wiped.CopyFrom(artifacts.artifacts[0])
        wiped.ClearField("uri")
        outputs[key] = json_format.MessageToDict(wiped)
    container_spec: dict[str, Any] = {"image": container.image, "cmdArgs": [*container.command, *container.args]}
    if volumes:
        container_spec["pvcNames"] = sorted(set(volumes))
    key = {
        "inputArtifactNames": {
            name: [artifact.name for artifact in artifacts.artifacts]
            for name, artifacts in executor_input.inputs.artifacts.items()
        },
        "inputParameterValues": {
            name: json_format.MessageToDict(value) for name, value in executor_input.inputs.parameter_values.items()
        },
        "outputArtifactsSpec": outputs,
        "outputParametersSpec": {
            name: component.output_definitions.parameters[name].parameter_type
            for name in executor_input.outputs.parameters
        },
        "containerSpec": container_spec,
    }
    return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()
