"""What a container is told and given.

backend/src/v2/driver/container.go (Container), resolve.go (resolveInputs), driver.go (provisionOutputs,
initPodSpecPatch) and k8s.go (extendPodSpecPatch, makeVolumeMountPatch).
"""

from __future__ import annotations

import dataclasses
import posixpath

from google.protobuf import struct_pb2
from kfp.pipeline_spec import pipeline_spec_pb2

from tests.kubeflow.platform import protojson
from tests.kubeflow.platform.metadata import MetadataStore
from tests.kubeflow.platform.object_store import local_path
from tests.kubeflow.platform.package import Component, Package, Task
from tests.kubeflow.platform.release import Release

_LEGACY_OUTPUT_FILE = "/tmp/kfp_outputs/output_metadata.json"
_NUMBERS = (pipeline_spec_pb2.ParameterType.NUMBER_DOUBLE, pipeline_spec_pb2.ParameterType.NUMBER_INTEGER)
_KINDS = {
    "bool_value": (pipeline_spec_pb2.ParameterType.BOOLEAN,),
    "list_value": (pipeline_spec_pb2.ParameterType.LIST,),
    "number_value": _NUMBERS,
    "struct_value": (pipeline_spec_pb2.ParameterType.STRUCT,),
    "string_value": (),
    "null_value": (),
}


class DriverError(RuntimeError):
    """The driver's pod fails, and the container is never started."""


class PendingError(RuntimeError):
    """The pod stays in CreateContainerConfigError: it is neither started nor failed."""


@dataclasses.dataclass(frozen=True)
class Resources:
    """What the container may use: cores, and bytes."""

    cpu: float
    memory: int
    accelerators: dict[str, int]


def resolve_inputs(
    package: Package, task_name: str, run_id: str, parameters: dict[str, struct_pb2.Value], store: MetadataStore
) -> pipeline_spec_pb2.ExecutorInput.Inputs:
    """Parameters and artifacts of a task.

    Args:
      package: of the run.
      task_name: key of the task.
      run_id: of the run.
      parameters: of the root.
      store: with the outputs of the tasks before.

    Raises:
      DriverError: an input is missing, or of the wrong type.
    """
    task, component = package.tasks[task_name], package.component(task_name)
    inputs = pipeline_spec_pb2.ExecutorInput.Inputs()
    for name, spec in task.inputs.parameters.items():
        value = _parameter(spec, parameters)
        if value.WhichOneof("kind") == "null_value":
            if not component.input_definitions.parameters[name].is_optional:
                raise DriverError(f"the resolved input parameter is null: {spec.component_input_parameter}")
            continue
        inputs.parameter_values[name].CopyFrom(value)
    _check_types(inputs, component)
    for name, artifact in task.inputs.artifacts.items():
        wanted = artifact.task_output_artifact
        producer = store.producer(wanted.producer_task, run_id)
        if producer is None:
            raise DriverError(f'cannot find producer task "{wanted.producer_task}"')
        if wanted.output_artifact_key not in producer.outputs:
            raise DriverError(
                f'cannot find output artifact key "{wanted.output_artifact_key}" '
                f'in producer task "{wanted.producer_task}"'
            )
        found = store.runtime_artifact(producer.outputs[wanted.output_artifact_key])
        inputs.artifacts[name].artifacts.add().CopyFrom(found)
    return inputs


def provision_outputs(
    release: Release, run_root: str, task: Task, component: Component, salt: str
) -> pipeline_spec_pb2.ExecutorInput.Outputs:
    """Where a task's outputs go.

    Args:
      release: for the layout.
      run_root: `<pipeline root>/<pipeline>/<run id>`.
      task: of the run.
      component: for the outputs' types.
      salt: random text.
    """
    task_root = posixpath.join(run_root, task.task_info.name, *([salt] if release.uris_have_salt else []))
    outputs = pipeline_spec_pb2.ExecutorInput.Outputs(output_file=_LEGACY_OUTPUT_FILE)
    for key, spec in component.output_definitions.artifacts.items():
        artifact = outputs.artifacts[key].artifacts.add(uri=posixpath.join(task_root, key), type=spec.artifact_type)
        if spec.HasField("metadata"):
            artifact.metadata.CopyFrom(spec.metadata)
        if release.output_file_beside_outputs:
            artifact.name = key
    if release.publishes_logs:
        log = outputs.artifacts["executor-logs"].artifacts.add(uri=posixpath.join(task_root, "executor-logs"))
        log.type.schema_title = "system.Artifact"
        if release.output_file_beside_outputs:
            log.name = "executor-logs"
    for key in component.output_definitions.parameters:
        outputs.parameters[key].output_file = f"/tmp/kfp/outputs/{key}"
    staged = local_path(task_root)
    if release.output_file_beside_outputs and staged is not None:
        outputs.output_file = f"{staged}/output_metadata.json"
    return outputs


