"""The REST API's JSON for classify and regress: examples of requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tensorflow.core.example import example_pb2, feature_pb2
from tensorflow_serving.apis import input_pb2

from serving.errors import StatusError
from serving.server import codes
from serving.server.tensors_json import decode_base64, float_value, is_base64, json_type, quote

_INT64 = range(-(2**63), 2**63)
_KINDS = {"bytes_list": "bytes", "float_list": "float", "int64_list": "int64"}


def parse_examples(document: Mapping[str, Any]) -> input_pb2.Input:
    """The examples in a request to classify or regress.

    Raises:
      StatusError: something in it is wrong.
    """
    request = input_pb2.Input()
    examples = document.get("examples")
    if "examples" not in document:
        raise _invalid(
            f"JSON Value: {quote(document)} When method is classify, key 'examples' is expected and was not found"
        )
    if not isinstance(examples, list):
        raise _invalid(f"JSON Value: {quote(document)} Expecting 'examples' value to be an list/array")
    if not examples:
        raise _invalid(f"JSON Value: {quote(document)} 'examples' value is an empty array")
    if "context" in document:
        request.example_list_with_context.context.CopyFrom(_example(document["context"]))
        request.example_list_with_context.examples.extend(map(_example, examples))
    else:
        request.example_list.examples.extend(map(_example, examples))
    return request


def _example(value: Any) -> example_pb2.Example:
    if not isinstance(value, dict):
        raise _invalid(f"Example must be JSON object but got JSON {json_type(value)}")
    example = example_pb2.Example()
    for name, content in value.items():
        # Made even where the list is empty: then it is a feature of no kind.
        feature = example.features.feature[name]
        for item in content if isinstance(content, list) else [content]:
            _add(item, name, feature)
    return example


def _add(value: Any, name: str, feature: feature_pb2.Feature) -> None:
    if isinstance(value, str):
        _of_kind(feature, name, "bytes_list").append(value.encode("utf-8", "replace"))
    elif is_base64(value):
        _of_kind(feature, name, "bytes_list").append(decode_base64(value))
    elif isinstance(value, float):
        _of_kind(feature, name, "float_list").append(float_value(value))
    elif isinstance(value, int):
        if value not in _INT64:
            raise _invalid(f"Feature: {name} has uint64 element. Only int64 is supported.")
        _of_kind(feature, name, "int64_list").append(int(value))
    else:
        raise _invalid(f"Feature: {name} has element with unexpected JSON type: {json_type(value)}")


def _of_kind(feature: feature_pb2.Feature, name: str, kind: str) -> Any:
    found = feature.WhichOneof("kind")
    if found not in (None, kind):
        raise _invalid(f"Unexpected element type in feature: {name} expecting type: {_KINDS[found]}")
    return getattr(feature, kind).value


def _invalid(message: str) -> StatusError:
    return StatusError(codes.INVALID_ARGUMENT, message)
