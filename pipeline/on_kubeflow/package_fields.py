"""What fields a package may have: the messages of Kubeflow's two protos, as far as the first document goes from kfp."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from kfp.pipeline_spec import pipeline_spec_pb2

# In the notation of `_FIELDS`: what the newest Kubeflow knows and the installed protos do not.
_NEWER = {
    "ComponentSpec": {
        "singlePlatformSpecs": "[SinglePlatformSpec]",
        "taskConfigPassthroughs": "[TaskConfigPassthrough]",
    },
    "ComponentInputsSpec.ParameterSpec": {"literals": "[value]"},
    "TaskConfigPassthrough": {"field": "enum", "applyToTask": "bool"},
    "PipelineTaskSpec.CachingOptions": {"cacheKey": "string"},
    "PipelineDeploymentConfig.PipelineContainerSpec.ResourceSpec": {
        "resourceCpuLimit": "string",
        "resourceMemoryLimit": "string",
        "resourceCpuRequest": "string",
        "resourceMemoryRequest": "string",
    },
    "PipelineDeploymentConfig.PipelineContainerSpec.ResourceSpec.AcceleratorConfig": {
        "resourceType": "string",
        "resourceCount": "string",
    },
    "PipelineDeploymentConfig.ImporterSpec": {"downloadToWorkspace": "bool"},
    "SinglePlatformSpec": {"platform": "string", "config": "struct", "pipelineConfig": "PipelineConfig"},
    "PipelineConfig": {
        "resourceTtlOnCompletion": "integer",
        "resourceTtlOnSuccess": "integer",
        "resourceTtlOnFailure": "integer",
        "activeDeadlineSeconds": "integer",
        "workspace": "WorkspaceConfig",
    },
    "WorkspaceConfig": {"size": "string", "kubernetes": "KubernetesWorkspaceConfig"},
    "KubernetesWorkspaceConfig": {"pvcSpecPatch": "struct"},
}
_PARAMETER = "TaskInputsSpec.InputParameterSpec"
# kubernetes_executor_config.proto. Its package needs a newer protobuf than TFX.
_KUBERNETES = {
    "KubernetesExecutorConfig": {
        "secretAsVolume": "[SecretAsVolume]",
        "secretAsEnv": "[SecretAsEnv]",
        "pvcMount": "[PvcMount]",
        "nodeSelector": "NodeSelector",
        "podMetadata": "PodMetadata",
        "imagePullSecret": "[ImagePullSecret]",
        "imagePullPolicy": "string",
        "configMapAsVolume": "[ConfigMapAsVolume]",
        "configMapAsEnv": "[ConfigMapAsEnv]",
        "activeDeadlineSeconds": "integer",
        "fieldPathAsEnv": "[FieldPathAsEnv]",
        "tolerations": "[Toleration]",
        "genericEphemeralVolume": "[GenericEphemeralVolume]",
        "nodeAffinity": "[NodeAffinityTerm]",
        "podAffinity": "[PodAffinityTerm]",
        "enabledSharedMemory": "EnabledSharedMemory",
        "emptyDirMounts": "[EmptyDirMount]",
        "securityContext": "SecurityContext",
        "initContainers": "[InitContainer]",
        "podResourceClaims": "[PodResourceClaim]",
    },
    "EnabledSharedMemory": {"volumeName": "string", "size": "string"},
    "SecretAsVolume": {
        "secretName": "string",
        "mountPath": "string",
        "optional": "bool",
        "secretNameParameter": _PARAMETER,
    },
    "SecretAsEnv": {
        "secretName": "string",
        "keyToEnv": "[SecretKeyToEnv]",
        "optional": "bool",
        "secretNameParameter": _PARAMETER,
    },
    "SecretKeyToEnv": {"secretKey": "string", "envVar": "string"},
    "PvcMount": {
        "taskOutputParameter": f"{_PARAMETER}.TaskOutputParameterSpec",
        "constant": "string",
        "componentInputParameter": "string",
        "mountPath": "string",
        "pvcNameParameter": _PARAMETER,
        "subPath": "string",
    },
    "NodeSelector": {"labels": "{string}", "nodeSelectorJson": _PARAMETER},
    "PodMetadata": {"labels": "{string}", "annotations": "{string}"},
    "ConfigMapAsVolume": {
        "configMapName": "string",
        "mountPath": "string",
        "optional": "bool",
        "configMapNameParameter": _PARAMETER,
    },
    "ConfigMapAsEnv": {
        "configMapName": "string",
        "keyToEnv": "[ConfigMapKeyToEnv]",
        "optional": "bool",
        "configMapNameParameter": _PARAMETER,
    },
    "ConfigMapKeyToEnv": {"configMapKey": "string", "envVar": "string"},
    "GenericEphemeralVolume": {
        "volumeName": "string",
        "mountPath": "string",
        "accessModes": "[string]",
        "size": "string",
        "defaultStorageClass": "bool",
        "storageClassName": "string",
        "metadata": "PodMetadata",
    },
    "ImagePullSecret": {"secretName": "string", "secretNameParameter": _PARAMETER},
    "FieldPathAsEnv": {"name": "string", "fieldPath": "string"},
    "Toleration": {
        "key": "string",
        "operator": "string",
        "value": "string",
        "effect": "string",
        "tolerationSeconds": "integer",
        "tolerationJson": _PARAMETER,
    },
    "SelectorRequirement": {"key": "string", "operator": "string", "values": "[string]"},
    "NodeAffinityTerm": {
        "matchExpressions": "[SelectorRequirement]",
        "matchFields": "[SelectorRequirement]",
        "weight": "integer",
        "nodeAffinityJson": _PARAMETER,
    },
    "PodAffinityTerm": {
        "matchPodExpressions": "[SelectorRequirement]",
        "matchPodLabels": "{string}",
        "topologyKey": "string",
        "namespaces": "[string]",
        "matchNamespaceExpressions": "[SelectorRequirement]",
        "matchNamespaceLabels": "{string}",
        "weight": "integer",
        "anti": "bool",
    },
    "SecurityContext": {"runAsUser": "integer", "runAsGroup": "integer", "runAsNonRoot": "bool"},
    "EmptyDirMount": {"volumeName": "string", "mountPath": "string", "medium": "string", "sizeLimit": "string"},
    "InitContainer": {
        "name": "string",
        "image": "string",
        "command": "[string]",
        "args": "[string]",
        "env": "[EnvVar]",
        "volumeMounts": "[VolumeMount]",
        "restartPolicy": "string",
        "resources": "InitContainerResources",
    },
    "EnvVar": {"name": "string", "value": "string"},
    "VolumeMount": {"volumeName": "string", "mountPath": "string"},
    "InitContainerResources": {"requests": "{string}", "limits": "{string}"},
    "PodResourceClaim": {"resourceClaimTemplateName": "string", "resourceClaimJson": _PARAMETER},
}
# Where the protos say "any structure", and Kubeflow then reads it as this.
_READ_AS = {
    "PipelineSpec": {"deploymentSpec": "PipelineDeploymentConfig"},
    "PlatformDeploymentConfig": {"executors": "{KubernetesExecutorConfig}"},
}
# Kubeflow skips unknown fields of the one, and knows, newer than this, more fields of the other: for the doctor to
# judge, where every other unknown field makes the package unreadable.
_LENIENT = re.compile(r"PipelineDeploymentConfig|KubernetesExecutorConfig")

_SCALARS = {
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_DOUBLE: "number",
    FieldDescriptor.TYPE_ENUM: "enum",
}
_WELL_KNOWN = {
    "google.protobuf.Struct": "struct",
    "google.protobuf.Value": "value",
    "google.protobuf.Duration": "string",
}
_EXPECTED = {
    "string": "a text; put a number or true/false in quotes",
    "bool": "true or false",
    "number": "a number",
    "integer": "a whole number",
    "enum": "one of the names that its definition lists",
    "value": "a plain value",
    "struct": "keys and values",
}


@dataclasses.dataclass(frozen=True)
class Violation:
    """Something in a document that Kubeflow's definition does not have.

    Attributes:
      place: keys and indices that lead there.
      what: is wrong.
      fatal: whether the document cannot be read with it.
    """

    place: tuple[str | int, ...]
    what: str
    fatal: bool

    @property
    def dotted(self) -> str:
        """The place in words."""
        return ".".join(str(part) for part in self.place)


def checked(document: Mapping[str, Any], message: str) -> tuple[dict[str, Any], list[Violation]]:
    """A document under its fields' JSON names, without nulls and unknown fields, and what is wrong with it.

    Args:
      document: as read, its keys texts.
      message: 'PipelineSpec', 'PlatformSpec' or 'PipelineJob'.
    """
    violations: list[Violation] = []
    return _message(document, message, (), violations, lenient=False), violations


def _message(
    value: Any, message: str, place: tuple[str | int, ...], violations: list[Violation], lenient: bool
) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        violations.append(Violation(place, "expected keys and values", True))
        return {}
    lenient = lenient or bool(_LENIENT.match(message))
    fields = _FIELDS[message]
    result: dict[str, Any] = {}
    for key, item in value.items():
        name = _json_name(key)
        kind = fields.get(name)
        if kind is None:
            known = ", ".join(sorted(fields))
            if not (lenient and key == "@type"):
                violations.append(Violation((*place, key), f"no such field; there are {known}", not lenient))
        elif name in result:
            violations.append(Violation((*place, key), "is given twice, in two spellings", True))
        elif item is not None or kind == "value":
            result[name] = _field(item, kind, (*place, key), violations, lenient)
    for oneof in _ONEOFS.get(message, ()):
        given = [name for name in oneof if name in result]
        if len(given) > 1:
            violations.append(Violation(place, f"only one of {' and '.join(given)} may be given", True))
    return result


def _field(value: Any, kind: str, place: tuple[str | int, ...], violations: list[Violation], lenient: bool) -> Any:
    if kind.startswith("["):
        if not isinstance(value, list):
            violations.append(Violation(place, "expected a list", True))
            return []
        return [_field(item, kind[1:-1], (*place, i), violations, lenient) for i, item in enumerate(value)]
    if kind.startswith("{"):
        if not isinstance(value, Mapping):
            violations.append(Violation(place, "expected keys and values", True))
            return {}
        return {key: _field(item, kind[1:-1], (*place, key), violations, lenient) for key, item in value.items()}
    if kind in _FIELDS:
        return _message(value, kind, place, violations, lenient)
    if not _fits(value, kind):
        violations.append(Violation(place, f"expected {_EXPECTED[kind]}, found {_short(value)}", True))
    return value


def _fits(value: Any, kind: str) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind == "string":
        return isinstance(value, str)
    if kind == "bool":
        return isinstance(value, bool)
    if kind == "number":
        return number
    if kind == "integer":
        # 64 bits are a text in JSON.
        whole = number and math.isfinite(value) and value == int(value)
        return whole or (isinstance(value, str) and re.fullmatch(r"-?\d{1,19}", value) is not None)
    if kind == "enum":
        return isinstance(value, str) or (number and math.isfinite(value) and value == int(value))
    if kind == "struct":
        return isinstance(value, Mapping)
    return True


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _json_name(key: str) -> str:
    """Protos' parsers take `pipeline_info` for `pipelineInfo`, too."""
    return re.sub(r"_([a-z0-9])", lambda found: found.group(1).upper(), key)


