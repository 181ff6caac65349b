"""What Kubeflow makes of a container: its image, its command line, its resources."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from pipeline.on_kubeflow import kubernetes_names as names
from pipeline.on_kubeflow.doctor.nodes import OUR_RUNNER, TFX_RUNNER, Node, nodes_of
from pipeline.on_kubeflow.doctor.problem import Problem, error, warning
from pipeline.on_kubeflow.package import Package

# Names by which Kubeflow's own code asks for a volume; no container is started.
_STUBS = ("argostub/createpvc", "argostub/deletepvc")
_TFX_IMAGE = re.compile(r"(gcr\.io/tfx-oss-public/tfx|(docker\.io/)?tensorflow/tfx)([:@]|$)")
_SIGNED_QUANTITY = re.compile(f"[+-]?{names.QUANTITY.pattern}")
_RESOURCES = ("Cpu", "Memory")
_OUR_COMMAND = f"['python', '-m', '{OUR_RUNNER}']"


def check_containers(package: Package) -> Iterator[Problem]:
    """Every container's image, command line, environment and resources."""
    for node in nodes_of(package):
        if node.container and node.container.get("image") not in _STUBS:
            yield from _check_image(node)
            yield from _check_command(node)
            yield from _check_lifecycle(node)
            yield from _check_environment(node)
            yield from _check_resources(node)
            yield from _check_beam(node)


def _check_image(node: Node) -> Iterator[Problem]:
    image = node.container.get("image", "")
    if not image:
        yield error(node.name, "Its container has no image.", "Compile with default_image.")
        return
    if "{{" in image:
        return
    reference = names.IMAGE.pattern.fullmatch(image)
    if not reference:
        yield error(
            node.name,
            f"'{image}' is no reference of an image.",
            f"Write {names.IMAGE.words}.",
        )
    elif not reference["digest"] and reference["tag"] in (None, "latest"):
        yield warning(
            node.name,
            f"The image '{image}' names no version: nodes run whatever is newest, and the cache, which goes by the "
            "name, serves results of older code.",
            "Give each build a tag of its own, or a digest.",
        )
    if node.is_tfx and _TFX_IMAGE.match(image):
        yield warning(
            node.name,
            f"'{image}' is TFX's own image: 12 GB, and without your code.",
            "Build an image with your code, and compile with default_image.",
        )


def _check_command(node: Node) -> Iterator[Problem]:
    command = node.container.get("command", [])
    arguments = node.container.get("args", [])
    if not command and (not arguments or arguments[0].startswith(("-", "{{"))):
        yield error(
            node.name,
            "Its container has no command; Kubeflow's launcher runs command and arguments, and never the image's "
            "entry point.",
            f"Compile with default_commands={_OUR_COMMAND}." if node.is_tfx else "Give the container a command.",
        )
    elif node.is_tfx and (node.runner == TFX_RUNNER or any(_is_tfx_script(part) for part in command)):
        yield error(
            node.name,
            "It runs TFX's own runner, which cannot read what Kubeflow hands over: input artifacts come without "
            "their types, and minio:// and s3:// are unknown to TFX.",
            f"Compile with default_commands={_OUR_COMMAND}, and with an image that has it.",
        )


def _is_tfx_script(argument: str) -> bool:
    return argument.endswith("kubeflow_v2_run_executor.py")


def _check_lifecycle(node: Node) -> Iterator[Problem]:
    if "preCacheCheck" not in node.container.get("lifecycle", {}) or node.runner == OUR_RUNNER:
        return
    what = "lifecycle.preCacheCheck never runs in open-source Kubeflow"
    if not node.is_tfx:
        yield warning(node.name, f"{what}.", "Do its work in the container's command.")
    elif node.runner == TFX_RUNNER:
        yield error(
            node.name,
            f"{what}, and it is this ExampleGen's driver: no span and no fingerprint are found, and the executor "
            "fails.",
            f"Compile with default_commands={_OUR_COMMAND}, which runs the driver.",
        )
    else:
        yield warning(
            node.name,
            f"{what}, and it is this ExampleGen's driver.",
            "See that the container's entry point runs the driver before the executor.",
        )


def _check_environment(node: Node) -> Iterator[Problem]:
    written = [variable.get("name", "") for variable in node.container.get("env", [])]
    fetched = [field.get("name", "") for field in node.kubernetes.get("fieldPathAsEnv", [])]
    for source in (*node.kubernetes.get("secretAsEnv", []), *node.kubernetes.get("configMapAsEnv", [])):
        fetched.extend(key.get("envVar", "") for key in source.get("keyToEnv", []))
    for name, count in Counter([*written, *fetched]).items():
        if not names.VARIABLE.fits(name):
            yield error(node.name, f"'{name}' cannot name an environment variable.", f"Use {names.VARIABLE.words}.")
        elif name in written and name in fetched:
            yield error(
                node.name,
                f"The environment variable {name} is given both as a value and by a secret, ConfigMap or field, which "
                "Kubernetes refuses.",
                "Give it once.",
            )
        elif count > 1:
            yield warning(
                node.name, f"The environment variable {name} is given {count} times; one wins.", "Give it once."
            )


