"""The nodes of a package, each with all that the package says of it."""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from pipeline.on_kubeflow.package import Package

TFX_RUNNER = "tfx.orchestration.kubeflow.v2.container.kubeflow_v2_run_executor"
OUR_RUNNER = "pipeline.on_kubeflow.runtime"

# Settings of Kubernetes that mount a volume.
MOUNTS = ("pvcMount", "secretAsVolume", "configMapAsVolume", "genericEphemeralVolume", "emptyDirMounts")

_EXECUTOR_FLAG = "--executor_class_path"
_EXIT_STRATEGY = "ALL_UPSTREAM_TASKS_COMPLETED"


@dataclasses.dataclass(frozen=True)
class Dag:
    """One level of tasks.

    Attributes:
      name: of its component; 'root' is the pipeline.
      path: its task, with the tasks that hold it; '' is the pipeline.
      spec: its ComponentSpec.
    """

    name: str
    path: str
    spec: dict[str, Any]

    @property
    def tasks(self) -> dict[str, dict[str, Any]]:
        """Task key -> PipelineTaskSpec."""
        tasks: dict[str, dict[str, Any]] = self.spec.get("dag", {}).get("tasks", {})
        return tasks

    @property
    def inputs(self) -> dict[str, Any]:
        """What is handed in: its ComponentInputsSpec."""
        inputs: dict[str, Any] = self.spec.get("inputDefinitions", {})
        return inputs


@dataclasses.dataclass(frozen=True)
class Node:
    """A task.

    Attributes:
      dag: that it is in.
      key: its name there.
      task: its PipelineTaskSpec.
      component_name: of the component that it refers to; '' if it refers to none.
      component: the ComponentSpec; {} if there is none of that name.
      executor: the ExecutorSpec; {} if there is none of that label.
      kubernetes: the KubernetesExecutorConfig; {} if there is none.
    """

    dag: Dag
    key: str
    task: dict[str, Any]
    component_name: str
    component: dict[str, Any]
    executor: dict[str, Any]
    kubernetes: dict[str, Any]

    @property
    def name(self) -> str:
        """The name in messages."""
        return f"{self.dag.path}/{self.key}" if self.dag.path else self.key

    @property
    def container(self) -> dict[str, Any]:
        """The PipelineContainerSpec; {} if it is no container."""
        container: dict[str, Any] = self.executor.get("container", {})
        return container

    @property
    def command_line(self) -> list[str]:
        """Command and arguments."""
        return [*self.container.get("command", []), *self.container.get("args", [])]

    @property
    def executor_class(self) -> str | None:
        """Dotted path of the TFX executor; None if this is no TFX component."""
        return _option(self.command_line, _EXECUTOR_FLAG)

    @property
    def runner(self) -> str | None:
        """The module that the container runs; None if it runs something else."""
        return _option(self.command_line, "-m")

    @property
    def is_tfx(self) -> bool:
        """Whether it runs a TFX executor."""
        return self.executor_class is not None

    @property
    def parameter_specs(self) -> dict[str, dict[str, Any]]:
        """Input parameter -> its ParameterSpec."""
        specs: dict[str, dict[str, Any]] = self.component.get("inputDefinitions", {}).get("parameters", {})
        return specs

    @property
    def outputs(self) -> dict[str, dict[str, Any]]:
        """Output artifact -> its ArtifactSpec."""
        outputs: dict[str, dict[str, Any]] = self.component.get("outputDefinitions", {}).get("artifacts", {})
        return outputs

    @property
    def parameters(self) -> dict[str, Any]:
        """Input parameters whose values the package tells: constants, and defaults of the pipeline's parameters."""
        values = {name: spec["defaultValue"] for name, spec in self.parameter_specs.items() if "defaultValue" in spec}
        given = self.dag.inputs.get("parameters", {})
        for name, source in self.task.get("inputs", {}).get("parameters", {}).items():
            values.pop(name, None)
            if "constant" in source.get("runtimeValue", {}):
                values[name] = source["runtimeValue"]["constant"]
            default = given.get(source.get("componentInputParameter"), {})
            if "defaultValue" in default:
                values[name] = default["defaultValue"]
        return values

    @property
    def volumes(self) -> list[str]:
        """Folders of the container in which volumes are mounted."""
        mounts = [mount.get("mountPath", "") for kind in MOUNTS for mount in self.kubernetes.get(kind, [])]
        return [mount for mount in mounts if mount]

    def beam_arguments(self, name: str) -> str | None:
        """Value of one of Beam's options; None if it is not given."""
        return _option(self.command_line, name)


