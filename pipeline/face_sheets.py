"""Pictures of many faces: in rows, with points and captions."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

_CAPTION, _GAP = 12, 4


@dataclasses.dataclass(frozen=True)
class ShownFace:
    """A face on a sheet.

    Attributes:
      image: uint8 [height, width].
      points: colour -> (x, y) in pixels of the image, from the centre of the top left one.
      captions: (text, colour) of the lines below it.
    """

    image: npt.NDArray[np.uint8]
    points: Mapping[str, Sequence[tuple[float, float]]]
    captions: Sequence[tuple[str, str]]


def draw_sheet(faces: Sequence[ShownFace], columns: int, cell: int) -> Image.Image:
    """Faces side by side, in rows; RGB.

    Args:
      faces: at least one; all with as many captions.
      columns: faces in a row.
      cell: height and width of a face on the sheet, in pixels.
    """
    pitch = cell + _GAP
    height = cell + len(faces[0].captions) * _CAPTION + _GAP
    sheet = Image.new("RGB", (min(len(faces), columns) * pitch, -(-len(faces) // columns) * height), "white")
    pen = ImageDraw.Draw(sheet)
    for place, face in enumerate(faces):
        left, top = place % columns * pitch, place // columns * height
        sheet.paste(Image.fromarray(face.image).resize((cell, cell), Image.Resampling.BICUBIC), (left, top))
        zoom, radius = cell / face.image.shape[1], max(1, cell // 64)
        for colour, points in face.points.items():
            for x, y in points:
                centre = left + (x + 0.5) * zoom, top + (y + 0.5) * zoom
                corners = [value + side for side in (-radius, radius) for value in centre]
                pen.ellipse(corners, fill=colour)
        for line, (text, colour) in enumerate(face.captions):
            pen.text((left, top + cell + line * _CAPTION), text, fill=colour)
    return sheet