def _check_resources(node: Node) -> Iterator[Problem]:
    resources = node.container.get("resources", {})
    for resource in _RESOURCES:
        yield from _check_resource(node, resources, resource)
    accelerator = resources.get("accelerator", {})
    if not accelerator:
        return
    kind = accelerator.get("resourceType") or accelerator.get("type", "")
    count = str(accelerator.get("resourceCount") or accelerator.get("count", 0))
    if not kind or count in ("", "0"):
        yield warning(
            node.name,
            "Its accelerator lacks a type or a count, and is ignored.",
            "Give both, say nvidia.com/gpu and 1, or none.",
        )
    elif "{{" not in kind and "/" not in kind:
        yield error(
            node.name,
            f"The accelerator '{kind}' is a name of Vertex AI; Kubernetes knows no such resource.",
            "Use the name that the cluster's nodes offer, say nvidia.com/gpu, and choose the card by a node selector.",
        )
    elif "{{" not in count and not count.isdigit():
        yield error(node.name, f"'{count}' is no number of accelerators.", "Give a whole number.")


def _check_resource(node: Node, resources: dict[str, Any], resource: str) -> Iterator[Problem]:
    numbers = {}
    for side in ("Request", "Limit"):
        text = resources.get(f"resource{resource}{side}")
        number = resources.get(f"{resource.lower()}{side}")
        if text is not None and "{{" not in text and not _SIGNED_QUANTITY.fullmatch(text):
            yield error(
                node.name,
                f"resource{resource}{side} '{text}' is no quantity.",
                "Write it as Kubernetes does: 500m or 2 of CPU, 2Gi or 4G of memory.",
            )
        if text is not None and number is None:
            yield warning(
                node.name,
                f"resource{resource}{side} is read by newer releases of Kubeflow 2 only; older ones give it no such "
                "limit.",
                f"Give {resource.lower()}{side}, a number, too.",
            )
        if number is not None:
            numbers[side] = number
            if number < 0 or (resource == "Memory" and number > names.MAX_MEMORY_GB):
                yield error(
                    node.name,
                    f"{resource.lower()}{side} {number:g} cannot be meant: it is in "
                    f"{'GB' if resource == 'Memory' else 'cores'}.",
                    "Give 4 for 4 GB." if resource == "Memory" else "Give 0.5 for half a core.",
                )
    if numbers.get("Request", 0) > numbers.get("Limit", float("inf")):
        yield error(
            node.name,
            f"It asks for more {resource.lower()} ({numbers['Request']:g}) than its limit ({numbers['Limit']:g}).",
            "Raise the limit, or ask for less.",
        )


def _check_beam(node: Node) -> Iterator[Problem]:
    runner = (node.beam_arguments("--runner") or "").rpartition(".")[2]
    if not node.is_tfx or not runner:
        return
    own_runner = "Use --runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner, which runs in the container"
    if runner in ("DirectRunner", "SwitchingDirectRunner", "PrismRunner"):
        yield warning(
            node.name,
            f"Newer Beam's {runner} first tries to download a program, which a container without network cannot.",
            f"{own_runner}.",
        )
    elif runner == "FlinkRunner" and (node.beam_arguments("--flink_master") or "[local]") in ("[local]", "[auto]"):
        yield error(
            node.name,
            "Its FlinkRunner has no --flink_master, and would start a Flink of its own, for which the container has "
            "neither Java nor the program.",
            f"Name a cluster with --flink_master=HOST:PORT. {own_runner}.",
        )
    elif runner == "SparkRunner" and not node.beam_arguments("--spark_job_server_jar"):
        address = node.beam_arguments("--spark_master_url") or "local"
        if address.startswith("local"):
            yield error(
                node.name,
                "Its SparkRunner has no cluster, and would start a Spark of its own, for which the container has no "
                "Java.",
                f"Name a cluster with --spark_master_url. {own_runner}.",
            )
    elif runner == "DataflowRunner":
        missing = [name for name in ("--project", "--region", "--temp_location") if not node.beam_arguments(name)]
        if missing:
            yield error(node.name, f"Its DataflowRunner lacks {', '.join(missing)}.", "Add them to beam_pipeline_args.")
    elif runner == "PortableRunner":
        environment = node.beam_arguments("--environment_type") or "DOCKER"
        if environment.upper() == "DOCKER" and (node.beam_arguments("--job_endpoint") or "embed") == "embed":
            yield error(
                node.name,
                "Its PortableRunner starts workers with Docker, which a container cannot.",
                f"Name a --job_endpoint. {own_runner}.",
            )
