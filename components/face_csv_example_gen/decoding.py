"""Turns batches of raw CSV cells into images, classes and points, and names the rows that cannot be."""

from __future__ import annotations

import dataclasses
import math
import re
from collections import Counter

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from components.face_csv_example_gen.csv_format import USAGE_COLUMN, FaceCsvFormat

_SPACE_TO_NEWLINE = bytes.maketrans(b" ", b"\n")
_GRAY_VALUE = re.compile(rb"0*(25[0-5]|2[0-4]\d|1?\d?\d)")
_REPEATED_HEADER = "repeats the header; were two files joined?"
_NUMBER = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


@dataclasses.dataclass(frozen=True, order=True)
class BadRow:
    """Why a row cannot be used: `row` counts from 1 below the header, blank lines not counted."""

    row: int
    column: str
    value: str
    reason: str

    def __str__(self) -> str:
        value = f" is '{self.value}'" if self.value else ""
        return f"row {self.row}, column '{self.column}'{value}: {self.reason}"


@dataclasses.dataclass
class Faces:
    """Decoded rows.

    Attributes:
      rows: int64 [n], row numbers in the file, counted from 1.
      images: uint8 [n, size, size].
      points: float32 [n, len(point_columns)], pixels; NaN where missing.
      classes: object [n], class names; empty array where the format has no class column.
      usage: object [n], FER2013's Usage; empty array where the file has no such column.
    """

    rows: npt.NDArray[np.int64]
    images: npt.NDArray[np.uint8]
    points: npt.NDArray[np.float32]
    classes: npt.NDArray[np.object_]
    usage: npt.NDArray[np.object_]


def decode(
    batch: pa.RecordBatch, first_row: int, csv_format: FaceCsvFormat, coding: dict[str, str]
) -> tuple[Faces, list[BadRow], dict[str, int]]:
    """Decodes one batch of `read_batches`.

    Args:
      batch: raw cells, binary columns.
      first_row: number in the file of the batch's first row.
      csv_format: what the columns are.
      coding: class code -> class name.

    Returns:
      The usable faces; the bad rows, each once, with the first thing that is wrong with it; how many rows were
      left out by class name.
    """
    rows = np.arange(first_row, first_row + batch.num_rows, dtype=np.int64)
    bad: list[BadRow] = []
    left_out: dict[str, int] = {}
    classes = usage = np.empty(0, object)

    if csv_format.class_column:
        codes = _texts(batch, csv_format.class_column)
        known = np.array([code in coding for code in codes], bool)
        for i in np.flatnonzero(~known):
            expected = f"expected one of {', '.join(coding)}"
            reason = _REPEATED_HEADER if codes[i] == csv_format.class_column else expected
            bad.append(BadRow(int(rows[i]), csv_format.class_column, codes[i][:40], reason))
        kept = np.array([coding.get(code) in csv_format.classes for code in codes], bool)
        left_out = dict(Counter(coding[code] for code in codes[known & ~kept]))
        # Before the pixels are decoded: rows that are left out need not cost more than their label.
        batch, rows = batch.filter(pa.array(kept)), rows[kept]
        classes = np.array([coding[code] for code in codes[kept]], object)

    images, image_problems = _decode_images(batch[csv_format.image_column], rows, csv_format)
    points, point_problems = _decode_points(batch, rows, csv_format)
    # Of a row with both, the point is named: its column comes first.
    problems = {problem.row: problem for problem in image_problems + point_problems}
    bad += problems.values()
    good = ~np.isin(rows, list(problems))
    if csv_format.class_column:
        classes = classes[good]
    if USAGE_COLUMN in batch.schema.names:
        usage = _texts(batch, USAGE_COLUMN)[good]
    faces = Faces(rows=rows[good], images=images[good], points=points[good], classes=classes, usage=usage)
    return faces, bad, left_out


def class_codes(batch: pa.RecordBatch, csv_format: FaceCsvFormat) -> set[str]:
    """The distinct codes in the class column of a batch."""
    return set(_texts(batch, csv_format.class_column))


def _texts(batch: pa.RecordBatch, column: str) -> npt.NDArray[np.object_]:
    cells = batch[column].to_pylist()
    return np.array([(cell or b"").decode("utf-8", "replace").strip() for cell in cells], object)


