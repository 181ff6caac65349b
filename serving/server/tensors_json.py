"""The REST API's JSON: tensors of requests and answers.

TensorFlow Serving's rules (json_tensor.cc), and its messages where they help who reads them. Plain lists of numbers
are converted by NumPy as a whole; what that cannot do, or does less strictly, goes value by value.
"""

from __future__ import annotations

import binascii
import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson
import tensorflow as tf

from serving.errors import StatusError
from serving.server import codes
from serving.server.servable import Array, type_name

# NumPy's.
_MAX_RANK = 32
# Of a value that an error message quotes: characters, and values of a list.
_MAX_QUOTED = 200
_MAX_ITEMS = 20

_INTEGERS = {tf.int8, tf.int16, tf.int32, tf.int64, tf.uint8, tf.uint16, tf.uint32, tf.uint64}
# Largest integer up to which each has all of them.
_FLOATS = {tf.float32: 2**24 - 1, tf.float64: 2**53 - 1}
_BYTES_SUFFIX = "_bytes"


def parse_object(body: bytes) -> dict[str, Any]:
    """The JSON object in a request's body.

    Raises:
      StatusError: it is none.
    """
    if not body:
        raise _invalid("JSON Parse error: The document is empty")
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        document = _parse_leniently(body, error)
    if not isinstance(document, dict):
        raise _invalid(f"JSON Value: {quote(document)} Is not object")
    return document


def signature_name(document: Mapping[str, Any], default: str) -> str:
    """The signature that a request names.

    Args:
      document: the request.
      default: where it names none.

    Raises:
      StatusError: it is no string.
    """
    name = document.get("signature_name", default)
    if not isinstance(name, str):
        raise _invalid(
            f"JSON Value: {quote(document)} not formatted correctly. 'signature_name' key must be a string value."
        )
    return name or default


def parse_inputs(
    document: Mapping[str, Any], body: bytes, types: Mapping[str, tf.DType]
) -> tuple[dict[str, Array], bool]:
    """The inputs in a request to predict.

    Args:
      document: the request.
      body: what it was parsed from.
      types: name -> type of the signature's inputs.

    Returns:
      Name -> value, strings as arrays of bytes objects; and whether the request is in the row format.

    Raises:
      StatusError: something in it is wrong.
    """
    # NumPy takes true for 1. There is none in nearly all requests.
    has_booleans = b"true" in body or b"false" in body
    if "instances" in document:
        if "inputs" in document:
            raise _both(document)
        return _from_instances(document, types, has_booleans), True
    if "inputs" in document:
        return _from_columns(document["inputs"], types, has_booleans), False
    raise _invalid("Missing 'inputs' or 'instances' key")


def dump_outputs(outputs: Mapping[str, Array], by_rows: bool) -> bytes:
    """The body of an answer to predict.

    Args:
      outputs: name -> value, strings as arrays of bytes objects.
      by_rows: whether the request was in the row format.

    Raises:
      StatusError: the outputs cannot be written in it.
    """
    values = {name: _writable(name, array) for name, array in outputs.items()}
    if not values:
        raise _invalid("Cannot convert empty tensor map to JSON")
    if not by_rows:
        return _dump({"outputs": values if len(values) > 1 else next(iter(values.values()))}, outputs)
    rows = -1
    for name, array in outputs.items():
        if array.ndim == 0:
            raise _invalid(f"Tensor name: {name} has no shape information ")
        if rows not in (-1, len(array)):
            raise _invalid(f"Tensor name: {name} has inconsistent batch size: {len(array)} expecting: {rows}")
        rows = len(array)
    if len(values) == 1:
        return _dump({"predictions": next(iter(values.values()))}, outputs)
    names = list(values)
    # One dimension is a list already: a list of numbers is cheaper than as many NumPy objects.
    columns = [_rows(value) for value in values.values()]
    return _dump({"predictions": [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]}, outputs)


def dump_error(message: str) -> bytes:
    """The body of an answer that is an error."""
    return orjson.dumps({"error": codes.shortened(message).encode("utf-8", "replace").decode()})


def dump_results(results: list[Any]) -> bytes:
    """The body of an answer to classify or regress."""
    values = np.array([value for row in results for value in _floats(row)], np.float32)
    if np.isfinite(values).all():
        return orjson.dumps({"results": results}, option=orjson.OPT_SERIALIZE_NUMPY)
    return json.dumps({"results": results}, default=_python_float).encode()


