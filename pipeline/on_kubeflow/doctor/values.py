"""Values of parameters that mean something else in a container than where the package was compiled."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from pipeline.on_kubeflow.doctor.nodes import OUR_RUNNER, Node, nodes_of, texts_in, title_of
from pipeline.on_kubeflow.doctor.problem import Problem, error, warning
from pipeline.on_kubeflow.package import Package

# Folders of people's machines.
_PERSONAL = re.compile(
    r"(?:/(?:home|Users|root|tmp|private|content)/|/var/(?:tmp|folders)/|/mnt/[a-z]/|[A-Za-z]:[\\/]|~/|file://)\S"
)
_CHECKOUT = Path(__file__).resolve().parents[3]
_IMAGE_CHECKOUT = Path("/app")
_STORES = re.compile(r"[a-z0-9]+://")
_WHEEL = re.compile(r"(?P<module>[\w.]+)@(?P<path>.+\.whl)")
_STAGED = ("minio://", "s3://")
_DOTTED_PATH = re.compile(r"[A-Za-z_]\w*(\.\w+)+")
_TELLS_DATA = re.compile(r"version|fingerprint|span|hash|digest|checksum|revision|snapshot|date|timestamp", re.I)


def check_paths(package: Package) -> Iterator[Problem]:
    """Paths that only the machine has on which the package was compiled."""
    for node in nodes_of(package):
        for name, value in node.parameters.items():
            if name == "module_path" and isinstance(value, str) and _WHEEL.fullmatch(value):
                yield from _check_wheel(node, value)
            elif name == "module_file" and isinstance(value, str) and value:
                yield from _check_module_file(node, value)
            else:
                yield from _check_value(node, name, value)


def _check_wheel(node: Node, value: str) -> Iterator[Problem]:
    path = value.partition("@")[2]
    if _STORES.match(path) and not path.startswith(_STAGED):
        return
    why = "which TFX cannot read" if path.startswith(_STAGED) else "on the machine that compiled it"
    yield error(
        node.name,
        f"Its code is in the wheel {path}, {why}: TFX made it of module_file.",
        "Name the code by dotted path instead of module_file (run_fn='package.module.run_fn', preprocessing_fn=...), "
        "and put the package into the image.",
    )


def _check_module_file(node: Node, value: str) -> Iterator[Problem]:
    if _STORES.match(value) and not value.startswith((*_STAGED, "file://")):
        return
    if not _in_volume(node, value):
        yield error(
            node.name,
            f"Its code is the file {value}, which its container does not have.",
            "Name the code by dotted path (run_fn, preprocessing_fn), and put the package into the image.",
        )


def _check_value(node: Node, name: str, value: Any) -> Iterator[Problem]:
    for text in texts_in(value):
        if len(text) < 4096 and _only_here(text) and not _in_volume(node, text):
            make = error if node.is_tfx else warning
            yield make(
                node.name,
                f"Its parameter '{name}' holds the path {text}, which is on the machine that compiled it.",
                "Put the data on a volume (platform document, pvcMount) or into an object store, and give that path.",
            )
            return


def _only_here(text: str) -> bool:
    if _PERSONAL.match(text):
        return True
    here = {_CHECKOUT, Path.cwd()} - {_IMAGE_CHECKOUT, Path("/")}
    return any(text.startswith(f"{folder}/") for folder in here)


def _in_volume(node: Node, path: str) -> bool:
    return any(PurePosixPath(path).is_relative_to(volume) for volume in node.volumes)


def check_data_versions(package: Package) -> Iterator[Problem]:
    """Nodes that read data from outside, and whose cache cannot see that they have changed."""
    for node in nodes_of(package):
        if _reads_outside(node) and node.task.get("cachingOptions", {}).get("enableCache"):
            told = [
                name
                for name in node.parameter_specs
                if _TELLS_DATA.search(name) and node.parameters.get(name, "at run time") not in ("", None, "null")
            ]
            if not told:
                yield warning(
                    node.name,
                    "No parameter tells one state of its data from another: when they change, the cache goes on "
                    "serving the old ones.",
                    "Add a parameter that changes with the data, say data_version, or switch the node's cache off.",
                )


def _reads_outside(node: Node) -> bool:
    makes_examples = "tfx.Examples" in map(title_of, node.outputs.values())
    takes_artifacts = bool(node.component.get("inputDefinitions", {}).get("artifacts"))
    return node.is_tfx and makes_examples and not takes_artifacts


def check_root(package: Package) -> Iterator[Problem]:
    """Roots that no object store is."""
    job = package.job or {}
    for root in (package.spec.get("defaultPipelineRoot"), job.get("runtimeConfig", {}).get("gcsOutputDirectory")):
        if root and not root.startswith(("minio://", "s3://", "gs://", "{{")):
            yield error(
                "",
                f"The pipeline root {root} is in no object store that Kubeflow's launcher knows.",
                "Use a root that begins with minio://, s3:// or gs://.",
            )


def names_code(node: Node) -> Iterator[tuple[str, str]]:
    """Dotted paths of code that a node's container imports.

    Yields:
      What says so, and the path.
    """
    if node.runner == OUR_RUNNER:
        yield "-m", f"{node.runner}.__main__"
    elif node.is_tfx and node.runner:
        yield "-m", node.runner
    if node.executor_class:
        yield "--executor_class_path", node.executor_class
    if node.is_tfx:
        for name, value in node.parameters.items():
            if _is_code(name, value):
                yield name, value
            elif name == "custom_config":
                yield from _in_config(value)


def _is_code(name: str, value: Any) -> bool:
    return name.endswith("_fn") and isinstance(value, str) and _DOTTED_PATH.fullmatch(value) is not None


def _in_config(value: Any) -> Iterator[tuple[str, str]]:
    try:
        config = json.loads(value) if isinstance(value, str) else None
    except ValueError:
        return
    if isinstance(config, dict):
        for name, path in config.items():
            if _is_code(name, path):
                yield f"custom_config.{name}", path
