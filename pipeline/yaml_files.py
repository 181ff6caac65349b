"""Reads YAML files that people write, with errors that people can use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from components.errors import InputError

_MAX_BYTES = 1 << 20


class _Loader(yaml.SafeLoader):
    """Refuses a key that is given twice, of which the first would be lost without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The keys and values of a node."""
        keys = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        for key in {key for key in keys if keys.count(key) > 1}:
            raise yaml.constructor.ConstructorError(problem=f"'{key}' is given twice", problem_mark=node.start_mark)
        found: dict[Any, Any] = super().construct_mapping(node, deep)
        return found


def read_yaml(path: Path, named_by: str) -> dict[str, Any]:
    """The keys and values of a YAML file; {} if it is empty.

    Args:
      path: the file.
      named_by: what told its path, for messages.

    Raises:
      InputError: it cannot be read, or does not hold keys and values.
    """
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f"{path}: larger than {_MAX_BYTES >> 20} MiB, not such a file. Check {named_by}.")
        if not path.is_file():
            raise InputError(f"{path}: is no file. Check {named_by}.")
        values = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except FileNotFoundError:
        raise InputError(f"{path}: no such file. Check {named_by}.") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}). Check {named_by}.") from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        where = getattr(error, "problem_mark", None)
        line = f", line {where.line + 1}" if where else ""
        problem = getattr(error, "problem", None)
        what = problem if isinstance(error, yaml.constructor.ConstructorError) and problem else "not valid YAML"
        raise InputError(f"{path}{line}: {what}. Correct the file.") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise InputError(f"{path}: expected keys and values. Correct the file.")
    return values


def merged(base: dict[str, Any], override: dict[str, Any]) -> dict[str, Any]:
    """The values of `base` with those of `override` in their place, keys inside keys too."""
    result = dict(base)
    for key, value in override.items():
        both = isinstance(result.get(key), dict) and isinstance(value, dict)
        result[key] = merged(result[key], value) if both else value
    return result


def describe_problem(problem: Any) -> str:
    """One of Pydantic's problems, with its key."""
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return f"unknown key '{key}'"
    shown = "" if isinstance(problem["input"], dict) else f", found {problem['input']!r}"
    return f"'{key}': {problem['msg']}{shown}"
