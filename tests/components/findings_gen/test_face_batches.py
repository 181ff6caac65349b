from __future__ import annotations

import pyarrow as pa

from components.findings_gen.face_checks import FaceBatch
from pipeline.emotion.features import CSV_FORMAT


def one_each(values: list[object], kind: pa.DataType) -> pa.Array:
    return pa.array([[value] for value in values], pa.list_(kind))


def test_an_image_with_another_number_of_bytes_is_set_apart() -> None:
    batch = pa.RecordBatch.from_pydict(
        {
            "row": one_each([7, 8, 9], pa.int64()),
            "image": one_each([bytes(2304), bytes(2303), b"\x01" * 2304], pa.binary()),
            "contrast": one_each([0.1, 0.2, 0.3], pa.float32()),
            "sharpness": one_each([0.4, 0.5, 0.6], pa.float32()),
            "emotion": one_each([b"Sad", b"Happy", b"Angry"], pa.binary()),
        }
    )
    faces = FaceBatch.of(batch, CSV_FORMAT)
    assert faces.wrong_size.tolist() == [8]
    assert faces.rows.tolist() == [7, 9]
    assert faces.images[1].min() == 1
    assert faces.labels.tolist() == [[2.0], [0.0]]
    assert faces.sharpness.round(1).tolist() == [0.4000000059604645, 0.6000000238418579]
