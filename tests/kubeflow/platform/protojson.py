"""JSON of protos as Go's protojson reads and writes it."""

from __future__ import annotations

import json
from typing import Any, NoReturn, TypeVar

from google.protobuf import json_format

MessageT = TypeVar("MessageT")


class ParseError(ValueError):
    """What protojson.Unmarshal does not take."""


def unmarshal(text: str, message: MessageT) -> MessageT:
    """Parses strictly: no unknown fields, no duplicate keys, and none of the constants that only Python's JSON knows.

    Raises:
      ParseError: see above.
    """
    try:
        return unmarshal_value(json.loads(text, parse_constant=_refuse, object_pairs_hook=_without_duplicates), message)
    except json.JSONDecodeError as error:
        raise ParseError(f"syntax error: {error}") from None


def unmarshal_value(value: Any, message: MessageT) -> MessageT:
    """The same of a value that has been parsed already."""
    try:
        result: MessageT = json_format.ParseDict(value, message)
    except json_format.ParseError as error:
        raise ParseError(str(error)) from None
    return result


def marshal(message: Any) -> str:
    """The JSON of a proto; whole numbers without a point, as Go has them."""
    return json.dumps(_go_numbers(json_format.MessageToDict(message)), sort_keys=True)


def _go_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _go_numbers(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_go_numbers(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e21 else value


def _refuse(constant: str) -> NoReturn:
    raise ParseError(f"syntax error: invalid value {constant}")


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    duplicates = {key for key in keys if keys.count(key) > 1}
    if duplicates:
        raise ParseError(f"duplicate field {sorted(duplicates)[0]!r}")
    return dict(pairs)
