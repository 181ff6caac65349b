"""YAML as Go reads it, which is what Kubeflow is written in."""

from __future__ import annotations

import json
import math
import re
from typing import Any, TextIO

import yaml

# No text is folded, so that a changed word changes one line.
_WIDTH = 1 << 20
_TAG = "tag:yaml.org,2002"
# What Go's YAML 1.2 makes of a plain word, which is not what PyYAML's 1.1 does: 12e45 and 0o17 are numbers, 1:30 and
# yes are texts.
_WORDS = {
    "null": (re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""]),
    "bool": (re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")),
    "int": (re.compile(r"^[-+]?(?:0b[01_]+|0o[0-7_]+|0x[0-9a-fA-F_]+|[0-9][0-9_]*)$"), list("-+0123456789")),
    "float": (
        re.compile(
            r"^(?:[-+]?(?:\.[0-9_]+|[0-9][0-9_]*(?:\.[0-9_]*)?)(?:[eE][-+]?[0-9_]+)?"
            r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
        ),
        list("-+.0123456789"),
    ),
}


def load(text: str) -> list[Any]:
    """The documents in a text, without empty ones.

    Raises:
      yaml.YAMLError: it is no YAML, or none that Go reads.
      ValueError: it is no JSON that Go reads.
    """
    if text.lstrip().startswith("{"):
        try:
            return [json.loads(text, object_pairs_hook=_without_doubles)]
        except json.JSONDecodeError:
            # YAML in braces.
            pass
    return [document for document in yaml.load_all(text, Loader=_Loader) if document is not None]


def dump(documents: list[Any], file: TextIO) -> None:
    """Writes documents with sorted keys, so that two files can be compared line by line."""
    yaml.dump_all(documents, file, Dumper=_Dumper, sort_keys=True, allow_unicode=True, width=_WIDTH)


def line_of(text: str, number: int, place: tuple[str | int, ...]) -> int:
    """Line of what stands at a place in a document, or of its parent if nothing does.

    Args:
      text: with the documents.
      number: of the document among those that `load` returns.
      place: keys and indices that lead there.

    Returns:
      The line, from 1.
    """
    try:
        nodes = [node for node in yaml.compose_all(text, Loader=_Loader) if node.tag != f"{_TAG}:null"]
    except yaml.YAMLError:
        # JSON that is no YAML.
        return 1
    node = nodes[number]
    line: int = node.start_mark.line
    for part in place:
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int):
            node = node.value[part]
            line = node.start_mark.line
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if key.value == part:
                    line, node = key.start_mark.line, value
    return line + 1


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        raise ValueError("a key is given twice")
    return result


def _add_words(to: type[yaml.CSafeLoader] | type[yaml.CSafeDumper]) -> None:
    for name, (pattern, first) in _WORDS.items():
        to.add_implicit_resolver(f"{_TAG}:{name}", pattern, first)


class _Loader(yaml.CSafeLoader):
    """Reads what Go reads."""

    yaml_implicit_resolvers: dict[str, Any] = {}
    yaml_constructors = {
        tag: constructor
        for tag, constructor in yaml.CSafeLoader.yaml_constructors.items()
        if tag is None or tag.endswith((":str", ":seq"))
    }


class _Dumper(yaml.CSafeDumper):
    """Writes texts so that Go, too, reads texts; no aliases, and long texts line by line."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str):
            raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is not a text", key_node.start_mark)
        if key in result:
            raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is given twice", key_node.start_mark)
        result[key] = loader.construct_object(value_node, deep=True)
    return result


def _word(loader: _Loader, node: yaml.ScalarNode) -> Any:
    """The value of a plain word, or of one with a tag, such as !!int."""
    text = str(node.value)
    name = node.tag.rpartition(":")[2]
    # Only a few hundred digits are a number to Go, and thousands take Python long.
    if not _WORDS[name][0].match(text) or len(text) > 300:
        raise yaml.constructor.ConstructorError(None, None, f"{text[:40]!r} is no {name}", node.start_mark)
    if name == "null":
        return None
    if name == "bool":
        return text.lower() == "true"
    digits = text.replace("_", "").lower()
    if name == "int":
        return _integer(digits)
    try:
        number = float(digits.replace(".", "") if digits.endswith(("inf", "nan")) else digits)
    except ValueError:
        return text
    # What is too large for a number is a text to Go.
    return text if math.isinf(number) and not digits.endswith("inf") else number


def _integer(digits: str) -> int:
    sign = -1 if digits.startswith("-") else 1
    digits = digits.lstrip("+-")
    if digits[:2] in ("0b", "0o", "0x"):
        return sign * int(digits, 0)
    octal = len(digits) > 1 and re.fullmatch("0[0-7]+", digits)
    return sign * int(digits, 8 if octal else 10)


def _text_value(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value.rstrip("\n") else None
    return dumper.represent_scalar(f"{_TAG}:str", value, style=style)


_add_words(_Loader)
_add_words(_Dumper)
_Loader.add_constructor(f"{_TAG}:map", _mapping)
for _name in _WORDS:
    _Loader.add_constructor(f"{_TAG}:{_name}", _word)
_Dumper.add_representer(str, _text_value)