def _decode_images(
    cells: pa.Array, rows: npt.NDArray[np.int64], csv_format: FaceCsvFormat
) -> tuple[npt.NDArray[np.uint8], list[BadRow]]:
    """Images uint8 [n, size, size] of all rows (zeros where bad), and what is wrong with the bad ones."""
    texts = [(cell or b"").strip() for cell in cells.to_pylist()]
    size = csv_format.image_size
    values = _parse_gray_values(texts)
    bad: dict[int, BadRow] = {}
    if values is None or values.size != len(texts) * size**2 or not _counts_agree(texts, size):
        # Some row of the batch is bad: look at each one.
        for i, text in enumerate(texts):
            problem = _image_problem(text, size)
            if problem and text == csv_format.image_column.encode():
                problem = text.decode(), _REPEATED_HEADER
            if problem:
                bad[i] = BadRow(int(rows[i]), csv_format.image_column, *problem)
        is_good = np.array([i not in bad for i in range(len(texts))], bool)
        values = np.zeros((len(texts), size**2), np.uint8)
        parsed = _parse_gray_values([text for text, good in zip(texts, is_good, strict=True) if good])
        assert parsed is not None  # every one of its values has just been looked at
        values[is_good] = parsed.reshape(-1, size**2)
    return values.reshape(-1, size, size), list(bad.values())


def _counts_agree(texts: list[bytes], size: int) -> bool:
    separators = size**2 - 1
    return all(text.count(b" ") == separators for text in texts)


def _parse_gray_values(texts: list[bytes]) -> npt.NDArray[np.uint8] | None:
    """All numbers of all texts in one flat array, or None where something is not a number in 0..255.

    Read as a CSV of a single column, one number a line: Arrow's own threaded parser, range checks included.
    """
    if not texts:
        return np.empty(0, np.uint8)
    lines = b"\n".join(texts).translate(_SPACE_TO_NEWLINE)
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(lines),
            read_options=pyarrow.csv.ReadOptions(column_names=["gray"], block_size=1 << 18),
            convert_options=pyarrow.csv.ConvertOptions(column_types={"gray": pa.uint8()}, null_values=[]),
        )
    except pa.ArrowInvalid:
        return None
    return np.asarray(table["gray"].to_numpy(), np.uint8)


def _image_problem(text: bytes, size: int) -> tuple[str, str] | None:
    """(value, reason) of the first thing wrong with an image's text."""
    values = text.split(b" ") if text else []
    for position, value in enumerate(values):
        if not _GRAY_VALUE.fullmatch(value):
            shown = value[:20].decode("utf-8", "replace")
            return shown, f"pixel {position + 1} is not a whole number in 0..255"
    if len(values) != size**2:
        return "", f"{len(values)} pixels, expected {size**2} ({size}x{size})"
    return None


def _decode_points(
    batch: pa.RecordBatch, rows: npt.NDArray[np.int64], csv_format: FaceCsvFormat
) -> tuple[npt.NDArray[np.float32], list[BadRow]]:
    """Coordinates float32 [n, points] (NaN where missing), and what is wrong with the bad rows, at most once each."""
    columns = csv_format.point_columns
    points = np.full((batch.num_rows, len(columns)), np.nan, np.float32)
    for j, column in enumerate(columns):
        cells = batch[column]
        try:
            points[:, j] = pc.cast(cells.cast(pa.string()), pa.float32()).to_numpy(zero_copy_only=False)
            understood = np.isfinite(points[:, j]) | ~cells.is_valid().to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid:
            understood = np.zeros(len(cells), bool)
        for i in np.flatnonzero(~understood):
            points[i, j] = _number(cells[int(i)].as_py())
    if not columns:
        return points, []
    missing = np.isnan(points)
    # Of an x the y, of a y the x.
    partner_missing = missing[:, np.arange(len(columns)) ^ 1]
    with np.errstate(invalid="ignore"):
        outside = (points < 0) | (points > csv_format.image_size)
    is_wrong = outside | (missing & ~partner_missing)
    is_wrong[missing.all(axis=1), 0] = True
    bad = []
    for i in np.flatnonzero(is_wrong.any(axis=1)):
        j = int(is_wrong[i].argmax())
        cell = batch[columns[j]][int(i)].as_py() or b""
        reason = _REPEATED_HEADER if cell == columns[j].encode() else _reason(points[i], j, csv_format)
        bad.append(BadRow(int(rows[i]), columns[j], cell[:20].decode("utf-8", "replace"), reason))
    return points, bad


def _reason(points: npt.NDArray[np.float32], j: int, csv_format: FaceCsvFormat) -> str:
    """What is wrong with coordinate `j` of a row."""
    if np.isnan(points).all():
        return "no point is marked in this row"
    if np.isnan(points[j]):
        return f"empty, but {csv_format.point_columns[j ^ 1]} is not: half a point"
    if np.isinf(points[j]):
        return "not a number"
    return f"outside the image, 0..{csv_format.image_size}"


def _number(cell: bytes | None) -> float:
    """The cell's value; NaN where it is empty, infinity where it is no number."""
    text = (cell or b"").strip()
    if not text:
        return math.nan
    return float(text) if _NUMBER.fullmatch(text) else math.inf
