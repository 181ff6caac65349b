"""Streams a face CSV (plain, .gz or .zip) as Arrow batches of its raw cells, in bounded memory."""

from __future__ import annotations

import csv
import gzip
import os
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import BinaryIO, cast

import pyarrow as pa
import pyarrow.csv
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from components.errors import InputError
from components.face_csv_example_gen.csv_format import USAGE_COLUMN, FaceCsvFormat

# Bounds memory: about this many bytes of text are held and decoded at a time.
BLOCK_BYTES = 8 << 20
# No header and no face comes near; a file without line ends is not read into memory as one row.
MAX_HEADER_BYTES = 1 << 16
MAX_ROW_BYTES = 1 << 20
# Text of gray values packs to a third or a tenth; what unpacks to far more is no data set but a zip bomb.
MAX_UNPACKING = 100
UNPACKED_FREELY = 64 << 20

_GZIP_MAGIC, _ZIP_MAGIC = b"\x1f\x8b", b"PK\x03\x04"
# What Windows programs write as "Unicode".
_OTHER_ENCODINGS = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"\x00\x00\xfe\xff": "UTF-32"}
_OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}

_WRONG_COUNT = re.compile(r"Row #(\d+): Expected (\d+) columns, got (\d+)")

# The last two: a damaged zip's names and numbers, for which zipfile has no error of its own.
_UNREADABLE = (EOFError, OSError, zlib.error, zipfile.BadZipFile, UnicodeDecodeError, struct.error)


class _Unpacking:
    """A packed stream's content, as long as it is not more than the packed bytes can honestly hold."""

    def __init__(self, file: BinaryIO, packed_bytes: int, path: str) -> None:
        self._file, self._path = file, path
        self._left = packed_bytes * MAX_UNPACKING + UNPACKED_FREELY

    def read(self, size: int) -> bytes:
        return self._count(self._file.read(size))

    def readline(self, limit: int) -> bytes:
        return self._count(self._file.readline(limit))

    def _count(self, content: bytes) -> bytes:
        self._left -= len(content)
        if self._left < 0:
            raise InputError(
                f"{self._path}: unpacks to more than {MAX_UNPACKING} times its size, as no table of faces does. "
                "Unpack it yourself, look at it, and name the CSV file."
            )
        return content


@contextmanager
def open_csv(path: str) -> Iterator[BinaryIO]:
    """Opens the CSV at `path`, unpacking gzip, and zip with a single CSV in it; told apart by their first bytes.

    Raises:
      InputError: there is no such file, or it cannot be opened, unpacked or (within the context) read on.
    """
    with ExitStack() as stack:
        try:
            raw = FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)
            file = cast(BinaryIO, stack.enter_context(raw))
            magic = file.read(4)
            packed_bytes = file.seek(0, os.SEEK_END)
            file.seek(0)
            if magic.startswith(_GZIP_MAGIC):
                unpacked = cast(BinaryIO, stack.enter_context(gzip.open(file)))
                yield cast(BinaryIO, _Unpacking(unpacked, packed_bytes, path))
            elif magic == _ZIP_MAGIC:
                unpacked = _open_zip(file, path, stack)
                yield cast(BinaryIO, _Unpacking(unpacked, packed_bytes, path))
            else:
                yield file
        except FileNotFoundError:
            raise InputError(f"{path}: no such file. Check the path.") from None
        except _UNREADABLE as error:
            raise InputError(
                f"{path}: cannot be read ({error}). The file may be cut off: download it again."
            ) from error


def _open_zip(file: BinaryIO, path: str, stack: ExitStack) -> BinaryIO:
    """The one CSV in a zip archive."""
    try:
        return _open_member(stack.enter_context(zipfile.ZipFile(file)), path, stack)
    except RuntimeError as error:
        # A password, or a version or a kind of compression that Python does not know.
        raise InputError(f"{path}: {error}. Unpack it and name the CSV file itself.") from None


def _open_member(archive: zipfile.ZipFile, path: str, stack: ExitStack) -> BinaryIO:
    members = [name for name in archive.namelist() if name.lower().endswith(".csv")]
    if len(members) != 1:
        raise InputError(
            f"{path}: expected one CSV file in the archive, found {', '.join(_abridged(members)) or 'none'}. "
            "Unpack it and name the CSV file itself."
        )
    return cast(BinaryIO, stack.enter_context(archive.open(members[0])))


