"""What Kubeflow's compiler and drivers do with tasks: what they run, in which order, and when."""

from __future__ import annotations

import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Any

from pipeline.on_kubeflow.doctor.nodes import Node, dags_of, is_exit_task, nodes_of, producers_of
from pipeline.on_kubeflow.doctor.problem import Problem, error
from pipeline.on_kubeflow.package import Package

_KINDS = ("container", "importer", "resolver", "customJob")
_IMPORTABLE = ("gs://", "s3://", "minio://", "oci://", "huggingface://")
# Of the Common Expression Language, and what Kubeflow adds.
_CEL_NAMES = {
    *("inputs", "outputs", "true", "false", "null", "in"),
    *("int", "uint", "double", "string", "bool", "bytes", "list", "map", "type", "null_type"),
}


def check_references(package: Package) -> Iterator[Problem]:
    """Components, executors and tasks that are named, and what a node is made of."""
    if not package.root.get("dag", {}).get("tasks"):
        yield error("", "The pipeline has no tasks.", "Compile it again.")
    if "root" in package.components:
        yield error("", "A component is called 'root', which is Kubeflow's own.", "Rename the component.")
    for node in nodes_of(package):
        yield from _check_implementation(package, node)
        for dependency in node.task.get("dependentTasks", []):
            if dependency not in node.dag.tasks:
                yield error(
                    node.name,
                    f"It waits for the task '{dependency}', which is not there.",
                    "Remove the dependency, or compile the pipeline again with that task.",
                )
            elif is_exit_task(node.dag.tasks[dependency]):
                yield error(
                    node.name,
                    f"It waits for the exit handler '{dependency}', which is no part of the DAG.",
                    "Let nothing wait for an exit handler.",
                )


def _check_implementation(package: Package, node: Node) -> Iterator[Problem]:
    if not node.component:
        missing = f"its component '{node.component_name}' is not" if node.component_name else "no component is"
        yield error(node.name, f"{missing.capitalize()} defined.", "Compile the pipeline again.")
        return
    if "dag" in node.component:
        if not node.component["dag"].get("tasks"):
            yield error(node.name, "It holds no tasks.", "Compile the pipeline again.")
        return
    label = node.component.get("executorLabel")
    if not label:
        yield error(node.name, "Its component has neither tasks nor an executor.", "Compile the pipeline again.")
    elif label not in package.executors:
        yield error(node.name, f"Its executor '{label}' is not defined.", "Compile the pipeline again.")
    elif "resolver" in node.executor:
        yield error(
            node.name,
            "It is a Resolver: open-source Kubeflow refuses the run ('resolver not implemented').",
            "Use a component that looks the artifact up, such as our BaselineModel, or an Importer of a known URI.",
        )
    elif "customJob" in node.executor:
        yield error(node.name, "It is a Vertex AI custom job, which Kubeflow refuses.", "Use a container.")
    elif not any(kind in node.executor for kind in _KINDS):
        yield error(node.name, "Its executor says nothing about what to run.", "Compile the pipeline again.")


def check_cycles(package: Package) -> Iterator[Problem]:
    """Tasks that wait for each other, and components that hold themselves."""
    for dag in dags_of(package):
        waits = {
            key: (producers_of(task) | set(task.get("dependentTasks", []))) & dag.tasks.keys()
            for key, task in dag.tasks.items()
        }
        yield from _cycle(waits, f"{dag.path}/" if dag.path else "", "They wait for each other")
    holds = {
        name: {task.get("componentRef", {}).get("name", "") for task in spec.get("dag", {}).get("tasks", {}).values()}
        for name, spec in package.components.items()
    }
    yield from _cycle(holds, "", "These components hold each other")


def _cycle(graph: dict[str, set[str]], prefix: str, what: str) -> Iterator[Problem]:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as found:
        names = found.args[1]
        yield error(
            f"{prefix}{names[0]}", f"{what}: {' -> '.join(reversed(names))}.", "Remove one of these dependencies."
        )


