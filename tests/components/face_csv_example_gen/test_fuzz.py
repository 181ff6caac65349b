"""Any damage to a file ends in rows, named bad rows, or one InputError: never in another exception."""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.errors import InputError
from components.face_csv_example_gen.csv_format import FaceCsvFormat
from components.face_csv_example_gen.decoding import decode
from components.face_csv_example_gen.executor import to_record_batch
from components.face_csv_example_gen.reading import read_batches, read_header, wanted_columns

CODING = {"0": "Angry", "2": "Fear"}
FORMAT = FaceCsvFormat("pixels", 3, ("a_x", "a_y"), "emotion", ("Angry",), {"one": CODING})
GOOD = b"a_x,a_y,emotion, Usage, pixels\n" + b"1.5,2,0,Training,0 1 2 3 4 5 6 7 8\n,,2,Training,9 8 7 6 5 4 3 2 1\n" * 3
TOKENS = st.sampled_from([b"", b" ", b",", b"\n", b"\r", b'"', b"\0", b"\xff", b"-1", b"256", b"1e400", b"nan", b"inf"])
EDITS = st.lists(st.tuples(st.integers(0, len(GOOD)), st.integers(0, 12), TOKENS | st.binary(max_size=6)), max_size=5)


@pytest.fixture(autouse=True)
def _quick_arrow() -> Iterator[None]:
    """See Executor.Do: each of Arrow's CSV calls walks all that is not frozen."""
    gc.freeze()
    yield
    gc.unfreeze()


@given(EDITS)
@settings(
    max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
def test_damaged_files(edits: list[tuple[int, int, bytes]]) -> None:
    content = GOOD
    for start, removed, inserted in edits:
        content = content[:start] + inserted + content[start + removed :]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.csv")
        path.write_bytes(content)
        try:
            columns = read_header(str(path), FORMAT)
            for first_row, batch in read_batches(str(path), columns, wanted_columns(columns, FORMAT)):
                faces, bad, left_out = decode(batch, first_row, FORMAT, CODING)
                assert len(faces.images) + len({row.row for row in bad}) + sum(left_out.values()) == batch.num_rows
                assert all(str(row) for row in bad)
                assert to_record_batch(faces, FORMAT).num_rows == len(faces.images)
        except InputError as error:
            assert str(path) in str(error)
            assert len(str(error)) < 1000