def _floats(row: Any) -> list[np.float32]:
    return [score for _, score in row] if isinstance(row, list) else [row]


def _parse_leniently(body: bytes, error: orjson.JSONDecodeError) -> Any:
    """As TensorFlow Serving takes NaN and Infinity, which are no JSON."""
    if b"NaN" in body or b"Inf" in body:
        try:
            return json.loads(body)
        except (ValueError, RecursionError):
            pass
    raise _invalid(f"JSON Parse error: {error.msg} at offset: {error.pos}") from None


def _from_instances(document: Mapping[str, Any], types: Mapping[str, tf.DType], has_booleans: bool) -> dict[str, Array]:
    elements = document["instances"]
    if not isinstance(elements, list):
        raise _invalid(f"JSON Value: {quote(document)} Excepting 'instances' to be an list/array")
    if not elements:
        raise _invalid(f"JSON Value: {quote(document)} No values in 'instances' array")
    if not _is_named(elements[0]):
        if len(types) != 1:
            raise _invalid(
                "instances is a plain list, but expecting list of objects as multiple input tensors required as per "
                "tensorinfo_map"
            )
        for number, element in enumerate(elements):
            if isinstance(element, dict) and _is_named(element):
                raise _invalid(f"Expecting value/list but got object at item {number} of input list")
        [(name, dtype)] = types.items()
        return {name: _stack(name, elements, dtype, has_booleans, named=False)}
    for number, element in enumerate(elements):
        if not _is_named(element):
            raise _invalid(f"Expecting object but got list at item {number} of input list")
        for key in element:
            if key not in types:
                raise _invalid(
                    f"Failed to process element: {number} key: {key} of 'instances' list. Error: INVALID_ARGUMENT: "
                    f"JSON object: does not have named input: {key}"
                )
        if element.keys() != types.keys():
            raise _invalid(
                f"Failed to process element: {number} of 'instances' list. JSON object: {quote(element)} keys must "
                f"be equal to: {','.join(sorted(types))}"
            )
    return {
        name: _stack(name, [element[name] for element in elements], dtype, has_booleans, named=True)
        for name, dtype in types.items()
    }


def _from_columns(value: Any, types: Mapping[str, tf.DType], has_booleans: bool) -> dict[str, Array]:
    if not _is_named(value):
        if len(types) != 1:
            raise _invalid(
                "inputs is a plain value/list, but expecting an object as multiple input tensors required as per "
                "tensorinfo_map"
            )
        [(name, dtype)] = types.items()
        return {name: _tensor(value, dtype, has_booleans)}
    for name in types:
        if name not in value:
            raise _invalid(f"Missing named input: {name} in 'inputs' object.")
    return {name: _tensor(value[name], dtype, has_booleans) for name, dtype in types.items()}


def _stack(name: str, elements: list[Any], dtype: tf.DType, has_booleans: bool, named: bool) -> Array:
    """One tensor of the values of all rows."""
    array = _by_numpy(elements, dtype, has_booleans)
    if array is not None:
        return array
    rows: list[Any] = []
    shape: tuple[int, ...] | None = None
    for number, element in enumerate(elements):
        try:
            found = _shape(element)
            values: list[Any] = []
            _fill(element, found, 0, dtype, values)
            if shape is not None and len(values) != len(rows) // number:
                raise _invalid(f"Expecting tensor size: {len(rows) // number} but got: {len(values)}")
            if shape is not None and shape != found:
                raise _invalid(f"Expecting shape {_shape_text(shape)} but got: {_shape_text(found)}")
        except StatusError as error:
            key = f" key: {name}" if named else ""
            raise StatusError(
                error.code,
                f"Failed to process element: {number}{key} of 'instances' list. Error: {codes.name(error.code)}: "
                f"{error.message}",
            ) from None
        shape = found
        rows += values
    return _to_array(rows, (len(elements), *(shape or ())), dtype)


def _tensor(value: Any, dtype: tf.DType, has_booleans: bool) -> Array:
    array = _by_numpy(value, dtype, has_booleans)
    if array is not None:
        return array
    shape = _shape(value)
    values: list[Any] = []
    _fill(value, shape, 0, dtype, values)
    return _to_array(values, shape, dtype)


