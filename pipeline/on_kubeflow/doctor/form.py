"""What Kubeflow's API server looks at when a package is uploaded: form, names and sizes."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from pipeline.on_kubeflow import kubernetes_names as names
from pipeline.on_kubeflow.doctor.nodes import Node, dags_of, is_exit_task, nodes_of, producers_of
from pipeline.on_kubeflow.doctor.problem import Problem, error, warning
from pipeline.on_kubeflow.package import Package

SCHEMA_VERSION = "2.1.0"

_FILE_ENDINGS = (".yaml", ".yml")
_MAX_PIPELINE_NAME = 128
# Argo's rule for the names of templates and of a DAG's tasks, and for those of parameters.
_ARGO_NAME = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]*")
_ARGO_PARAMETER = re.compile(r"[-a-zA-Z0-9_]+")
_MAX_ARGO_NAME = 128
_OWN_TEMPLATES = ("entrypoint", "root")
# Linux takes no longer argument, etcd no larger object.
_MAX_ARGUMENT = 128 << 10
_MAX_OBJECT = 3 << 19
_RESERVE = 64 << 10
# What Kubeflow adds to each task of the workflow, about.
_PER_TASK = 1500


def check_form(package: Package) -> Iterator[Problem]:
    """The file and the schema's version."""
    if package.job is not None:
        yield error(
            "",
            "It is a PipelineJob, which is Vertex AI's form; Kubeflow takes a PipelineSpec in YAML.",
            "Compile with use_pipeline_spec_2_1=True and an output_filename that ends in .yaml.",
        )
        root = package.job.get("runtimeConfig", {}).get("gcsOutputDirectory")
        if root:
            yield warning(
                "",
                f"Its pipeline root {root} is lost: Kubeflow reads no runtimeConfig from a package.",
                "Give the root (minio://, s3:// or gs://) when a run is submitted.",
            )
    elif package.path.suffix not in _FILE_ENDINGS:
        yield error(
            "",
            f"The file's name ends in '{package.path.suffix}'; Kubeflow takes .yaml, .yml, .zip and .tar.gz.",
            "Rename it to end in .yaml.",
        )
    version = package.spec.get("schemaVersion", "")
    if version != SCHEMA_VERSION:
        yield error(
            "",
            f"schemaVersion is '{version}'; Kubeflow takes {SCHEMA_VERSION} only.",
            "Compile with use_pipeline_spec_2_1=True (TFX) or with kfp 2.",
        )
    root = package.spec.get("defaultPipelineRoot")
    if root:
        yield warning(
            "",
            f"Kubeflow's server does not read the default pipeline root {root}: a run without a root of its own goes "
            "to the cluster's.",
            "Give the root when a run is submitted.",
        )
    for violation in package.unknown:
        if violation.place[0] == "deploymentSpec":
            yield warning(
                _node_of_label(package, str(violation.place[2]) if len(violation.place) > 2 else ""),
                f"{violation.dotted} is skipped by Kubeflow: {violation.what}.",
                "Correct its name, or remove it.",
            )


def check_names(package: Package) -> Iterator[Problem]:
    """Names that become names of Kubernetes and Argo."""
    name = package.spec["pipelineInfo"]["name"]
    if len(name) > _MAX_PIPELINE_NAME:
        yield error(
            "",
            f"The pipeline's name has {len(name)} characters; there may be {_MAX_PIPELINE_NAME}.",
            "Give it a shorter name.",
        )
    elif not names.OBJECT.fits(name):
        yield error(
            "",
            f"The pipeline's name '{name}' cannot name a Kubernetes object.",
            "Use lower-case letters, digits, '-' and '.', with a letter or digit at both ends.",
        )
    for dag in dags_of(package):
        if dag.path and dag.name in _OWN_TEMPLATES:
            yield error(
                dag.path, f"Its component is called '{dag.name}', which is Kubeflow's own.", "Rename the component."
            )
    for node in nodes_of(package):
        yield from _check_node_names(node)


