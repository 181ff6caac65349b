"""What Kubeflow's drivers do with inputs: where they come from, and of which type they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipeline.on_kubeflow.doctor.form import SCHEMA_VERSION
from pipeline.on_kubeflow.doctor.nodes import Node, nodes_of
from pipeline.on_kubeflow.doctor.problem import Problem, error, warning
from pipeline.on_kubeflow.package import Package

# Parameter type -> what its JSON value may be.
_VALUES: dict[str, type | tuple[type, ...]] = {
    "NUMBER_INTEGER": (int, float),
    "NUMBER_DOUBLE": (int, float),
    "BOOLEAN": bool,
    "LIST": list,
    "STRUCT": dict,
    "TASK_FINAL_STATUS": dict,
    "TASK_CONFIG": dict,
}
_TFX_PRODUCER_SUFFIX = "_task"


def check_inputs(package: Package) -> Iterator[Problem]:
    """Where each input comes from, and whether its value can be had and is of its type."""
    for node in nodes_of(package):
        inputs = node.task.get("inputs", {})
        for name, source in inputs.get("artifacts", {}).items():
            yield from _check_artifact(package, node, name, source)
        for name, source in inputs.get("parameters", {}).items():
            yield from _check_parameter(package, node, name, source)
        given = inputs.get("parameters", {}).keys() | {node.task.get("parameterIterator", {}).get("itemInput")}
        for name, spec in node.parameter_specs.items():
            if name not in given and not spec.get("isOptional") and "defaultValue" not in spec:
                yield error(
                    node.name,
                    f"Its parameter '{name}' gets no value, has no default and is not optional.",
                    "Give it a value or a default.",
                )


def _check_artifact(package: Package, node: Node, name: str, source: dict[str, Any]) -> Iterator[Problem]:
    if "taskOutputArtifact" in source:
        producer = source["taskOutputArtifact"].get("producerTask", "")
        key = source["taskOutputArtifact"].get("outputArtifactKey", "")
        if producer not in node.dag.tasks:
            yield _unknown_producer(node, name, producer)
        elif key not in _outputs(package, node, producer, "artifacts"):
            yield _unknown_output(node, name, producer, key)
    elif "componentInputArtifact" in source:
        if source["componentInputArtifact"] not in node.dag.inputs.get("artifacts", {}):
            yield _not_handed_in(node, name, source["componentInputArtifact"])
    else:
        yield error(node.name, f"Nothing says where its input '{name}' comes from.", "Compile the pipeline again.")


def _check_parameter(package: Package, node: Node, name: str, source: dict[str, Any]) -> Iterator[Problem]:
    if "taskOutputParameter" in source:
        producer = source["taskOutputParameter"].get("producerTask", "")
        key = source["taskOutputParameter"].get("outputParameterKey", "")
        real = producer.removesuffix(_TFX_PRODUCER_SUFFIX)
        if producer in node.dag.tasks:
            if key not in _outputs(package, node, producer, "parameters"):
                yield _unknown_output(node, name, producer, key)
        elif real in node.dag.tasks:
            yield error(
                node.name,
                f"Its dynamic parameter '{name}' comes from '{producer}', a task that is not there: TFX writes a "
                f"wrong name for '{real}'.",
                f"Replace producerTask '{producer}' by '{real}' in the package after compiling.",
            )
        else:
            yield _unknown_producer(node, name, producer)
    elif "componentInputParameter" in source:
        yield from _check_handed_in(node, name, source["componentInputParameter"])
    elif "runtimeValue" in source:
        yield from _check_value(package, node, name, source["runtimeValue"])
    elif "taskFinalStatus" in source:
        yield warning(
            node.name,
            f"Its parameter '{name}' is the final status of a task; older releases of Kubeflow 2 refuse the run "
            "('task final status not supported yet').",
            "Use a Kubeflow that knows it, or an exit handler without this parameter.",
        )
    else:
        yield error(node.name, f"Nothing says where its parameter '{name}' comes from.", "Compile the pipeline again.")


def _check_handed_in(node: Node, name: str, source: str) -> Iterator[Problem]:
    given = node.dag.inputs.get("parameters", {})
    if source not in given:
        yield _not_handed_in(node, name, source)
        return
    optional = given[source].get("isOptional") and "defaultValue" not in given[source]
    spec = node.parameter_specs.get(name, {})
    if node.dag.name == "root" and optional and spec and not spec.get("isOptional"):
        yield warning(
            node.name,
            f"Its parameter '{name}' is not optional, but the pipeline's parameter '{source}' is, and has no default: "
            "a run without it fails here.",
            f"Give '{source}' a default, or make both optional.",
        )


def _check_value(package: Package, node: Node, name: str, source: dict[str, Any]) -> Iterator[Problem]:
    if "constant" not in source:
        # Of schema 2.0, which has been said for the whole package.
        if package.spec.get("schemaVersion") == SCHEMA_VERSION:
            yield error(
                node.name,
                f"The value of its parameter '{name}' is not a 'constant', and Kubeflow reads nothing else here.",
                "Compile with use_pipeline_spec_2_1=True.",
            )
        return
    spec = node.parameter_specs.get(name)
    if spec is not None and package.spec.get("schemaVersion") == SCHEMA_VERSION:
        yield from check_type(node.name, f"parameter '{name}'", spec, source["constant"])


def check_type(node: str, label: str, spec: dict[str, Any], value: Any) -> Iterator[Problem]:
    """Whether a value has its parameter's type.

    Args:
      node: for messages.
      label: the parameter, for messages.
      spec: its ParameterSpec.
      value: from JSON.
    """
    kind = spec.get("parameterType")
    shown = str(value) if len(str(value)) <= 40 else f"{str(value)[:40]}..."
    if kind is None or kind == "PARAMETER_TYPE_ENUM_UNSPECIFIED":
        yield error(node, f"The type of its {label} is not given.", "Set parameterType; TFX does with schema 2.1.")
    elif kind == "STRING":
        if not isinstance(value, str):
            yield warning(
                node,
                f"Its {label} is a text, but {shown} is none; Kubeflow hands on what it makes of that.",
                "Put the value in quotes.",
            )
    elif kind not in _VALUES:
        yield error(node, f"The type {kind} of its {label} is unknown.", f"Use one of STRING, {', '.join(_VALUES)}.")
    elif isinstance(value, bool) != (kind == "BOOLEAN") or not isinstance(value, _VALUES[kind]):
        yield error(node, f"Its {label} is {kind}, but {shown} is not.", "Give a value of that type.")
    elif kind == "NUMBER_INTEGER" and isinstance(value, float) and not value.is_integer():
        yield error(node, f"Its {label} is a whole number, but {shown} is not.", "Give a whole number.")


def check_pipeline_parameters(package: Package) -> Iterator[Problem]:
    """What a person is asked for when a run is started. Without a default it is meant so, but for what TFX has lost."""
    of_tfx = any(node.is_tfx for node in nodes_of(package))
    for name, spec in package.root.get("inputDefinitions", {}).get("parameters", {}).items():
        if "defaultValue" in spec:
            if package.spec.get("schemaVersion") == SCHEMA_VERSION:
                yield from check_type("", f"default of the pipeline's parameter '{name}'", spec, spec["defaultValue"])
        elif not of_tfx or spec.get("isOptional") or spec.get("description"):
            continue
        elif name == "pipeline-root":
            yield warning(
                "",
                "TFX's parameter 'pipeline-root' has no default; Kubeflow does not fill it in, though it knows the "
                "run's root.",
                "Pass the root's URI as this parameter whenever a run is submitted, or write the paths that need it.",
            )
        else:
            yield warning(
                "",
                f"The pipeline's parameter '{name}' has neither a default nor a description: every run must give it, "
                "and nothing says what it is. TFX drops the default of a RuntimeParameter.",
                "Put defaultValue, or a description, into root.inputDefinitions.parameters.",
            )


def _outputs(package: Package, node: Node, producer: str, kind: str) -> dict[str, Any]:
    name = node.dag.tasks[producer].get("componentRef", {}).get("name", "")
    return dict(package.components.get(name, {}).get("outputDefinitions", {}).get(kind, {}))


def _unknown_producer(node: Node, name: str, producer: str) -> Problem:
    return error(
        node.name,
        f"Its input '{name}' comes from the task '{producer}', which is not there.",
        "Correct producerTask, or compile the pipeline again with that task.",
    )


def _unknown_output(node: Node, name: str, producer: str, key: str) -> Problem:
    return error(
        node.name,
        f"Its input '{name}' is the output '{key}' of '{producer}', which has no such output.",
        "Correct the output's name, or compile the pipeline again.",
    )


def _not_handed_in(node: Node, name: str, source: str) -> Problem:
    holder = f"'{node.dag.path}'" if node.dag.path else "the pipeline"
    return error(
        node.name,
        f"Its input '{name}' shall be the input '{source}' of {holder}, which has none of that name.",
        "Add it there (root.inputDefinitions for the pipeline); compilers lose it where there is an exit handler.",
    )
