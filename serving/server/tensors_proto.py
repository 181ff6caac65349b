"""TensorProtos to arrays and back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2, types_pb2

from serving.errors import StatusError
from serving.server import codes
from serving.server.servable import Array

# A few bytes can describe a tensor of any size: a shape, and one value that fills it.
MAX_TENSOR_BYTES = 256 * 2**20
# NumPy's.
_MAX_RANK = 32

_FIELDS = {
    types_pb2.DT_FLOAT: "float_val",
    types_pb2.DT_DOUBLE: "double_val",
    types_pb2.DT_INT8: "int_val",
    types_pb2.DT_INT16: "int_val",
    types_pb2.DT_INT32: "int_val",
    types_pb2.DT_UINT8: "int_val",
    types_pb2.DT_UINT16: "int_val",
    types_pb2.DT_INT64: "int64_val",
    types_pb2.DT_UINT32: "uint32_val",
    types_pb2.DT_UINT64: "uint64_val",
    types_pb2.DT_BOOL: "bool_val",
    types_pb2.DT_STRING: "string_val",
    types_pb2.DT_HALF: "half_val",
    types_pb2.DT_BFLOAT16: "half_val",
}


def to_array(name: str, proto: tensor_pb2.TensorProto) -> Array:
    """The value of an input; strings as an array of bytes objects.

    Args:
      name: of the input, for the error.
      proto: its value.

    Raises:
      StatusError: the proto is malformed, or too large.
    """
    array = _parse(proto)
    if array is None:
        raise StatusError(codes.INVALID_ARGUMENT, f"tensor parsing error: {name}")
    return array


def _parse(proto: tensor_pb2.TensorProto) -> Array | None:
    shape = tuple(dim.size for dim in proto.tensor_shape.dim)
    if proto.tensor_shape.unknown_rank or len(shape) > _MAX_RANK:
        return None
    # Each alone, too: a dimension of 0 must not hide that another is absurd.
    if not all(0 <= size <= MAX_TENSOR_BYTES for size in shape) or math.prod(max(size, 1) for size in shape) > 2**62:
        return None
    field = _FIELDS.get(proto.dtype)
    if field is None:
        return None
    count = math.prod(shape)
    is_string = proto.dtype == types_pb2.DT_STRING
    dtype = np.dtype(object if is_string else tf.as_dtype(proto.dtype).as_numpy_dtype)
    if count * dtype.itemsize > MAX_TENSOR_BYTES:
        return None
    if proto.tensor_content and not is_string:
        if len(proto.tensor_content) != count * dtype.itemsize:
            return None
        return np.frombuffer(proto.tensor_content, dtype).reshape(shape)
    values = getattr(proto, field)
    if len(values) > count or (count and not values):
        return None
    flat = np.empty(count, dtype)
    if count:
        given = _convert(list(values), field, dtype)
        if given is None:
            return None
        flat[: len(given)] = given
        # TensorFlow leaves out what only repeats the last value.
        flat[len(given) :] = given[-1]
    return flat.reshape(shape)


def _convert(values: list[Any], field: str, dtype: np.dtype[Any]) -> Array | None:
    """A list, as NumPy reads a proto's field value by value."""
    if field == "half_val":
        bits = np.array(values, np.int64)
        return bits.astype(np.uint16).view(dtype) if bits.min() >= 0 and bits.max() < 2**16 else None
    if field == "int_val":
        wide, limits = np.array(values, np.int64), np.iinfo(dtype)
        return wide.astype(dtype) if wide.min() >= limits.min and wide.max() <= limits.max else None
    array = np.empty(len(values), dtype)
    array[:] = values
    return array


def to_proto(array: Array) -> tensor_pb2.TensorProto:
    """A tensor with its values in the field of their type, as TensorFlow Serving answers: some clients read just that.

    Raises:
      StatusError: there is no field for this type.
    """
    dtype = types_pb2.DT_STRING if array.dtype == object else tf.as_dtype(array.dtype).as_datatype_enum
    proto = tensor_pb2.TensorProto(dtype=dtype)
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    field = _FIELDS.get(dtype)
    if field is None:
        raise StatusError(codes.UNIMPLEMENTED, f"The server does not answer tensors of type {array.dtype}.")
    flat = np.ravel(array)
    getattr(proto, field).extend((flat.view(np.uint16) if field == "half_val" else flat).tolist())
    return proto