def nodes_of(package: Package) -> Iterator[Node]:
    """All tasks, those of nested DAGs after the task that holds them. A DAG that holds itself is entered once."""
    for dag in dags_of(package):
        for key, task in dag.tasks.items():
            yield _node(package, dag, key, task)


def dags_of(package: Package) -> list[Dag]:
    """All levels of tasks, the pipeline first."""
    found = [Dag("root", "", package.root)]
    # Components, not tasks: one that is used twice is the same twice, and 2^n of them would take for ever.
    seen = {"root"}
    for dag in found:
        for key, task in dag.tasks.items():
            name = task.get("componentRef", {}).get("name", "")
            component = package.components.get(name, {})
            if "dag" in component and name not in seen:
                seen.add(name)
                found.append(Dag(name, f"{dag.path}/{key}" if dag.path else key, component))
    return found


def producers_of(task: dict[str, Any]) -> set[str]:
    """Keys of the tasks whose outputs a PipelineTaskSpec takes; '' where one is not named."""
    inputs = task.get("inputs", {})
    return {
        source[kind].get("producerTask", "")
        for source in (*inputs.get("artifacts", {}).values(), *inputs.get("parameters", {}).values())
        for kind in ("taskOutputArtifact", "taskOutputParameter")
        if kind in source
    }


def is_exit_task(task: dict[str, Any]) -> bool:
    """Whether a PipelineTaskSpec is an exit handler."""
    return bool(task.get("triggerPolicy", {}).get("strategy") == _EXIT_STRATEGY)


def title_of(artifact: dict[str, Any]) -> str | None:
    """Title of an artifact's type; None if it has none that Kubeflow could read."""
    kind = artifact.get("artifactType", {})
    if "schemaTitle" in kind:
        return kind["schemaTitle"] or None
    try:
        # All its values are texts, so that a wrong date or number is no error.
        schema = yaml.load(kind.get("instanceSchema", ""), Loader=yaml.CBaseLoader)
    except (yaml.YAMLError, RecursionError):
        return None
    title = schema.get("title") if isinstance(schema, dict) else None
    return title if isinstance(title, str) and title else None


def texts_in(value: Any, depth: int = 0) -> Iterator[str]:
    """All texts in a value, also those of JSON in a text."""
    if depth > 20:
        return
    if isinstance(value, str):
        yield value
        if re.match(r"\s*[\[{]", value):
            try:
                parsed = json.loads(value)
            except (ValueError, RecursionError):
                return
            yield from texts_in(parsed, depth + 1)
    elif isinstance(value, dict):
        for item in value.values():
            yield from texts_in(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            yield from texts_in(item, depth + 1)


def _node(package: Package, dag: Dag, key: str, task: dict[str, Any]) -> Node:
    component_name = task.get("componentRef", {}).get("name", "")
    component = package.components.get(component_name, {})
    label = component.get("executorLabel", "")
    return Node(
        dag,
        key,
        task,
        component_name,
        component,
        package.executors.get(label, {}),
        package.kubernetes.get(label, {}),
    )


def _option(command_line: list[str], name: str) -> str | None:
    for argument, following in itertools.zip_longest(command_line, command_line[1:]):
        if argument == name:
            return following
        if argument.startswith(f"{name}="):
            return argument.removeprefix(f"{name}=")
    return None
