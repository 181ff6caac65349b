from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from components.errors import InputError
from components.face_csv_example_gen.csv_format import FaceCsvFormat
from components.face_csv_example_gen.decoding import BadRow, decode
from pipeline.emotion import features as emotion
from pipeline.keypoints import features as keypoints

POINTS = FaceCsvFormat(image_column="Image", image_size=3, point_columns=("a_x", "a_y"))
CLASSES = FaceCsvFormat(image_column="pixels", image_size=3, class_column="emotion", classes=("Angry", "Happy"))
CODING = {"0": "Angry", "2": "Fear", "3": "Happy"}
GOOD = b"0 1 2 3 4 5 6 7 255"


def batch(**columns: list[bytes | None]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({name: pa.array(cells, pa.binary()) for name, cells in columns.items()})


@given(arrays.arrays(np.uint8, st.tuples(st.integers(0, 5), st.just(3), st.just(3))))
@settings(max_examples=50, deadline=None)
def test_any_image_comes_back(images: npt.NDArray[np.uint8]) -> None:
    texts = [" ".join(map(str, image.ravel())).encode() for image in images]
    middle: list[bytes | None] = [b"1.5"] * len(images)
    faces, bad, _ = decode(batch(a_x=middle, a_y=middle, Image=list(texts)), 1, POINTS, {})
    assert not bad
    np.testing.assert_array_equal(faces.images, images)


def test_classes_are_named_left_out_and_counted() -> None:
    cells = batch(emotion=[b"3", b"2", b" 0 ", b"2"], pixels=[GOOD, b"not even read", GOOD, GOOD])
    faces, bad, left_out = decode(cells, 11, CLASSES, CODING)
    assert (faces.classes.tolist(), faces.rows.tolist()) == (["Happy", "Angry"], [11, 13])
    assert (bad, left_out) == ([], {"Fear": 2})


def test_missing_points_are_nan() -> None:
    csv_format = dataclasses.replace(POINTS, point_columns=("a_x", "a_y", "b_x", "b_y"))
    cells = batch(a_x=[b"1.5", None], a_y=[b"+3e-1", b"  "], b_x=[None, b" 2 "], b_y=[b"", b"3"], Image=[GOOD] * 2)
    faces, bad, _ = decode(cells, 1, csv_format, {})
    assert not bad
    nan = np.nan
    np.testing.assert_array_equal(faces.points, np.array([[1.5, 0.3, nan, nan], [nan, nan, 2, 3]], np.float32))


@pytest.mark.parametrize(
    ("x", "y", "column", "value", "reason"),
    [
        (None, None, "a_x", "", "no point is marked in this row"),
        (b"1", None, "a_y", "", "empty, but a_x is not: half a point"),
        (b"", b"1", "a_x", "", "empty, but a_y is not: half a point"),
        (b"-0.01", b"1", "a_x", "-0.01", "outside the image, 0..3"),
        (b"1", b"3.01", "a_y", "3.01", "outside the image, 0..3"),
    ],
)
def test_points_that_cannot_be_are_named(
    x: bytes | None, y: bytes | None, column: str, value: str, reason: str
) -> None:
    faces, bad, _ = decode(batch(a_x=[b"0", x], a_y=[b"3", y], Image=[GOOD, GOOD]), 1, POINTS, {})
    assert bad == [BadRow(2, column, value, reason)]
    assert faces.rows.tolist() == [1]


def test_a_row_with_two_problems_is_one_bad_row() -> None:
    _, bad, _ = decode(batch(a_x=[b"9"], a_y=[b"x"], Image=[b"1"]), 1, POINTS, {})
    assert [row.column for row in bad] == ["a_x"]


@pytest.mark.parametrize(
    ("pixels", "value", "reason"),
    [
        (b"0 1 2 3 4 5 6 7", "", "8 pixels, expected 9 (3x3)"),
        (b"0 1 2 3 4 5 6 7 8 9", "", "10 pixels, expected 9 (3x3)"),
        (None, "", "0 pixels, expected 9 (3x3)"),
        (b"0 1 2 3 4 5 6 7 256", "256", "pixel 9 is not a whole number in 0..255"),
        (b"0 1 2 3 -4 5 6 7 8", "-4", "pixel 5 is not a whole number in 0..255"),
        (b"0 1 2 3 4.0 5 6 7 8", "4.0", "pixel 5 is not a whole number in 0..255"),
        (b"0 one 2 3 4 5 6 7 8", "one", "pixel 2 is not a whole number in 0..255"),
        (b"0  2 3 4 5 6 7 8", "", "pixel 2 is not a whole number in 0..255"),
        (b"0 1 2 3 4 5 6 7 \xff", "\ufffd", "pixel 9 is not a whole number in 0..255"),
        (b"0 1\n2 3 4 5 6 7 8", "1\n2", "pixel 2 is not a whole number in 0..255"),
    ],
)
def test_a_bad_image_is_named_and_its_neighbours_are_kept(pixels: bytes | None, value: str, reason: str) -> None:
    faces, bad, _ = decode(batch(emotion=[b"0", b"0", b"3"], pixels=[GOOD, pixels, GOOD]), 5, CLASSES, CODING)
    assert bad == [BadRow(6, "pixels", value, reason)]
    assert faces.rows.tolist() == [5, 7]
    assert faces.images[1, 2, 2] == 255


def test_bad_labels_and_points_are_named() -> None:
    _, bad, _ = decode(batch(emotion=[b"9", None], pixels=[GOOD, GOOD]), 1, CLASSES, CODING)
    assert [str(row) for row in bad] == [
        "row 1, column 'emotion' is '9': expected one of 0, 2, 3",
        "row 2, column 'emotion': expected one of 0, 2, 3",
    ]
    for text in (b"x", b"1e400", b"-inf", b"nan", b"1 2", b"\xff"):
        faces, bad, _ = decode(batch(a_x=[b"1", text], a_y=[b"1", b"2"], Image=[GOOD, GOOD]), 1, POINTS, {})
        assert bad == [BadRow(2, "a_x", text.decode("utf-8", "replace"), "not a number")]
        assert faces.rows.tolist() == [1]


def test_coding_is_found_only_where_the_codes_leave_no_choice() -> None:
    csv_format = emotion.CSV_FORMAT
    assert csv_format.coding_for({"0", "6"}, "auto", "f")["2"] == "Fear"
    assert csv_format.coding_for({"0", "4"}, "five", "f")["2"] == "Sad"
    with pytest.raises(InputError, match="--emotion-coding"):
        csv_format.coding_for({"0", "1", "2", "3", "4"}, "auto", "f.csv")
    # A stray code must not decide what all others mean.
    with pytest.raises(InputError, match="--emotion-coding"):
        csv_format.coding_for({"0", "1", "2", "3", "4", "77"}, "auto", "f.csv")
    assert csv_format.coding_for({"0", "6", "77"}, "auto", "f.csv")["2"] == "Fear"


@pytest.mark.parametrize("csv_format", [emotion.CSV_FORMAT, keypoints.CSV_FORMAT])
def test_format_survives_json(csv_format: FaceCsvFormat) -> None:
    assert FaceCsvFormat.from_json(csv_format.to_json()) == csv_format
