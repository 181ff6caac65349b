"""Pictures of findings: the faces of each one's rows on a sheet, groups side by side."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from components.findings import Finding
from pipeline.face_sheets import ShownFace, draw_sheet

_COLUMNS, _MAX_FACES = 12, 60
_CELL = 96


@dataclasses.dataclass(frozen=True)
class Face:
    """A row of an Examples artifact, to be drawn.

    Attributes:
      row: its number in the file.
      image: uint8 [height, width].
      labels: its split, and its class if it has one.
      points: (x, y) in pixels of the image.
    """

    row: int
    image: npt.NDArray[np.uint8]
    labels: list[str]
    points: list[tuple[float, float]]


def write_sheets(found: list[Finding], summary: dict[str, Any], folder: Path) -> list[Path]:
    """Writes `<data set>-<finding>.png` for each finding with rows that were not set aside; returns the paths."""
    shown = {finding.name: _rows_to_show(finding) for finding in found}
    faces = read_faces(summary["examples"], {row for rows in shown.values() for row in rows})
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, rows in shown.items():
        there = [faces[row] for row in rows if row in faces]
        if there:
            paths.append(folder / f"{summary['data_set']}-{name.replace(':', '-')}.png")
            draw_sheet([_shown(face) for face in there], _COLUMNS, _CELL).save(paths[-1])
    return paths


def _rows_to_show(finding: Finding) -> list[int]:
    rows = [row for group in finding.groups for row in group] or list(finding.rows)
    return rows[:_MAX_FACES]


def read_faces(examples_uri: str, rows: set[int]) -> dict[int, Face]:
    """Some rows of an Examples artifact, by row number."""
    faces: dict[int, Face] = {}
    paths = sorted(tf.io.gfile.glob(f"{examples_uri}/Split-*/*")) if rows else []
    for path in paths:
        split = Path(path).parent.name.removeprefix("Split-")
        for record in tf.data.TFRecordDataset(path).as_numpy_iterator():
            features = tf.train.Example.FromString(record).features.feature
            if features["row"].int64_list.value[0] in rows:
                face = _face(features, split)
                faces[face.row] = face
    return faces


def _face(features: Any, split: str) -> Face:
    size = features["height"].int64_list.value[0], features["width"].int64_list.value[0]
    texts = [f.bytes_list.value[0].decode() for name, f in features.items() if name != "image" and f.bytes_list.value]
    points = [
        (feature.float_list.value[0], features[f"{name[:-2]}_y"].float_list.value[0])
        for name, feature in sorted(features.items())
        if name.endswith("_x") and feature.float_list.value
    ]
    image = np.frombuffer(features["image"].bytes_list.value[0], np.uint8).reshape(size)
    return Face(features["row"].int64_list.value[0], image, [split, *texts], points)


def _shown(face: Face) -> ShownFace:
    """With its points, and below it row number, split and class."""
    captions = [(f"row {face.row}", "black"), (" ".join(face.labels), "gray")]
    return ShownFace(face.image, {"red": face.points}, captions)