def _check_node_names(node: Node) -> Iterator[Problem]:
    templates = [node.key, f"{node.key}-driver"]
    if is_exit_task(node.task):
        templates.append(f"exit-hook-{node.dag.name}-{node.key}")
    if "parameterIterator" in node.task:
        templates.append(f"{node.component_name}-{node.key}-iterator")
    if "dag" in node.component:
        templates.append(node.component_name)
    for name in templates:
        if not _ARGO_NAME.fullmatch(name):
            yield error(
                node.name,
                f"Argo, which runs it, refuses the name '{name}'.",
                "Use letters, digits and '-' only, say with_id('LatestModel').",
            )
            break
        if len(name) > _MAX_ARGO_NAME:
            yield error(
                node.name,
                f"Kubeflow makes the name '{name}' of it, {len(name)} characters long; Argo takes {_MAX_ARGO_NAME}.",
                "Give it a shorter name.",
            )
            break
    if node.component_name and not _ARGO_PARAMETER.fullmatch(node.component_name):
        yield error(
            node.name,
            f"Argo refuses the name '{node.component_name}' of its component.",
            "Use letters, digits, '-' and '_' only.",
        )
    driver_of = node.key.removesuffix("-driver")
    if driver_of != node.key and driver_of in node.dag.tasks:
        yield error(
            node.name,
            f"Its name is what Kubeflow calls the driver of '{driver_of}'.",
            "Rename one of the two.",
        )
    display_name = node.task.get("taskInfo", {}).get("name", "")
    if not display_name:
        yield error(node.name, "taskInfo.name is missing, and its driver needs it.", f"Set it to '{node.key}'.")
    elif display_name != node.key and _is_producer(node):
        yield warning(
            node.name,
            f"taskInfo.name '{display_name}' differs from the task's key; older releases of Kubeflow 2 then do not "
            "find its outputs ('cannot find producer task').",
            f"Set taskInfo.name to '{node.key}', or use a Kubeflow that tells the two apart.",
        )


def check_sizes(package: Package) -> Iterator[Problem]:
    """What becomes one argument, or one object, in Kubernetes."""
    workflow = 0
    counted = set()
    for node in nodes_of(package):
        container = _size(node.container)
        component = _size(node.component)
        task = _size(node.task)
        workflow += 2 * _PER_TASK + task
        if node.component_name not in counted:
            counted.add(node.component_name)
            workflow += component + container + _size(node.kubernetes)
        # The launcher gets the parameters' values together, and puts them in for {{$}}.
        values = _size(node.parameters)
        arguments = [
            ("the container's specification", container),
            ("the component's specification", component),
            ("the task with its parameters", task),
            *(
                (f"argument {number}", len(argument.encode()) + values * argument.count("{{$}}"))
                for number, argument in enumerate(node.command_line, start=1)
            ),
        ]
        label, size = max(arguments, key=lambda argument: argument[1])
        if size > _MAX_ARGUMENT:
            yield error(
                node.name,
                f"{label.capitalize()} takes {size >> 10} KiB, and is handed over as one argument; Linux takes "
                f"{_MAX_ARGUMENT >> 10} KiB.",
                "Put large values into a file or an artifact.",
            )
    if workflow > _MAX_OBJECT - _RESERVE:
        yield error(
            "",
            f"Its workflow would take about {workflow >> 10} KiB; Kubernetes stores objects of up to "
            f"{_MAX_OBJECT >> 10} KiB.",
            "Split the pipeline, or move large values out of parameters and arguments.",
        )
    elif workflow > _MAX_OBJECT // 2:
        yield warning(
            "",
            f"Its workflow would take about {workflow >> 10} KiB; Argo adds the state of each node, and Kubernetes "
            f"stores {_MAX_OBJECT >> 10} KiB.",
            "Split the pipeline, or move large values out of parameters and arguments.",
        )


def check_shared_containers(package: Package) -> Iterator[Problem]:
    """Kubeflow stores a component's interface under a hash of its container alone."""
    sharing: dict[str, list[Node]] = defaultdict(list)
    for node in nodes_of(package):
        if node.container:
            sharing[json.dumps(node.container, sort_keys=True)].append(node)
    for nodes in sharing.values():
        first = min(nodes, key=lambda node: node.key)
        for node in nodes:
            if _interface(node) != _interface(first):
                yield error(
                    node.name,
                    f"Its container is the same as that of {first.name}, but its inputs, outputs or defaults are not: "
                    "Kubeflow gives it the other's.",
                    "Make the containers differ, say by one environment variable with the node's name.",
                )


def _interface(node: Node) -> dict[str, Any]:
    return {key: value for key, value in node.component.items() if key != "executorLabel"}


def _is_producer(node: Node) -> bool:
    return any(node.key in producers_of(task) for task in node.dag.tasks.values())


def _node_of_label(package: Package, label: str) -> str:
    found = (node.name for node in nodes_of(package) if node.component.get("executorLabel") == label)
    return next(found, label)


def _size(value: Any) -> int:
    return len(json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode(errors="replace"))