def claims(package: Package, task_name: str) -> dict[str, str]:
    """Where volumes are mounted in a task's container -> the names of the claims."""
    mounts = package.executor_config(task_name).get("pvcMount", [])
    return {mount["mountPath"]: mount["constant"] for mount in mounts}


def environment(package: Package, task_name: str, secrets: dict[str, dict[str, str]]) -> dict[str, str]:
    """The container's environment variables: from its specification, and from secrets.

    Args:
      package: of the run.
      task_name: key of the task.
      secrets: name of a secret -> key -> value, as they are in the cluster.

    Raises:
      PendingError: a secret or its key is not there.
    """
    found = {variable.name: variable.value for variable in package.container(task_name).env}
    for secret in package.executor_config(task_name).get("secretAsEnv", []):
        name = secret["secretName"]
        for key_to_env in secret["keyToEnv"]:
            key = key_to_env["secretKey"]
            if name not in secrets:
                raise PendingError(f'CreateContainerConfigError: secret "{name}" not found')
            if key not in secrets[name]:
                raise PendingError(f"CreateContainerConfigError: couldn't find key {key} in Secret {name}")
            found[key_to_env["envVar"]] = secrets[name][key]
    return found


def resources(package: Package, task_name: str) -> Resources:
    """The container's limits; memory is given in GB of 10^9 bytes ("%vG")."""
    limits = package.container(task_name).resources
    accelerator = limits.accelerator
    return Resources(
        limits.cpu_limit,
        int(limits.memory_limit * 1e9),
        {accelerator.type: int(accelerator.count)} if accelerator.type and accelerator.count else {},
    )


def _parameter(spec: object, parameters: dict[str, struct_pb2.Value]) -> struct_pb2.Value:
    kind = spec.WhichOneof("kind")  # type: ignore[attr-defined]
    if kind == "component_input_parameter":
        name = spec.component_input_parameter  # type: ignore[attr-defined]
        if name not in parameters:
            raise DriverError(f"parent DAG does not have input parameter {name}")
        return parameters[name]
    if kind == "runtime_value":
        value = spec.runtime_value  # type: ignore[attr-defined]
        if value.WhichOneof("value") != "constant":
            raise DriverError(f"param runtime value spec of type {value.WhichOneof('value')} not implemented")
        return value.constant
    raise NotImplementedError(f"this emulation knows no parameters of kind {kind}")


def _check_types(inputs: pipeline_spec_pb2.ExecutorInput.Inputs, component: Component) -> None:
    """handleParamTypeValidationAndConversion in resolve.go."""
    for name, spec in component.input_definitions.parameters.items():
        if name not in inputs.parameter_values:
            if not spec.is_optional and not spec.HasField("default_value"):
                raise DriverError(f'neither value nor default value provided for non-optional parameter "{name}"')
            continue
        value = inputs.parameter_values[name]
        kind = value.WhichOneof("kind")
        if spec.parameter_type == pipeline_spec_pb2.ParameterType.STRING:
            if kind != "string_value":
                value.CopyFrom(struct_pb2.Value(string_value=as_text(value)))
        elif spec.parameter_type not in _KINDS[kind]:
            wanted = pipeline_spec_pb2.ParameterType.ParameterTypeEnum.Name(spec.parameter_type)
            raise DriverError(f'input parameter "{name}" type mismatch: expect {wanted}, got {kind}')


def as_text(value: struct_pb2.Value) -> str:
    """A value in a command line (PbValueToText in converter.go, getPlaceholders in launcher_v2.go)."""
    if value.WhichOneof("kind") == "string_value":
        return str(value.string_value)
    return protojson.marshal(value)