def read_header(path: str, csv_format: FaceCsvFormat) -> list[str]:
    """Column names of the file, without the spaces that Kaggle's ICML header has.

    Raises:
      InputError: the file is empty, or the header lacks or repeats a column.
    """
    with open_csv(path) as file:
        line = file.readline(MAX_HEADER_BYTES)
    required = csv_format.required_columns
    wanted = ", ".join(_abridged(required))
    if not line.strip():
        raise InputError(f"{path}: the file is empty. Expected a header with the columns {wanted}.")
    for mark, encoding in _OTHER_ENCODINGS.items():
        if line.startswith(mark):
            raise InputError(f"{path}: row 0 (the header): encoded as {encoding}. Save the file as UTF-8.")
    names = _cells(line, ",", path)
    missing = [name for name in required if name not in names]
    if missing:
        for separator, spelt in _OTHER_SEPARATORS.items():
            if set(required) <= set(_cells(line, separator, path)):
                raise InputError(f"{path}: row 0 (the header): separated by {spelt}. Save the file with commas.")
        raise InputError(
            f"{path}: row 0 (the header): no column {', '.join(_abridged(missing))}. "
            f"Expected {wanted}; found {', '.join(_abridged([name[:30] for name in names]))}. Correct the header."
        )
    repeated = sorted({name for name in csv_format.required_columns if names.count(name) > 1})
    if repeated:
        raise InputError(f"{path}: row 0 (the header): repeats the column {', '.join(repeated)}. Remove one.")
    return names


def _cells(header: bytes, separator: str, path: str) -> list[str]:
    try:
        [cells] = csv.reader([header.decode("utf-8-sig", "replace")], delimiter=separator)
    except (csv.Error, ValueError) as error:
        raise InputError(f"{path}: row 0 (the header): {error}. Save the file as CSV with plain line ends.") from None
    return [cell.strip() for cell in cells]


def _abridged(names: list[str]) -> list[str]:
    return names if len(names) <= 6 else [*names[:3], f"({len(names) - 4} more)", names[-1]]


def read_batches(path: str, columns: list[str], wanted: list[str]) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Reads the rows below the header.

    Args:
      path: the CSV file.
      columns: all column names, as `read_header` gives them.
      wanted: names of the columns to read.

    Yields:
      The number of the batch's first row (from 1) and a batch of about BLOCK_BYTES of text; every column is
      Arrow binary, an empty cell is null.

    Raises:
      InputError: a row has another number of cells than the header, or the file breaks off.
    """
    first_row = 1
    with open_csv(path) as file:
        file.readline(MAX_HEADER_BYTES)
        while block := file.read(BLOCK_BYTES):
            rest_of_row = file.readline(MAX_ROW_BYTES)
            block += rest_of_row
            if len(rest_of_row) == MAX_ROW_BYTES:
                row = first_row + block.count(b"\n")
                raise InputError(f"{path}: row {row} is longer than {MAX_ROW_BYTES >> 20} MiB. Correct or remove it.")
            if not block.strip():
                continue
            batch = _parse(block, columns, wanted, path, first_row)
            yield first_row, batch
            first_row += batch.num_rows


def _parse(block: bytes, columns: list[str], wanted: list[str], path: str, first_row: int) -> pa.RecordBatch:
    try:
        table = pyarrow.csv.read_csv(
            pa.BufferReader(block),
            # One block, one thread: the only way in which Arrow numbers the rows it refuses.
            read_options=pyarrow.csv.ReadOptions(use_threads=False, block_size=len(block) + 1, column_names=columns),
            convert_options=pyarrow.csv.ConvertOptions(
                include_columns=wanted,
                column_types={name: pa.binary() for name in wanted},
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid as error:
        raise InputError(f"{path}: {_reason(error, first_row)}. Correct or remove that row.") from error
    return table.combine_chunks().to_batches()[0]


def _reason(error: Exception, first_row: int) -> str:
    """What stopped Arrow, with the row's number in the file and without the row's text."""
    wrong_count = _WRONG_COUNT.search(str(error))
    if not wrong_count:
        return str(error)[:200]
    number, expected, found = (int(group) for group in wrong_count.groups())
    return f"row {first_row + number - 1}: {found} cells where the header has {expected}"


def wanted_columns(columns: list[str], csv_format: FaceCsvFormat) -> list[str]:
    """The columns to read of those that a file has: the format's own, and `Usage` where present."""
    return csv_format.required_columns + ([USAGE_COLUMN] if USAGE_COLUMN in columns else [])
