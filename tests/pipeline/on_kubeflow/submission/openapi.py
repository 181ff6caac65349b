"""Holds requests against Kubeflow's OpenAPI."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any


class OpenApi:
    """What `describe_openapi.py` prints."""

    def __init__(self, described: dict[str, Any]) -> None:
        self._models = described["models"]
        self._operations = [
            (re.compile(re.sub(r"\\\{[^}]+\\\}", "[^/:]+", re.escape(operation["path"]))), operation)
            for operation in described["operations"]
        ]

    def problems(self, method: str, path: str, query: Mapping[str, str], body: Any, files: list[str]) -> list[str]:
        """What the OpenAPI does not allow of a request; [] for a good one."""
        fitting = [
            operation
            for pattern, operation in self._operations
            if operation["method"] == method and pattern.fullmatch(path)
        ]
        if not fitting:
            return [f"{method} {path}: no such operation"]
        # /pipelines/upload is no pipeline's id: the more literal path counts.
        operation = min(fitting, key=lambda candidate: candidate["path"].count("{"))
        found = [f"query parameter {name}: unknown" for name in query if name not in operation["query"]]
        found += [
            f"query parameter {name}={value}: no {operation['query'][name]}"
            for name, value in query.items()
            if operation["query"].get(name) in ("int", "bool") and not re.fullmatch(r"\d+|true|false", value)
        ]
        if set(files) != set(operation["files"]):
            found.append(f"files {files}, expected {operation['files']}")
        if operation["body"] is None:
            if body not in (None, ""):
                found.append("a body, expected none")
        elif operation["body"] != "object" or not isinstance(body, dict):
            found += self._value_problems(body, operation["body"], "body")
        return [f"{method} {path}: {problem}" for problem in found]

    def _value_problems(self, value: Any, kind: str, where: str) -> list[str]:
        if item := re.fullmatch(r"list\[(.+)\]", kind):
            if not isinstance(value, list):
                return [f"{where}: no list"]
            return [problem for entry in value for problem in self._value_problems(entry, item[1], where)]
        if entry_kind := re.fullmatch(r"dict\(str, (.+)\)", kind):
            if not isinstance(value, dict):
                return [f"{where}: no object"]
            return [
                problem
                for key, entry in value.items()
                for problem in self._value_problems(entry, entry_kind[1], f"{where}.{key}")
            ]
        if kind in self._models:
            return self._model_problems(value, self._models[kind], where)
        fits = {
            "str": isinstance(value, str),
            "bool": isinstance(value, bool),
            "int": isinstance(value, int) and not isinstance(value, bool),
            "object": value is not None,
            "datetime": isinstance(value, str) and _is_time(value),
        }
        return [] if fits[kind] else [f"{where}: {value!r} is no {kind}"]

    def _model_problems(self, value: Any, model: dict[str, Any], where: str) -> list[str]:
        if model["values"] is not None:
            return [] if value in model["values"] else [f"{where}: {value!r} is none of {model['values']}"]
        if not isinstance(value, dict):
            return [f"{where}: no object"]
        found = [f"{where}.{name}: unknown" for name in value if name not in model["fields"]]
        for name, kind in model["fields"].items():
            if name in value:
                found += self._value_problems(value[name], kind, f"{where}.{name}")
        return found


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text.replace("Z", "+00:00")).tzinfo is not None
    except ValueError:
        return False
