"""The second document: what Kubernetes shall do for the nodes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipeline.on_kubeflow import kubernetes_names as names
from pipeline.on_kubeflow.doctor.nodes import MOUNTS, nodes_of
from pipeline.on_kubeflow.doctor.problem import Problem, error, warning
from pipeline.on_kubeflow.package import Package

_POLICIES = ("Always", "Never", "IfNotPresent")
_OPERATORS = ("", "Exists", "Equal")
_EFFECTS = ("", "NoSchedule", "PreferNoSchedule", "NoExecute")
# List of settings -> keys that tell the object's name: a text, or where it comes from.
_NAMED: dict[str, tuple[str, ...]] = {
    "pvcMount": ("constant", "pvcNameParameter", "componentInputParameter", "taskOutputParameter"),
    "secretAsVolume": ("secretName", "secretNameParameter"),
    "secretAsEnv": ("secretName", "secretNameParameter"),
    "configMapAsVolume": ("configMapName", "configMapNameParameter"),
    "configMapAsEnv": ("configMapName", "configMapNameParameter"),
    "imagePullSecret": ("secretName", "secretNameParameter"),
}


def check_platform(package: Package) -> Iterator[Problem]:
    """Settings that reach no node, and those that Kubeflow or Kubernetes refuses."""
    nodes: dict[str, str] = {}
    for node in nodes_of(package):
        nodes.setdefault(node.component.get("executorLabel", ""), node.name)
    others = sorted(package.platform.get("platforms", {}).keys() - {"kubernetes"})
    if package.platform and "kubernetes" not in package.platform.get("platforms", {}):
        yield error(
            "", "The platform document has no 'kubernetes', and is ignored.", "Put it below platforms.kubernetes."
        )
    elif others:
        yield warning("", f"The platform document's {', '.join(others)} is ignored.", "Remove it.")
    for label, config in package.kubernetes.items():
        if label not in nodes:
            known = ", ".join(sorted(filter(None, nodes)))
            yield error(
                label,
                f"The platform document has settings for the executor '{label}', which no node has.",
                f"Use one of {known}." if len(known) < 300 else "Use the executorLabel of a component.",
            )
        else:
            yield from _check_config(nodes[label], config)
    for violation in package.unknown:
        if violation.place[0] == "platforms":
            label = str(violation.place[4]) if len(violation.place) > 4 else ""
            field = ".".join(map(str, violation.place[5:]))
            yield error(
                nodes.get(label, label),
                f"Its Kubernetes settings have a field that Kubeflow refuses: {field}: {violation.what}.",
                "Correct its name, or remove it.",
            )


def _check_config(node: str, config: dict[str, Any]) -> Iterator[Problem]:
    for kind, keys in _NAMED.items():
        for settings in config.get(kind, []):
            yield from _check_named(node, kind, keys, settings)
    for kind in MOUNTS:
        for settings in config.get(kind, []):
            if "volumeName" in settings:
                yield from _check_name(node, f"volumeName of {kind}", settings["volumeName"], names.VOLUME)
            path = settings.get("mountPath", "")
            if not path.startswith("/"):
                yield error(
                    node, f"A {kind} of it has no mountPath that begins with '/'.", "Give the folder to mount it at."
                )
    paths = [settings.get("mountPath", "").rstrip("/") for kind in MOUNTS for settings in config.get(kind, [])]
    for path in sorted({path for path in paths if path and paths.count(path) > 1}):
        yield error(node, f"{paths.count(path)} volumes are mounted at {path}.", "Give each its own folder.")
    policy = config.get("imagePullPolicy", "")
    if policy and policy not in _POLICIES:
        yield error(node, f"imagePullPolicy is '{policy}'.", f"Use one of {', '.join(_POLICIES)}.")
    for label, value in config.get("nodeSelector", {}).get("labels", {}).items():
        yield from _check_name(node, "label of nodeSelector", label, names.LABEL)
        yield from _check_name(node, f"value of nodeSelector's {label}", value, names.LABEL_VALUE)
    for toleration in config.get("tolerations", []):
        yield from _check_toleration(node, toleration)
    for kind, key in (("genericEphemeralVolume", "size"), ("emptyDirMounts", "sizeLimit")):
        for settings in config.get(kind, []):
            size = settings.get(key, "")
            if (size or key == "size") and not names.QUANTITY.fullmatch(size):
                yield error(
                    node, f"A {kind} of it has the {key} '{size}', at which the driver crashes.", "Write 10Gi, say."
                )


def _check_named(node: str, kind: str, keys: tuple[str, ...], settings: dict[str, Any]) -> Iterator[Problem]:
    given = [key for key in keys if settings.get(key)]
    if not given:
        yield error(node, f"A {kind} of it names no object.", f"Give {' or '.join(keys[:2])}.")
    else:
        name = settings[given[0]]
        form = names.VOLUME if kind in MOUNTS else names.OBJECT
        if given[0] in ("constant", "secretName", "configMapName"):
            yield from _check_name(node, kind, name, form)
    if kind.endswith("AsEnv"):
        source = "secretKey" if kind == "secretAsEnv" else "configMapKey"
        keys_to_env = settings.get("keyToEnv", [])
        if not keys_to_env or not all(key.get(source) and key.get("envVar") for key in keys_to_env):
            yield error(
                node,
                f"A {kind} of it lacks a key or a variable, so that the container does not get it.",
                f"Give keyToEnv with {source} and envVar.",
            )
        for key in keys_to_env:
            yield from _check_name(node, f"{source} of {kind}", key.get(source) or "x", names.KEY)


def _check_name(node: str, what: str, name: str, form: names.Form) -> Iterator[Problem]:
    if "{{" not in name and not form.fits(name):
        yield error(node, f"Kubernetes refuses the name '{name}' ({what}).", f"Use {form.words}.")


def _check_toleration(node: str, toleration: dict[str, Any]) -> Iterator[Problem]:
    operator, effect = toleration.get("operator", ""), toleration.get("effect", "")
    if operator not in _OPERATORS or effect not in _EFFECTS:
        yield error(
            node,
            f"A toleration of it has the operator '{operator}' and the effect '{effect}'.",
            "Use Exists or Equal, and NoSchedule, PreferNoSchedule or NoExecute.",
        )
    elif operator == "Exists" and toleration.get("value"):
        yield error(node, "A toleration of it has the operator Exists and a value.", "Remove the value.")
    elif not toleration.get("key") and operator != "Exists" and "tolerationJson" not in toleration:
        yield error(node, "A toleration of it has no key.", "Give the taint's key.")
    yield from _check_name(node, "key of a toleration", toleration.get("key") or "x", names.LABEL)
    yield from _check_name(node, "value of a toleration", toleration.get("value", ""), names.LABEL_VALUE)
