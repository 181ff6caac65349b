"""Values for a package's run-time parameters, typed as the package says."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import Any

from components.errors import InputError
from pipeline.on_kubeflow.package import Package

_EXAMPLES = {
    "STRING": "any text",
    "NUMBER_INTEGER": "a whole number",
    "NUMBER_DOUBLE": "a number",
    "BOOLEAN": "true or false",
    "LIST": 'a JSON list, such as ["a", "b"]',
    "STRUCT": 'a JSON object, such as {"a": 1}',
}


def run_parameters(package: Package, given: Iterable[str], data_version: str, default: str) -> dict[str, Any]:
    """The parameters of a run, by name.

    Args:
      package: whose root says which there are.
      given: of --parameter, each NAME=VALUE.
      data_version: of --data-version, "" where it was not given.
      default: data version where none was given.

    Raises:
      InputError: an unknown name, a wrong value, or a missing one.
    """
    definitions = package.root.get("inputDefinitions", {}).get("parameters", {})
    values: dict[str, Any] = {}
    for text in given:
        name, separator, value = text.partition("=")
        if not separator:
            raise InputError(f"--parameter {text}: expected NAME=VALUE.")
        if name in values:
            raise InputError(f"--parameter {name}: given twice.")
        if name not in definitions:
            there_are = ", ".join(sorted(definitions)) or "none"
            raise InputError(f"--parameter {name}: {package.path} has no such parameter; there are: {there_are}.")
        values[name] = _typed(name, value, definitions[name].get("parameterType", "STRING"))
    if "data_version" in definitions:
        if data_version and "data_version" in values:
            raise InputError("data_version is given twice: as --data-version and as --parameter.")
        values.setdefault("data_version", data_version or default)
    elif data_version:
        raise InputError(f"--data-version: {package.path} has no parameter data_version. Leave the flag out.")
    missing = [name for name in sorted(definitions) if name not in values and not _may_miss(definitions[name])]
    if missing:
        described = "; ".join(f"{name} ({_described(definitions[name])})" for name in missing)
        raise InputError(f"{package.path} needs a value, by --parameter NAME=VALUE, for: {described}.")
    return values


def _may_miss(definition: dict[str, Any]) -> bool:
    return bool(definition.get("isOptional")) or "defaultValue" in definition


def _described(definition: dict[str, Any]) -> str:
    kind = definition.get("parameterType", "STRING")
    return str(definition.get("description") or _EXAMPLES.get(kind, kind))


def _typed(name: str, text: str, kind: str) -> Any:
    value: Any
    try:
        if kind == "STRING":
            return text
        value = json.loads(text)
    except ValueError:
        value = None
    fits = {
        "NUMBER_INTEGER": isinstance(value, int) and not isinstance(value, bool),
        "NUMBER_DOUBLE": isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value),
        "BOOLEAN": isinstance(value, bool),
        "LIST": isinstance(value, list),
        "STRUCT": isinstance(value, dict),
    }
    if kind not in fits:
        raise InputError(f"--parameter {name}: is a {kind}, which only Kubeflow itself can give.")
    if not fits[kind]:
        raise InputError(f"--parameter {name}={text}: expected {_EXAMPLES[kind]}.")
    return value