def _described(descriptor: Descriptor) -> str:
    return str(descriptor.full_name).removeprefix("ml_pipelines.")


def _kind(field: FieldDescriptor) -> str:
    if field.message_type is None:
        kind = _SCALARS.get(field.type, "integer")
    elif field.message_type.GetOptions().map_entry:
        return "{" + _kind(field.message_type.fields_by_name["value"]) + "}"
    else:
        kind = _WELL_KNOWN.get(field.message_type.full_name) or _described(field.message_type)
    return f"[{kind}]" if field.label == FieldDescriptor.LABEL_REPEATED else kind


def _messages(descriptor: Descriptor) -> Iterator[Descriptor]:
    yield descriptor
    for nested in descriptor.nested_types:
        yield from _messages(nested)


def _installed() -> Iterator[Descriptor]:
    for descriptor in pipeline_spec_pb2.DESCRIPTOR.message_types_by_name.values():
        yield from _messages(descriptor)


# Message -> field's JSON name -> kind: a scalar, 'value', 'struct' or a message; [kind] is a list, {kind} a map.
_FIELDS: dict[str, dict[str, str]] = {
    _described(message): {field.json_name: _kind(field) for field in message.fields} for message in _installed()
}
_ONEOFS = {
    _described(message): [[field.json_name for field in oneof.fields] for oneof in message.oneofs]
    for message in _installed()
} | {"PvcMount": [["taskOutputParameter", "constant", "componentInputParameter"]]}
for _table in (_NEWER, _KUBERNETES, _READ_AS):
    for _name, _fields in _table.items():
        _FIELDS.setdefault(_name, {}).update(_fields)