def check_conditions(package: Package) -> Iterator[Problem]:
    """Conditions that the driver cannot evaluate."""
    for node in nodes_of(package):
        condition = node.task.get("triggerPolicy", {}).get("condition", "")
        if not condition:
            continue
        if "importer" in node.executor:
            yield error(
                node.name,
                "It is an importer with a condition, which Kubeflow refuses.",
                "Import without condition, and put the condition on what uses the artifact.",
            )
        wrong = _wrong_with_condition(node, condition)
        if wrong:
            yield error(
                node.name,
                f"Its condition cannot be evaluated ({wrong}): {condition}",
                "Compare properties of this node's inputs with ==, <, >, &&, || and !.",
            )


def _wrong_with_condition(node: Node, condition: str) -> str | None:
    unknown = re.search(r"Unknown [A-Z][\w ]+", condition)
    if unknown:
        return f"TFX wrote '{unknown.group()}'"
    bare = re.sub(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", "''", condition)
    if bare.replace("''", "").count("'") or '"' in bare:
        return "a quotation mark is not closed"
    depth = 0
    for character in bare:
        depth += {"(": 1, "[": 1, ")": -1, "]": -1}.get(character, 0)
        if depth < 0:
            break
    if depth:
        return "the brackets do not match"
    inputs = node.task.get("inputs", {})
    for field, name in re.findall(r"\binputs\.(\w+)\[\s*['\"]([^'\"]*)['\"]\s*\]", condition):
        if field not in ("artifacts", "parameter_values"):
            return f"nothing is in inputs.{field}; parameters are in inputs.parameter_values"
        if name not in inputs.get("artifacts" if field == "artifacts" else "parameters", {}):
            return f"'{name}' is not among the node's inputs"
    # What follows a dot is a field, what precedes a bracket a function; macros bring names of their own.
    free = set(re.findall(r"(?<![\w.'])([A-Za-z_]\w*)\b(?!\s*\()", bare)) - _CEL_NAMES
    if free and not re.search(r"\.(all|exists|exists_one|map|filter)\(", bare):
        return f"there is no '{min(free)}'"
    return None


def check_loops_and_exits(package: Package) -> Iterator[Problem]:
    """Iterators and exit handlers."""
    for dag in dags_of(package):
        if dag.tasks and all(is_exit_task(task) for task in dag.tasks.values()):
            yield error(dag.path, "All of its tasks are exit handlers.", "Add a task that they can follow.")
    for node in nodes_of(package):
        if "artifactIterator" in node.task:
            yield error(
                node.name,
                "It loops over artifacts ('artifact iterator not implemented').",
                "Loop over a list of parameters.",
            )


def check_importers(package: Package) -> Iterator[Problem]:
    """Importers whose launcher cannot find the URI."""
    for node in nodes_of(package):
        if "importer" not in node.executor:
            continue
        source = node.executor["importer"].get("artifactUri", {})
        if "constant" in source:
            yield from _check_uri(node, source["constant"])
        elif "runtimeParameter" in source:
            name = source["runtimeParameter"]
            given = node.task.get("inputs", {}).get("parameters", {}).get(name, {})
            if "componentInputParameter" not in given:
                yield error(
                    node.name,
                    f"Its URI is the parameter '{name}', which an importer takes from the pipeline's parameters only.",
                    "Write the URI into the importer, or make it a parameter of the pipeline.",
                )
        else:
            yield error(node.name, "It has no URI to import that Kubeflow reads.", "Give source_uri a text.")
        if len(node.outputs) != 1:
            yield error(
                node.name,
                f"An importer has one output artifact; this one has {len(node.outputs)}.",
                "Import each artifact by an importer of its own.",
            )


def _check_uri(node: Node, uri: Any) -> Iterator[Problem]:
    if not isinstance(uri, str) or not uri.startswith(_IMPORTABLE):
        yield error(
            node.name,
            f"Kubeflow cannot import '{uri}' ('no provider scheme found').",
            f"Put it into an object store ({', '.join(_IMPORTABLE[:3])}), or let a component read the path.",
        )
