from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest

from components.errors import InputError
from components.face_csv_example_gen import reading
from components.face_csv_example_gen.csv_format import FaceCsvFormat

FORMAT = FaceCsvFormat(image_column="pixels", image_size=2, class_column="emotion", class_codings={})
TEXT = b"emotion, Usage, pixels\n0,Training,1 2 3 4\n1,Training,5 6 7 8\n"


def read(path: Path) -> list[tuple[int, dict[str, list[bytes | None]]]]:
    columns = reading.read_header(str(path), FORMAT)
    batches = reading.read_batches(str(path), columns, reading.wanted_columns(columns, FORMAT))
    return [(first, batch.to_pydict()) for first, batch in batches]


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


EXPECTED = {"emotion": [b"0", b"1"], "pixels": [b"1 2 3 4", b"5 6 7 8"], "Usage": [b"Training", b"Training"]}


def test_plain_gz_and_zip_are_the_same(tmp_path: Path) -> None:
    plain = write(tmp_path / "a.csv", TEXT)
    packed = write(tmp_path / "a.csv.gz", gzip.compress(TEXT))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("folder/a.csv", TEXT)
        archive.writestr("readme.txt", "no CSV")
    for path in (plain, packed, tmp_path / "a.zip"):
        assert read(path) == [(1, EXPECTED)]


def test_packed_files_are_known_by_their_content(tmp_path: Path) -> None:
    assert read(write(tmp_path / "a.csv", gzip.compress(TEXT))) == [(1, EXPECTED)]
    assert read(write(tmp_path / "b.csv.gz", TEXT)) == [(1, EXPECTED)]


def test_honestly_packed_files_are_not_taken_for_bombs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "UNPACKED_FREELY", 0)
    rows = b"".join(b"0,Training,%d %d 3 4\n" % (i % 256, i * 7 % 256) for i in range(5000))
    assert read(write(tmp_path / "a.csv.gz", gzip.compress(TEXT + rows)))
    with pytest.raises(InputError, match="unpacks to more than 100 times its size"):
        read(write(tmp_path / "b.csv.gz", gzip.compress(TEXT + b"0,Training,1 2 3 4\n" * 50_000)))


def test_either_column_order_without_usage_with_bom_and_crlf(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", b"\xef\xbb\xbfpixels,emotion\r\n1 2 3 4,0\r\n")
    assert read(path) == [(1, {"emotion": [b"0"], "pixels": [b"1 2 3 4"]})]


def test_quotes_blank_lines_and_no_last_line_end(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", b'emotion,pixels\n0,"1 2 3 4"\n\n,5 6 7 8')
    assert read(path) == [(1, {"emotion": [b"0", None], "pixels": [b"1 2 3 4", b"5 6 7 8"]})]


def test_blocks_keep_row_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BLOCK_BYTES", 30)
    rows = b"".join(b"%d,1 2 3 4\n" % i for i in range(1, 100))
    batches = read(write(tmp_path / "a.csv", b"emotion,pixels\n" + rows))
    assert len(batches) > 10
    numbers = [first + i for first, batch in batches for i in range(len(batch["emotion"]))]
    assert numbers == list(range(1, 100))
    assert [int(cell or 0) for _, batch in batches for cell in batch["emotion"]] == numbers


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "the file is empty"),
        (b"\n", "the file is empty"),
        (b"emotion,Usage\n0,Training\n", "no column pixels"),
        (b"emotion,pixels,pixels\n", "repeats the column pixels"),
        (b"1 2 3 4\n" * 10, "no column emotion, pixels"),
        (b"emotion,pixels\n0,1 2 3 4\n0\n", "row 2: 1 cells where the header has 2"),
        (b"emotion,pixels\n0,1 2 3 4,9\n", "row 1: 3 cells where the header has 2"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, content: bytes, expected: str) -> None:
    path = write(tmp_path / "a.csv", content)
    with pytest.raises(InputError) as caught:
        read(path)
    assert expected in str(caught.value)
    assert str(path) in str(caught.value)


def test_cut_off_row_in_a_later_block_has_its_own_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BLOCK_BYTES", 30)
    path = write(tmp_path / "a.csv", b"emotion,pixels\n" + b"0,1 2 3 4\n" * 20 + b"0\n" + b"0,1 2 3 4\n" * 20)
    with pytest.raises(InputError, match="row 21: 1 cells"):
        read(path)


def test_an_endless_row_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", b"emotion,pixels\n0,1\n0," + b"1 " * (reading.BLOCK_BYTES + reading.MAX_ROW_BYTES))
    with pytest.raises(InputError, match="row 2 is longer than 1 MiB"):
        read(path)


def test_missing_file_broken_archives_and_ambiguous_zip(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read(tmp_path / "none.csv")
    with pytest.raises(InputError, match="cannot be read"):
        read(write(tmp_path / "cut.csv.gz", gzip.compress(TEXT * 1000)[:-20]))
    with pytest.raises(InputError, match="cannot be read"):
        read(write(tmp_path / "text.zip", b"PK\x03\x04 not a zip"))
    with zipfile.ZipFile(tmp_path / "two.zip", "w") as archive:
        archive.writestr("a.csv", TEXT)
        archive.writestr("b.csv", TEXT)
    with pytest.raises(InputError, match=r"found a\.csv, b\.csv"):
        read(tmp_path / "two.zip")
