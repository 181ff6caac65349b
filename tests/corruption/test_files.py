"""Damage to the file as a whole: one clear message, nothing published. The same for both CSVs."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from components.errors import InputError
from components.face_csv_example_gen import reading
from pipeline.tasks import EMOTION, KEYPOINTS, Task
from tests.corruption.tables import Table
from tests.data_chain import run_chain


def zipped(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def with_password(table: bytes) -> bytes:
    """Python writes no encrypted archives: the flag that says so, in both places where it stands."""
    content = bytearray(zipped(("a.csv", table)))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    return bytes(content)


def unknown_compression(table: bytes) -> bytes:
    content = bytearray(zipped(("a.csv", table)))
    for signature, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        content[content.index(signature) + offset] = 9
    return bytes(content)


def later_version(table: bytes) -> bytes:
    content = bytearray(zipped(("a.csv", table)))
    content[content.index(b"PK\x01\x02") + 6] = 200
    return bytes(content)


def misnamed(table: bytes) -> bytes:
    """Says that its name is UTF-8, in the header before the member, and it is not."""
    content = bytearray(zipped(("a.csv", table)))
    content[7] |= 0x08
    content[30] = 0xFF
    return bytes(content)


def line(table: bytes, number: int, change: Callable[[bytes], bytes]) -> bytes:
    lines = table.split(b"\n")
    lines[number] = change(lines[number])
    return b"\n".join(lines)


def numpy_file(table: bytes) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.arange(100))
    return buffer.getvalue()


def bomb(table: bytes) -> bytes:
    return table[:1000] + b"\n" * (20 << 20)


DAMAGES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda table: b"", "the file is empty. Expected a header with the columns"),
    "blank line only": (lambda table: b"\n\n", "the file is empty"),
    "header only": (lambda table: table.split(b"\n")[0], "no rows below the header"),
    "header cut off": (lambda table: table[:20], "row 0 (the header): no column"),
    "no header": (lambda table: table.split(b"\n", 1)[1], "row 0 (the header): no column"),
    "column renamed": (lambda table: line(table, 0, lambda t: t[:-3] + b"xyz"), "row 0 (the header): no column"),
    "column repeated": (
        lambda table: line(table, 0, lambda t: t + b"," + t.split(b",")[-1]),
        "row 0 (the header): repeats the column",
    ),
    "utf-16": (lambda table: table[:5000].decode().encode("utf-16"), "encoded as UTF-16. Save the file as UTF-8"),
    "utf-16 big-endian": (lambda table: b"\xfe\xff" + table[:999].decode().encode("utf-16-be"), "encoded as UTF-16"),
    "utf-32": (lambda table: b"\0\0\xfe\xff" + table[:999].decode().encode("utf-32-be"), "encoded as UTF-32"),
    "semicolons": (lambda table: table.replace(b",", b";"), "separated by semicolons. Save the file with commas"),
    "tabs": (lambda table: table.replace(b",", b"\t"), "separated by tabs"),
    "bars": (lambda table: table.replace(b",", b"|"), "separated by vertical bars"),
    "spaces": (lambda table: table.replace(b",", b" "), "row 0 (the header): no column"),
    "old line ends": (lambda table: table.replace(b"\n", b"\r"), "row 0 (the header)"),
    "a numpy file": (numpy_file, "row 0 (the header)"),
    "a row with a cell too few": (
        lambda table: line(table, 7, lambda t: t.split(b",", 1)[1]),
        "row 7: ",
    ),
    "a row with a cell too many": (lambda table: line(table, 9, lambda t: t + b",1"), "row 9: "),
    "an open quote": (lambda table: line(table, 5, lambda t: b'"' + t), "Correct or remove that row"),
    "an endless row": (
        lambda table: table + b"1 " * (reading.BLOCK_BYTES + reading.MAX_ROW_BYTES),
        "is longer than 1 MiB",
    ),
    "gzip cut off": (lambda table: gzip.compress(table)[:-5000], "download it again"),
    "gzip damaged": (lambda table: gzip.compress(table)[:5000] + bytes(9000), "download it again"),
    "gzip bomb": (lambda table: gzip.compress(bomb(table)), "unpacks to more than 100 times its size"),
    "zip cut off": (lambda table: zipped(("a.csv", table))[:-100], "download it again"),
    "zip damaged": (
        lambda table: zipped(("a.csv", table)).replace(zipped(("a.csv", table))[4000:4100], bytes(100)),
        "download it again",
    ),
    "zip of a later version": (later_version, "Unpack it and name the CSV file itself"),
    "zip whose name is not UTF-8": (misnamed, "download it again"),
    "zip bomb": (lambda table: zipped(("a.csv", bomb(table))), "unpacks to more than 100 times its size"),
    "zip with two tables": (lambda table: zipped(("a.csv", table), ("b.csv", table)), "found a.csv, b.csv"),
    "zip without a table": (lambda table: zipped(("a.txt", table)), "found none"),
    "zip with a password": (with_password, "password required"),
    "zip of an unknown kind": (unknown_compression, "compression"),
}


@pytest.mark.parametrize("task", [EMOTION, KEYPOINTS], ids=lambda task: task.name)
@pytest.mark.parametrize("name", DAMAGES)
def test_damaged_files(
    tmp_path: Path, clean_csvs: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, name: str, task: Task
) -> None:
    monkeypatch.setattr(reading, "UNPACKED_FREELY", 8 << 20)
    damage, expected = DAMAGES[name]
    table = clean_csvs[1] if task is EMOTION else clean_csvs[0]
    path = tmp_path / "faces.csv"
    path.write_bytes(damage(table.read_bytes()[: 2 << 20].rsplit(b"\n", 1)[0] + b"\n"))
    with pytest.raises(InputError) as caught:
        run_chain(tmp_path / "chain", path, task)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert expected in message
    assert len(message) < 1000


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        run_chain(tmp_path / "a", tmp_path / "none.csv", EMOTION)
    with pytest.raises(InputError, match="cannot be read"):
        run_chain(tmp_path / "b", tmp_path, EMOTION)


def test_wholly_unusable_rows_name_the_first(tmp_path: Path, emotions: Table) -> None:
    for row in emotions.rows:
        row[-1] = "1 2 3"
        row[0] = "3"
    path = emotions.write(tmp_path / "a.csv")
    with pytest.raises(InputError, match=r"900 rows read, 0 left out by class, 900 bad.* row 1, column 'pixels'"):
        run_chain(tmp_path / "chain", path, EMOTION)


def test_only_classes_that_are_left_out(tmp_path: Path, emotions: Table) -> None:
    for row in emotions.rows:
        row[0] = "6"
    path = emotions.write(tmp_path / "a.csv")
    with pytest.raises(InputError, match="900 left out by class, 0 bad"):
        run_chain(tmp_path / "chain", path, EMOTION)


def test_codes_that_may_mean_either(tmp_path: Path, emotions: Table) -> None:
    emotions.rows = [row for row in emotions.rows if row[0] in "01234"]
    emotions.set(1, "emotion", "9")
    path = emotions.write(tmp_path / "a.csv")
    with pytest.raises(InputError, match="--emotion-coding"):
        run_chain(tmp_path / "chain", path, EMOTION, coding="auto")


def test_no_usage_to_split_by(tmp_path: Path, emotions: Table) -> None:
    emotions.header[1] = "use"
    path = emotions.write(tmp_path / "a.csv")
    with pytest.raises(InputError, match="no column 'Usage'"):
        run_chain(tmp_path / "chain", path, EMOTION, split="usage")