def _by_numpy(value: Any, dtype: tf.DType, has_booleans: bool) -> Array | None:
    """The tensor, or None where NumPy is not as strict as it should be, or does not tell what is wrong."""
    if dtype not in _INTEGERS and dtype not in _FLOATS:
        return None
    if has_booleans or not isinstance(value, list):
        return None
    try:
        array = np.asarray(value)
    except (ValueError, OverflowError, RecursionError):
        return None
    kind, target = array.dtype.kind, np.dtype(dtype.as_numpy_dtype)
    if array.size == 0:
        return array.astype(target) if kind == "f" else None
    if kind in "iu":
        limits = np.iinfo(target) if dtype in _INTEGERS else None
        low, high = (limits.min, limits.max) if limits else (-_FLOATS[dtype], _FLOATS[dtype])
        return array.astype(target) if low <= int(array.min()) and int(array.max()) <= high else None
    # Larger ones may have been integers that the type does not have.
    if kind == "f" and dtype in _FLOATS and (np.abs(array) <= _FLOATS[dtype]).all():
        converted: Array = array.astype(target)
        return converted
    return None


def _shape(value: Any) -> tuple[int, ...]:
    """By the first values, as the others must have the same."""
    shape: list[int] = []
    while isinstance(value, list):
        shape.append(len(value))
        if len(shape) > _MAX_RANK:
            raise _invalid(f"Encountered list at unexpected level: {_MAX_RANK} expected < {_MAX_RANK}")
        if not value:
            break
        value = value[0]
    return tuple(shape)


