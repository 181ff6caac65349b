"""JSON to tensors and back: against plain NumPy, and the quick way against the careful one."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from serving.errors import StatusError
from serving.server import codes, tensors_json
from serving.server.tensors_json import dump_outputs, dump_results, parse_inputs, parse_object

_TYPES = [tf.float32, tf.float64, tf.int8, tf.int32, tf.int64, tf.uint8, tf.uint32, tf.uint64, tf.bool]
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=3)
    | st.fixed_dictionaries({"b64": st.sampled_from(["", "QUI=", "QUI", "Q", "!", "Q U I ="])}),
    lambda values: (
        st.lists(values, max_size=3) | st.dictionaries(st.sampled_from(["x", "y", "b64"]), values, max_size=2)
    ),
    max_leaves=8,
)


def _parse(document: Any, **types: tf.DType) -> dict[str, Any]:
    body = json.dumps(document).encode()
    return parse_inputs(parse_object(body), body, types)[0]


def _outcome(document: Any, types: dict[str, tf.DType]) -> Any:
    body = json.dumps(document).encode()
    try:
        inputs, by_rows = parse_inputs(parse_object(body), body, types)
    except StatusError as error:
        return error.code, error.message
    return {name: (array.dtype, array.shape, array.tolist()) for name, array in inputs.items()}, by_rows


@st.composite
def _numbers(draw: st.DrawFn) -> tuple[tf.DType, np.ndarray]:
    dtype = draw(st.sampled_from(_TYPES))
    shape = draw(arrays.array_shapes(min_dims=1, max_dims=4, max_side=3))
    elements = {"allow_nan": False, "allow_infinity": False} if dtype.is_floating else None
    return dtype, draw(arrays.arrays(dtype.as_numpy_dtype, shape, elements=elements))


@given(_numbers())
@settings(deadline=None)
def test_numbers_arrive_as_they_were(drawn: tuple[tf.DType, np.ndarray]) -> None:
    dtype, array = drawn
    for document in (
        {"instances": array.tolist()},
        {"inputs": array.tolist()},
        {"inputs": {"x": array.tolist()}},
        {"instances": [{"x": row} for row in array.tolist()]},
    ):
        [(name, parsed)] = _parse(document, x=dtype).items()
        assert name == "x"
        np.testing.assert_array_equal(parsed, array, strict=True)


@given(st.lists(st.binary(max_size=9), min_size=1, max_size=4))
def test_bytes_arrive_as_they_were(values: list[bytes]) -> None:
    encoded = [{"b64": base64.b64encode(value).decode()} for value in values]
    assert _parse({"instances": encoded}, x=tf.string)["x"].tolist() == values
    assert _parse({"inputs": {"x": encoded}}, x=tf.string)["x"].tolist() == values


@given(st.lists(_JSON, max_size=3), st.sampled_from([*_TYPES, tf.string, tf.float16]), st.sampled_from(["x", "xy"]))
@settings(deadline=None, max_examples=200)
def test_the_quick_way_does_what_the_careful_one_does(value: list[Any], dtype: tf.DType, names: str) -> None:
    types = dict.fromkeys(names, dtype)
    for document in ({"instances": value}, {"inputs": value}, {"inputs": dict.fromkeys(names, value)}):
        quick = _outcome(document, types)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tensors_json, "_by_numpy", lambda *_: None)
            careful = _outcome(document, types)
        # Not a number is not equal to itself.
        assert repr(quick) == repr(careful)
        assert isinstance(quick[0], dict) or quick[0] in (codes.INVALID_ARGUMENT, codes.UNIMPLEMENTED)


@given(_JSON)
@settings(deadline=None)
def test_any_document_is_parsed_or_refused(document: Any) -> None:
    body = json.dumps(document).encode()
    try:
        assert isinstance(parse_object(body), dict)
    except StatusError as error:
        assert error.code == codes.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "document is empty"),
        (b"{", "JSON Parse error"),
        (b"[1]", "Is not object"),
        (b"[" * 100_000, "JSON Parse error"),
        (b'{"instances": [' + b"[" * 5_000 + b"NaN" + b"]" * 5_001 + b"}", "JSON Parse error"),
        (b'{"x": "\xff"}', "JSON Parse error"),
    ],
)
def test_what_is_no_json_object_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(StatusError, match=message) as raised:
        parse_object(body)
    assert raised.value.code == codes.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("document", "dtype", "message"),
    [
        ({}, tf.float32, "Missing 'inputs' or 'instances' key"),
        ({"inputs": [1], "instances": [1]}, tf.float32, "only one of"),
        ({"instances": 1}, tf.float32, "to be an list/array"),
        ({"instances": []}, tf.float32, "No values in"),
        ({"instances": [[1, 2], [1]]}, tf.float32, "Expecting tensor size: 2 but got: 1"),
        ({"instances": [[[1, 2]], [[1], [2]]]}, tf.float32, r"Expecting shape \[1,2\] but got: \[2,1\]"),
        ({"instances": [[1, [2]]]}, tf.float32, "list at unexpected level"),
        ({"instances": ["a"]}, tf.float32, 'JSON Value: "a" Type: String is not of expected type: float'),
        ({"instances": [True]}, tf.float32, "Type: True is not of expected type: float"),
        ({"instances": [1, True]}, tf.int64, "Type: True is not of expected type: int64"),
        ({"instances": [None]}, tf.float32, "Type: Null"),
        ({"instances": [1.5]}, tf.int32, "is not of expected type: int32"),
        ({"instances": [1]}, tf.string, "is not of expected type: string"),
        ({"instances": [256]}, tf.uint8, "is not of expected type: uint8"),
        ({"instances": [1e39]}, tf.float32, "without loss of precision"),
        ({"instances": [2**24]}, tf.float32, "without loss of precision"),
        ({"instances": [0.5, 2**24]}, tf.float32, "without loss of precision"),
        ({"instances": [{"b64": "!"}]}, tf.string, "Unable to base64 decode"),
        ({"instances": [{"b64": "QUI=", "x": 1}]}, tf.string, "does not have named input: b64"),
        ({"instances": [{"y": 1}]}, tf.float32, "does not have named input: y"),
        ({"instances": [{"x": 1}, {}]}, tf.float32, "keys must be equal to: x"),
        ({"instances": [{"x": 1}, 1]}, tf.float32, "Expecting object but got list at item 1"),
        ({"instances": [1, {"x": 1}]}, tf.float32, "Expecting value/list but got object at item 1"),
        ({"inputs": {"y": [1]}}, tf.float32, "Missing named input: x"),
    ],
)
def test_each_mistake_is_named(document: Any, dtype: tf.DType, message: str) -> None:
    with pytest.raises(StatusError, match=message):
        _parse(document, x=dtype)


def test_an_error_quotes_but_the_beginning_of_a_large_value() -> None:
    with pytest.raises(StatusError) as raised:
        _parse({"instances": ["x" * 10_000_000]}, x=tf.float32)
    assert len(raised.value.message) < 500


def test_not_a_number_and_infinity_are_taken() -> None:
    body = b'{"instances": [NaN, Infinity, -Infinity]}'
    inputs, _ = parse_inputs(parse_object(body), body, {"x": tf.float32})
    assert math.isnan(inputs["x"][0])
    assert inputs["x"].tolist()[1:] == [math.inf, -math.inf]


@given(arrays.arrays(np.float32, arrays.array_shapes(min_dims=1, max_dims=3, max_side=3)))
def test_floats_are_answered_to_the_last_bit(array: np.ndarray) -> None:
    for by_rows, key in ((True, "predictions"), (False, "outputs")):
        answer = np.array(json.loads(dump_outputs({"x": array}, by_rows))[key], np.float32)
        np.testing.assert_array_equal(answer.reshape(array.shape), array)
    named = json.loads(dump_outputs({"x": array, "n": np.arange(len(array))}, True))["predictions"]
    np.testing.assert_array_equal(np.array([row["x"] for row in named], np.float32), array)
    assert [row["n"] for row in named] == list(range(len(array)))


def test_floats_have_the_digits_of_their_type() -> None:
    assert dump_outputs({"x": np.array([0.1, 1, 1e-7], np.float32)}, True) == b'{"predictions":[0.1,1.0,1e-7]}'


def test_what_is_not_finite_is_written_as_tensorflow_serving_does() -> None:
    outputs = {"x": np.array([0.1, np.nan, np.inf, -np.inf], np.float32), "i": np.arange(4)}
    answer = dump_outputs(outputs, False)
    assert answer == b'{"outputs": {"x": [0.1, NaN, Infinity, -Infinity], "i": [0, 1, 2, 3]}}'
    assert b"NaN" in dump_outputs(outputs, True)
    assert dump_results([[("a", np.float32(np.nan))]]) == b'{"results": [[["a", NaN]]]}'


def test_strings_are_text_or_bytes_by_their_name() -> None:
    array = np.array([b"a\xff", b""], object)
    rows = json.loads(dump_outputs({"text": array, "raw_bytes": array}, True))["predictions"]
    assert rows == [{"text": "a�", "raw_bytes": {"b64": "Yf8="}}, {"text": "", "raw_bytes": {"b64": ""}}]


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        ({"x": np.float32(1).reshape(())}, "has no shape information"),
        ({"x": np.zeros(2), "y": np.zeros(3)}, "inconsistent batch size: 3 expecting: 2"),
        ({"x": np.zeros(2, np.complex64)}, "Failed to write JSON value for tensor type"),
        ({}, "empty tensor map"),
    ],
)
def test_what_the_row_format_cannot_say_is_an_error(outputs: dict[str, Any], message: str) -> None:
    with pytest.raises(StatusError, match=message):
        dump_outputs(outputs, True)


def test_a_scalar_is_answered_in_columns() -> None:
    assert dump_outputs({"x": np.array(1.5, np.float32)}, False) == b'{"outputs":1.5}'
