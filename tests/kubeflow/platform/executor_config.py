"""The strict parse of a KubernetesExecutorConfig.

kubernetes_platform/proto/kubernetes_executor_config.proto, in the fields that releases from 2.0 on know, and
backend/src/v2/driver/k8s.go (extendPodSpecPatch).
"""

from __future__ import annotations

from typing import Any

_LABELS = {"*": str}
_KEY_TO_ENV = [{"secretKey": str, "envVar": str}]
_FIELDS: dict[str, Any] = {
    "secretAsVolume": [{"secretName": str, "mountPath": str, "optional": bool}],
    "secretAsEnv": [{"secretName": str, "keyToEnv": _KEY_TO_ENV}],
    "pvcMount": [{"constant": str, "componentInputParameter": str, "mountPath": str}],
    "nodeSelector": {"labels": _LABELS},
    "podMetadata": {"labels": _LABELS, "annotations": _LABELS},
    "imagePullSecret": [{"secretName": str}],
    "imagePullPolicy": str,
    "configMapAsVolume": [{"configMapName": str, "mountPath": str, "optional": bool}],
    "configMapAsEnv": [{"configMapName": str, "keyToEnv": [{"configMapKey": str, "envVar": str}]}],
    "activeDeadlineSeconds": (int, float, str),
    "fieldPathAsEnv": [{"name": str, "fieldPath": str}],
    "tolerations": [{"key": str, "operator": str, "value": str, "effect": str, "tolerationSeconds": (int, float, str)}],
}


class ConfigError(ValueError):
    """What the driver would not parse."""


def check_executor_config(config: dict[str, Any]) -> None:
    """Checks names and types of all fields, and what the driver asks of their values.

    Raises:
      ConfigError: names the field.
    """
    _check(config, _FIELDS, "")
    for mount in config.get("pvcMount", []):
        if not (mount.get("constant") or mount.get("componentInputParameter")):
            raise ConfigError("failed to make podSpecPatch: volume mount: volume name not provided")
        if not mount.get("mountPath"):
            raise ConfigError("failed to mount volume, missing mountpath or pvc name")
    if config.get("imagePullPolicy", "Always") not in ("Always", "Never", "IfNotPresent"):
        raise ConfigError(f"unsupported value: {config['imagePullPolicy']}")


def _check(value: Any, wanted: Any, where: str) -> None:
    if isinstance(wanted, dict):
        if not isinstance(value, dict):
            raise ConfigError(f"{where or 'the config'}: expected fields")
        for key, inner in value.items():
            if key not in wanted and "*" not in wanted:
                raise ConfigError(f'unknown field "{where}{key}"')
            _check(inner, wanted.get(key, wanted.get("*")), f"{where}{key}.")
    elif isinstance(wanted, list):
        if not isinstance(value, list):
            raise ConfigError(f"{where}: expected a list")
        for inner in value:
            _check(inner, wanted[0], where)
    elif not isinstance(value, wanted):
        raise ConfigError(f"{where[:-1]}: invalid value {value!r}")
