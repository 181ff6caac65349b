"""A package as the API server takes it or refuses it.

backend/src/apiserver/template/v2_template.go (NewV2SpecTemplate, validatePipelineJobInputs),
backend/src/v2/compiler/visitor.go (Accept), backend/src/v2/compiler/argocompiler/{argo,dag,container}.go, and for names
Argo Workflows' workflow/validate/validate.go.
"""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any, TypeAlias

import yaml
from google.protobuf import json_format, struct_pb2
from kfp.pipeline_spec import pipeline_spec_pb2

from tests.kubeflow.platform import protojson
from tests.kubeflow.platform.executor_config import ConfigError, check_executor_config

Container: TypeAlias = pipeline_spec_pb2.PipelineDeploymentConfig.PipelineContainerSpec
Task: TypeAlias = pipeline_spec_pb2.PipelineTaskSpec
Component: TypeAlias = pipeline_spec_pb2.ComponentSpec

# Argo's names of tasks in a DAG, of parameters, and Kubernetes' of objects, without the random end that each gets.
_ARGO_TASK = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]{0,127}")
_ARGO_PARAMETER = re.compile(r"[-a-zA-Z0-9_]+")
_KUBERNETES_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
# etcd takes no larger object than this, and the workflow holds all components and containers.
_LARGEST_WORKFLOW = 1_500_000

_VALUE_KINDS = {
    pipeline_spec_pb2.ParameterType.STRING: "string_value",
    pipeline_spec_pb2.ParameterType.NUMBER_INTEGER: "number_value",
    pipeline_spec_pb2.ParameterType.NUMBER_DOUBLE: "number_value",
    pipeline_spec_pb2.ParameterType.BOOLEAN: "bool_value",
    pipeline_spec_pb2.ParameterType.LIST: "list_value",
    pipeline_spec_pb2.ParameterType.STRUCT: "struct_value",
}


class RefusedError(ValueError):
    """Kubeflow does not take the package, or does not start the run."""


@dataclasses.dataclass(frozen=True)
class Package:
    """A package that would be taken.

    Attributes:
      spec: the pipeline.
      containers: executor label -> what it runs.
      executor_configs: executor label -> KubernetesExecutorConfig, as JSON.
    """

    spec: pipeline_spec_pb2.PipelineSpec
    containers: dict[str, Container]
    executor_configs: dict[str, dict[str, Any]]

    @property
    def name(self) -> str:
        """The pipeline's name."""
        return str(self.spec.pipeline_info.name)

    @property
    def tasks(self) -> dict[str, Task]:
        """Tasks of the DAG by their keys."""
        return dict(self.spec.root.dag.tasks)

    def dependencies(self, task: str) -> set[str]:
        """Tasks that must have succeeded before (addImplicitDependencies in dag.go)."""
        spec = self.spec.root.dag.tasks[task]
        inputs = spec.inputs
        producers = {value.task_output_artifact.producer_task for value in inputs.artifacts.values()}
        producers |= {value.task_output_parameter.producer_task for value in inputs.parameters.values()}
        return set(spec.dependent_tasks) | (producers - {""})

    def container(self, task: str) -> Container:
        """What a task runs."""
        return self.containers[self._own_component(task).executor_label]

    def component(self, task: str) -> Component:
        """The component specification that a task gets.

        Specifications are kept by the hash of their container (hashComponentContainer in argo.go), and the first of
        those with equal containers, by the names of their tasks, stands for all of them.
        """
        container = self.container(task)
        first = min(name for name in self.tasks if self.container(name) == container)
        return self._own_component(first)

    def executor_config(self, task: str) -> dict[str, Any]:
        """The KubernetesExecutorConfig of a task; empty where there is none."""
        return self.executor_configs.get(self._own_component(task).executor_label, {})

    def _own_component(self, task: str) -> Component:
        return self.spec.components[self.spec.root.dag.tasks[task].component_ref.name]


class _GoYaml(yaml.SafeLoader):
    """Reads plain scalars as Go's yaml.v3 does, for which 12e45678 is a number, and 0o17, too."""


_GoYaml.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$"),
    list("-+.0123456789"),
)
_GoYaml.add_implicit_resolver("!octal", re.compile(r"0o[0-7]+$"), ["0"])
_GoYaml.add_constructor("!octal", lambda _, node: int(node.value[2:], 8))


def load_package(path: Path) -> Package:
    """Reads and checks a package, as the creation of a pipeline and of a run do.

    Raises:
      RefusedError: with Kubeflow's words.
    """
    spec, platforms = None, None
    for document in yaml.load_all(path.read_text(), _GoYaml):
        if document is None:
            continue
        if "pipelineInfo" in document or "root" in document:
            if spec is not None:
                raise RefusedError("multiple pipeline specs provided")
            spec = _parse(document, pipeline_spec_pb2.PipelineSpec(), "invalid v2 pipeline spec")
        elif platforms is None:
            # One that is no PlatformSpec would be passed over in silence, and all that it asks for with it.
            platforms = _parse(document, pipeline_spec_pb2.PlatformSpec(), "a platform document that nobody would read")
        else:
            raise RefusedError("multiple platform specs provided")
    if spec is None:
        raise RefusedError("no pipeline spec is provided")
    _check_header(spec)
    package = Package(spec, _containers(spec), _executor_configs(platforms))
    _check_dag(package)
    return package


