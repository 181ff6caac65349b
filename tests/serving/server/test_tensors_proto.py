"""TensorProtos, as tf.make_tensor_proto writes them, by hand, and hostile."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tensorflow.core.framework import tensor_pb2, types_pb2

from serving.errors import StatusError
from serving.server.tensors_proto import to_array, to_proto

_DTYPES = [np.float16, np.float32, np.float64, np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint64, np.bool_]


@st.composite
def _arrays(draw: st.DrawFn) -> np.ndarray:
    shape = draw(arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3))
    return draw(arrays.arrays(draw(st.sampled_from(_DTYPES)), shape, elements=None))


@given(_arrays())
@settings(deadline=None)
def test_what_tensorflow_writes_is_read_and_the_other_way_round(array: np.ndarray) -> None:
    np.testing.assert_array_equal(to_array("x", tf.make_tensor_proto(array)), array, strict=True)
    np.testing.assert_array_equal(tf.make_ndarray(to_proto(array)), array, strict=True)


@given(st.lists(st.binary(max_size=5), max_size=4))
@settings(deadline=None)
def test_strings_keep_their_bytes(values: list[bytes]) -> None:
    array = np.empty(len(values), object)
    array[:] = values
    assert to_array("x", tf.make_tensor_proto(array, tf.string)).tolist() == values
    assert tf.make_ndarray(to_proto(array)).tolist() == values


def test_the_last_value_stands_for_all_that_follow() -> None:
    proto = tensor_pb2.TensorProto(dtype=types_pb2.DT_FLOAT, float_val=[1, 2])
    proto.tensor_shape.dim.add(size=4)
    assert to_array("x", proto).tolist() == [1, 2, 2, 2]


def _proto(shape: list[int], **fields: object) -> tensor_pb2.TensorProto:
    proto = tensor_pb2.TensorProto(**{"dtype": types_pb2.DT_FLOAT, **fields})
    for size in shape:
        proto.tensor_shape.dim.add(size=size)
    return proto


@pytest.mark.parametrize(
    "proto",
    [
        _proto([2**40], float_val=[1]),
        _proto([2**62, 4], float_val=[1]),
        _proto([0, 2**60]),
        _proto([-1], float_val=[1]),
        _proto([1] * 300, float_val=[1]),
        _proto([2]),
        _proto([1], float_val=[1, 2]),
        _proto([2], tensor_content=b"1234"),
        _proto([1], int_val=[1]),
        _proto([1], dtype=types_pb2.DT_UINT8, int_val=[300]),
        _proto([1], dtype=types_pb2.DT_RESOURCE),
        _proto([1], dtype=types_pb2.DT_INVALID),
        _proto([1], dtype=99),
    ],
)
def test_a_malformed_tensor_is_refused(proto: tensor_pb2.TensorProto) -> None:
    with pytest.raises(StatusError, match="tensor parsing error: x"):
        to_array("x", proto)
