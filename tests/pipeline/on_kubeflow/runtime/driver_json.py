"""ExecutorInputs as the driver of open-source Kubeflow Pipelines makes them."""

from __future__ import annotations

import json
from typing import Any

from tfx.orchestration.kubeflow.v2 import compiler_utils
from tfx.types.artifact import Artifact

ROOT = "minio://mlpipeline/v2/artifacts/emotion-ai/5c6e0f39-8a0e-4f0f-9f4b-0c9f7b7a8f11"


def schema(cls: type[Artifact]) -> dict[str, Any]:
    text = compiler_utils.get_artifact_schema(cls)
    return {"instanceSchema": text if isinstance(text, str) else text.decode()}


def uri(task: str, output: str, root: str = ROOT) -> str:
    """With the folder between task and output that releases from 2.2 on put there."""
    return f"{root}/{task}/0d3c2f4a-51a5-4d8e-a0f5-5d6a9c0f8a77/{output}"


def driver_json(
    output_file: str,
    inputs: dict[str, dict[str, Any]] | None = None,
    outputs: dict[str, tuple[type[Artifact], str]] | None = None,
    parameters: dict[str, Any] | None = None,
) -> str:
    """An ExecutorInput as JSON: inputs without types, outputs with them.

    Args:
      output_file: where the ExecutorOutput is to go.
      inputs: RuntimeArtifacts, without their types.
      outputs: type and URI of each.
      parameters: as JSON has them.
    """
    return json.dumps(
        {
            "inputs": {
                "parameterValues": parameters or {},
                "artifacts": {key: {"artifacts": [{"type": {}, **value}]} for key, value in (inputs or {}).items()},
            },
            "outputs": {
                "artifacts": {
                    key: {"artifacts": [{"type": schema(cls), "uri": at}]} for key, (cls, at) in (outputs or {}).items()
                },
                "outputFile": output_file,
            },
        }
    )


def spec_json(inputs: dict[str, type[Artifact]] | None = None, parameters: dict[str, Any] | None = None) -> str:
    """A ComponentInputsSpec as JSON.

    Args:
      inputs: types.
      parameters: their types, or whole ParameterSpecs.
    """
    return json.dumps(
        {
            "artifacts": {key: {"artifactType": schema(cls)} for key, cls in (inputs or {}).items()},
            "parameters": {
                key: value if isinstance(value, dict) else {"parameterType": value}
                for key, value in (parameters or {}).items()
            },
        }
    )
