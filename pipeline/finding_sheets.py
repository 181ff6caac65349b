"""Pictures of findings: the faces of each one's rows on a sheet, groups side by side."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from PIL import Image, ImageDraw

from components.findings import Finding

_COLUMNS, _MAX_FACES = 12, 60
_CELL, _CAPTION, _GAP = 96, 12, 4


def write_sheets(found: list[Finding], summary: dict[str, Any], folder: Path) -> list[Path]:
    """Writes `<data set>-<finding>.png` for each finding with rows that were not set aside; returns the paths."""
    shown = {finding.name: _rows_to_show(finding) for finding in found}
    faces = read_faces(summary["examples"], {row for rows in shown.values() for row in rows})
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, rows in shown.items():
        there = [row for row in rows if row in faces]
        if there:
            paths.append(folder / f"{summary['data_set']}-{name.replace(':', '-')}.png")
            draw_sheet([(row, *faces[row]) for row in there]).save(paths[-1])
    return paths


def _rows_to_show(finding: Finding) -> list[int]:
    rows = [row for group in finding.groups for row in group] or list(finding.rows)
    return rows[:_MAX_FACES]


def read_faces(examples_uri: str, rows: set[int]) -> dict[int, tuple[npt.NDArray[np.uint8], list[str]]]:
    """The images uint8 [height, width] of some rows of an Examples artifact, each with its split and class if any."""
    faces = {}
    if not rows:
        return {}
    for path in sorted(tf.io.gfile.glob(f"{examples_uri}/Split-*/*")):
        split = Path(path).parent.name.removeprefix("Split-")
        for record in tf.data.TFRecordDataset(path).as_numpy_iterator():
            feature = tf.train.Example.FromString(record).features.feature
            [row] = feature["row"].int64_list.value
            if row in rows:
                size = feature["height"].int64_list.value[0], feature["width"].int64_list.value[0]
                image = np.frombuffer(feature["image"].bytes_list.value[0], np.uint8).reshape(size)
                label = [value.decode() for value in feature["emotion"].bytes_list.value]
                faces[row] = image, [split, *label]
    return faces


def draw_sheet(faces: Iterable[tuple[int, npt.NDArray[np.uint8], list[str]]]) -> Image.Image:
    """Faces in rows of twelve, with row number, split and class below each."""
    placed = list(faces)
    pitch = _CELL + _GAP
    height = _CELL + 2 * _CAPTION + _GAP
    rows = -(-len(placed) // _COLUMNS)
    sheet = Image.new("RGB", (min(len(placed), _COLUMNS) * pitch, rows * height), "white")
    pen = ImageDraw.Draw(sheet)
    for place, (row, image, labels) in enumerate(placed):
        left, top = place % _COLUMNS * pitch, place // _COLUMNS * height
        sheet.paste(Image.fromarray(image).resize((_CELL, _CELL), Image.Resampling.BICUBIC), (left, top))
        pen.text((left, top + _CELL), f"row {row}", fill="black")
        pen.text((left, top + _CELL + _CAPTION), " ".join(labels), fill="gray")
    return sheet