def _fill(value: Any, shape: tuple[int, ...], level: int, dtype: tf.DType, values: list[Any]) -> None:
    if not isinstance(value, list):
        if level != len(shape):
            raise _invalid(
                f"JSON Value: {quote(value)} found at incorrect level: {level + 1} in the JSON DOM. Expected at "
                f"level: {len(shape)}"
            )
        values.append(_scalar(value, dtype))
        return
    if level >= len(shape):
        raise _invalid(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
    if len(value) != shape[level]:
        raise _invalid(
            f"Encountered list at unexpected size: {len(value)} at level: {level} expected size: {shape[level]}"
        )
    for item in value:
        _fill(item, shape, level + 1, dtype, values)


def _scalar(value: Any, dtype: tf.DType) -> Any:
    if dtype == tf.string:
        return _string(value)
    if dtype == tf.bool:
        if isinstance(value, bool):
            return value
    elif dtype in _INTEGERS:
        if isinstance(value, int) and not isinstance(value, bool) and dtype.min <= value <= dtype.max:
            return value
    elif dtype in _FLOATS:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float_value(value, dtype)
    else:
        raise StatusError(codes.UNIMPLEMENTED, f"Conversion of JSON Value: {quote(value)} to type: {type_name(dtype)}")
    raise _wrong_type(value, dtype)


def float_value(value: int | float, dtype: tf.DType = tf.float32) -> float:
    """A number for a type that may not have it.

    Raises:
      StatusError: it has not.
    """
    lossy = abs(value) > _FLOATS[dtype] if isinstance(value, int) else abs(value) > dtype.max and abs(value) != np.inf
    if lossy:
        raise _invalid(f"Cannot convert JSON value: {quote(value)} to {type_name(dtype)} without loss of precision.")
    return float(value)


def _string(value: Any) -> bytes:
    if isinstance(value, str):
        # The lenient parser lets halves of surrogate pairs through.
        return value.encode("utf-8", "replace")
    if not isinstance(value, dict):
        raise _wrong_type(value, tf.string)
    return decode_base64(value)


def is_base64(value: Any) -> bool:
    """Whether a JSON value is bytes: {"b64": "..."}."""
    return isinstance(value, dict) and len(value) == 1 and isinstance(value.get("b64"), str)


def decode_base64(value: dict[str, Any]) -> bytes:
    """The bytes in {"b64": "..."}.

    Raises:
      StatusError: it is something else, or not in base64.
    """
    if not is_base64(value):
        raise _invalid(f"JSON Value: {quote(value)} not formatted correctly for base64 data")
    text: str = value["b64"]
    try:
        decoded = binascii.a2b_base64(text)
    except ValueError:
        decoded = None
    # It skips what is no base64: then the length is not what it should be.
    if decoded is None or len(text) % 4 or len(decoded) != len(text) // 4 * 3 - text.count("=", -2):
        decoded = _decode_loosely(text)
    return decoded


def _decode_loosely(text: str) -> bytes:
    """With white space, or without padding."""
    bare = "".join(text.split()).rstrip("=")
    try:
        decoded = binascii.a2b_base64(bare + "=" * (-len(bare) % 4))
    except ValueError:
        decoded = None
    if decoded is None or len(bare) % 4 == 1 or len(decoded) != len(bare) * 3 // 4:
        raise _invalid("Unable to base64 decode")
    return decoded


def _to_array(values: list[Any], shape: tuple[int, ...], dtype: tf.DType) -> Array:
    array = np.empty(len(values), object if dtype == tf.string else dtype.as_numpy_dtype)
    array[:] = values
    return array.reshape(shape)


def _is_named(value: Any) -> bool:
    return isinstance(value, dict) and not is_base64(value)


def _writable(name: str, array: Array) -> Any:
    """What orjson can write: an array of numbers, or lists of the rest."""
    if array.dtype == object:
        return _text_lists(array.tolist(), name.endswith(_BYTES_SUFFIX))
    if array.dtype.kind not in "fiub":
        raise _invalid(f"Failed to write JSON value for tensor type: {array.dtype.name}")
    return np.ascontiguousarray(array) if array.ndim else array[()]


def _text_lists(value: Any, as_bytes: bool) -> Any:
    if isinstance(value, list):
        return [_text_lists(item, as_bytes) for item in value]
    if as_bytes:
        return {"b64": binascii.b2a_base64(value, newline=False).decode()}
    return value.decode("utf-8", "replace")


def _rows(value: Any) -> Sequence[Any]:
    if isinstance(value, np.ndarray) and value.ndim == 1 and value.dtype.kind in "iub":
        rows: list[Any] = value.tolist()
        return rows
    return value  # type: ignore[no-any-return]


def _dump(document: dict[str, Any], outputs: Mapping[str, Array]) -> bytes:
    finite = all(array.dtype.kind != "f" or np.isfinite(array).all() for array in outputs.values())
    if finite:
        return orjson.dumps(document, option=orjson.OPT_SERIALIZE_NUMPY)
    # NaN, Infinity: TensorFlow Serving writes them so, which is no JSON; orjson would write null.
    return json.dumps(document, default=_python).encode()


def _python(value: Any) -> Any:
    """NumPy's as Python's, with the digits that the type has."""
    if isinstance(value, np.ndarray):
        return [_python(item) if isinstance(item, (np.ndarray, np.generic)) else item for item in value]
    return _python_float(value) if isinstance(value, np.floating) else value.item()


def _python_float(value: Any) -> float:
    return float(str(value))


def _both(document: Mapping[str, Any]) -> StatusError:
    return _invalid(
        f"JSON Value: {quote(document)} Not formatted correctly expecting only one of 'inputs' or 'instances' keys "
        f"to exist "
    )


def _wrong_type(value: Any, dtype: tf.DType) -> StatusError:
    return _invalid(f"JSON Value: {quote(value)} Type: {json_type(value)} is not of expected type: {type_name(dtype)}")


def json_type(value: Any) -> str:
    """The name of a JSON value's type in error messages."""
    if value is None:
        return "Null"
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, dict):
        return "Object"
    if isinstance(value, list):
        return "Array"
    return "String" if isinstance(value, str) else "Number"


def _shape_text(shape: tuple[int, ...]) -> str:
    return f"[{','.join(map(str, shape))}]"


def quote(value: Any) -> str:
    """The beginning of a value, for an error message; a request may have megabytes."""
    text = json.dumps(_shorten(value, 3), ensure_ascii=False)
    return text if len(text) <= _MAX_QUOTED else f"{text[:_MAX_QUOTED]}..."


def _shorten(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return value[:_MAX_QUOTED]
    if isinstance(value, (list, dict)) and not depth:
        return "..."
    if isinstance(value, list):
        return [_shorten(item, depth - 1) for item in value[:_MAX_ITEMS]]
    if isinstance(value, dict):
        items = itertools.islice(value.items(), _MAX_ITEMS)
        return {key[:_MAX_QUOTED]: _shorten(item, depth - 1) for key, item in items}
    return value


def _invalid(message: str) -> StatusError:
    return StatusError(codes.INVALID_ARGUMENT, message)
