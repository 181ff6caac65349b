"""Any damage to a file ends in rows, quarantine, or one InputError: never in another exception, never in a hang."""

from __future__ import annotations

import gc
import gzip
import io
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.errors import InputError
from components.face_csv_example_gen.csv_format import FaceCsvFormat
from components.face_csv_example_gen.executor import ReadFaces
from components.face_csv_example_gen.reading import read_header
from tests.data_chain import read_csv

FORMAT = FaceCsvFormat(
    image_column="pixels",
    image_size=3,
    point_columns=("a_x", "a_y"),
    class_column="emotion",
    classes=("Angry",),
    class_codings={"one": {"0": "Angry", "2": "Fear"}},
)
HEADER = b"a_x,a_y,emotion, Usage, pixels\n"
GOOD = HEADER + b"1.5,2,0,Training,0 1 2 3 4 5 6 7 8\n,,2,Training,9 8 7 6 5 4 3 2 1\n" * 3


def _zip(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", content)
    return buffer.getvalue()


PACKINGS: list[Callable[[bytes], bytes]] = [bytes, lambda content: gzip.compress(content, mtime=0), _zip]
TOKENS = st.sampled_from(
    [b"", b" ", b",", b"\n", b"\r", b'"', b"\0", b"\xff", b"-1", b"256", b"1e400", b"nan", b"inf", b";", HEADER]
)
EDITS = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 12), TOKENS | st.binary(max_size=6)), max_size=5)


def damaged(content: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    for place, removed, inserted in edits:
        start = place % (len(content) + 1)
        content = content[:start] + inserted + content[start + removed :]
    return content


@pytest.fixture(autouse=True)
def _quick_arrow() -> Iterator[None]:
    """See Executor.Do: each of Arrow's CSV calls walks all that is not frozen."""
    gc.freeze()
    yield
    gc.unfreeze()


FUZZ: dict[str, Any] = {"deadline": None, "suppress_health_check": list(HealthCheck)}


@given(EDITS, st.sampled_from(PACKINGS), EDITS)
@settings(max_examples=2000, **FUZZ)
def test_damaged_files(
    inner: list[tuple[int, int, bytes]], packing: Callable[[bytes], bytes], outer: list[tuple[int, int, bytes]]
) -> None:
    """The table is damaged, then packed, then the archive is damaged."""
    content = packing(damaged(GOOD, inner))
    if packing is not bytes:
        content = damaged(content, outer)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.csv")
        path.write_bytes(content)
        try:
            columns = read_header(str(path), FORMAT)
            outputs = list(ReadFaces(FORMAT, columns, FORMAT.class_codings["one"], False, False).process(str(path)))
        except InputError as error:
            assert_clear(str(error), path)
            return
        assert_complete(outputs, path)


def assert_clear(message: str, path: Path) -> None:
    assert message.startswith(f"{path}: ")
    assert len(message) < 1000
    assert message.endswith(".")


def assert_complete(outputs: list[beam.pvalue.TaggedOutput], path: Path) -> None:
    """All rows are somewhere: in a split, left out, or in quarantine; or the file is said to be broken."""
    counts: Counter[str] = Counter()
    for output in outputs:
        if output.tag == "row_counts":
            counts.update(output.value)
        elif output.tag == "broken_files":
            assert_clear(output.value, path)
            return
    tags = Counter(output.tag for output in outputs)
    records = tags["train"] + tags["eval"] + tags["test"]
    assert counts["read"] == records + counts["left_out"] + counts["bad"]
    assert tags["bad_rows"] == counts["bad"]


@given(EDITS)
@settings(max_examples=25, **FUZZ)
def test_damaged_files_through_beam(edits: list[tuple[int, int, bytes]]) -> None:
    """The whole executor: what it leaves is complete, or it says what is wrong."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.csv")
        path.write_bytes(damaged(GOOD * 4, edits))
        try:
            examples = read_csv(Path(folder), path, FORMAT, coding="one")
        except InputError as error:
            assert_clear(str(error), path)
        else:
            assert {p.name for p in Path(examples.uri).iterdir()} >= {"quarantine.jsonl", "row_counts.json"}