def submitted_parameters(package: Package, given: dict[str, Any]) -> dict[str, struct_pb2.Value]:
    """The root's parameters: those given with the run, or the defaults; optional ones are null.

    Raises:
      RefusedError: one is missing, unknown, or of another type.
    """
    specs = package.spec.root.input_definitions.parameters
    unknown = sorted(given.keys() - specs.keys())
    if unknown:
        raise RefusedError(f"parameter(s) provided are not required by pipeline: {', '.join(unknown)}")
    values = {}
    for name, spec in specs.items():
        if name in given:
            values[name] = json_format.ParseDict(given[name], struct_pb2.Value())
            kind = _VALUE_KINDS.get(spec.parameter_type)
            if kind is None or values[name].WhichOneof("kind") != kind:
                raise RefusedError(f"input parameter {name} requires another type than that of {given[name]!r}")
        elif spec.HasField("default_value"):
            values[name] = spec.default_value
        elif spec.is_optional:
            values[name] = struct_pb2.Value(null_value=0)
        else:
            raise RefusedError(
                f"parameter {name} is not optional, yet has neither default value nor user provided value"
            )
    return values


def _parse(document: Any, message: Any, what: str) -> Any:
    try:
        return protojson.unmarshal_value(document, message)
    except protojson.ParseError as error:
        raise RefusedError(f"{what}: {error}") from None


def _check_header(spec: pipeline_spec_pb2.PipelineSpec) -> None:
    if spec.schema_version != "2.1.0":
        raise RefusedError(
            f"KFP only supports schema version 2.1.0, but the pipeline spec has version {spec.schema_version}"
        )
    if not spec.pipeline_info.name:
        raise RefusedError("invalid v2 pipeline spec: name is empty")
    if not _KUBERNETES_NAME.fullmatch(spec.pipeline_info.name):
        raise RefusedError(f"invalid v2 pipeline spec: {spec.pipeline_info.name} is no name for a Kubernetes object")
    if not spec.HasField("root"):
        raise RefusedError("invalid v2 pipeline spec: root component is empty")
    if "root" in spec.components:
        raise RefusedError('component name "root" is reserved')
    if spec.ByteSize() > _LARGEST_WORKFLOW:
        raise RefusedError(f"the workflow would be larger than {_LARGEST_WORKFLOW} bytes")


def _containers(spec: pipeline_spec_pb2.PipelineSpec) -> dict[str, Container]:
    # Unknown fields pass here: DiscardUnknown in GetDeploymentConfig.
    config = json_format.ParseDict(
        json_format.MessageToDict(spec.deployment_spec),
        pipeline_spec_pb2.PipelineDeploymentConfig(),
        ignore_unknown_fields=True,
    )
    containers = {}
    for name, component in spec.components.items():
        label = component.executor_label
        if not label:
            raise NotImplementedError(f"{name}: this emulation knows flat pipelines only")
        if label not in config.executors:
            raise RefusedError(f'component name="{name}": executor(label="{label}") not found in deployment config')
        if config.executors[label].WhichOneof("spec") != "container":
            raise RefusedError(
                f'component name="{name}": executor(label="{label}"): '
                "non-container and non-importer executor not implemented"
            )
        containers[label] = config.executors[label].container
        if containers[label].HasField("lifecycle"):
            # No word of it in the Go sources: it is not run, and nobody is told.
            raise RefusedError(f'component name="{name}": its lifecycle hook would never run')
    return containers


def _executor_configs(platforms: pipeline_spec_pb2.PlatformSpec | None) -> dict[str, dict[str, Any]]:
    if platforms is None:
        return {}
    configs = {
        label: json_format.MessageToDict(config)
        for label, config in platforms.platforms["kubernetes"].deployment_spec.executors.items()
    }
    for label, config in configs.items():
        try:
            check_executor_config(config)
        except ConfigError as error:
            raise RefusedError(f"failed to unmarshal kubernetes config of {label}: {error}") from None
    return configs


def _check_dag(package: Package) -> None:
    tasks = package.tasks
    for name, task in tasks.items():
        if not _ARGO_TASK.fullmatch(name):
            raise RefusedError(f"invalid task {name!r}: a name has letters, digits and '-' only, at most 128 of them")
        if f"{name}-driver" in tasks:
            raise RefusedError(f"sorting failed: duplicated nodeName {name}-driver")
        component = task.component_ref.name
        if component not in package.spec.components:
            raise RefusedError(f'cannot find component ref name="{component}" for task name="{name}"')
        if not _ARGO_PARAMETER.fullmatch(component):
            raise RefusedError(f"invalid component name {component!r}")
        unknown = sorted(package.dependencies(name) - tasks.keys())
        if unknown:
            raise RefusedError(f'failed to add implicit deps: unknown producer task "{unknown[0]}" in DAG')
        if not task.task_info.name:
            raise RefusedError(f"{name}: task spec is required")
    for label in package.executor_configs:
        if label not in package.containers:
            raise RefusedError(
                f"platform document: no executor {label}; what it asks for would be passed over in silence"
            )
