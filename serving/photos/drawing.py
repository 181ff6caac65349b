"""Draws the models' answers onto a photo."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from serving.client.answers import Emotion, ImageError
from serving.photos.faces import Box

# The same as on the demo page; dark enough for white text.
COLOURS = {"Angry": "#c62b2b", "Disgust": "#4d7c0f", "Sad": "#2563c9", "Happy": "#b45309", "Surprise": "#8b3fc7"}
_NO_EMOTION = "#52525b"
_POINT = "#22e6c8"
_OUTLINE = "#0b1220"

# Smaller pictures are magnified until a side has this many pixels: 48x48 have no room for letters.
_MIN_SIDE = 480
# Pixels.
_MIN_TEXT = 13
# How much finer a point is drawn first, as Pillow does not smooth circles.
_FINER = 8


@dataclasses.dataclass(frozen=True)
class FaceAnswer:
    """What is drawn of a face.

    Attributes:
      box: where it was cut out.
      emotion: of it.
      points: float32 [15, 2], x and y in pixels of the photo; None where there is no answer.
    """

    box: Box
    emotion: Emotion | ImageError
    points: npt.NDArray[np.float32] | None


def draw_answers(photo: Image.Image, faces: list[FaceAnswer]) -> Image.Image:
    """Draws box, keypoints and emotion of each face.

    Args:
      photo: upright, RGB.
      faces: in pixels of the photo.

    Returns:
      A new picture, of the photo's size or, where that is small, a whole number of times as large.
    """
    times = max(1, -(-_MIN_SIDE // max(photo.size)))
    picture = photo.resize((photo.width * times, photo.height * times), Image.Resampling.BICUBIC)
    # Far faces first, and all labels last: what is near, and what is read, is never covered.
    for face in reversed(faces):
        _draw_face(picture, face, times)
    for face in reversed(faces):
        _draw_label(picture, face, times)
    return picture


def _draw_face(picture: Image.Image, face: FaceAnswer, times: int) -> None:
    draw = ImageDraw.Draw(picture)
    left, top, right, bottom = _corners(face.box, times)
    line = max(2, round((right - left) / 100))
    # Not over the edge: a box around the whole picture is to be seen.
    inside = (max(0, left), max(0, top), min(picture.width, right) - 1, min(picture.height, bottom) - 1)
    draw.rounded_rectangle(inside, radius=3 * line, outline=_colour(face), width=line)
    if face.points is None:
        return
    radius = max(2, round((right - left) / 70))
    dot, mask = _dot(radius)
    # Pixel centres: 0 is half a pixel from the edge.
    for x, y in (face.points + 0.5) * times:
        picture.paste(dot, (round(x - dot.width / 2), round(y - dot.height / 2)), mask)


def _draw_label(picture: Image.Image, face: FaceAnswer, times: int) -> None:
    left, top, right, _ = _corners(face.box, times)
    size = max(_MIN_TEXT, min(round((right - left) / 9), round(min(picture.size) / 16)))
    font = ImageFont.load_default(size)
    text = _describe(face.emotion)
    draw = ImageDraw.Draw(picture)
    pad = max(3, size // 3)
    width, height = round(draw.textlength(text, font)) + 2 * pad, size + 2 * pad
    # Above the box; where there is no room, within its upper edge.
    y = top - height if top >= height else max(0, top)
    x = min(max(0, left), max(0, picture.width - width))
    draw.rounded_rectangle((x, y, x + width, y + height), radius=pad, fill=_colour(face))
    draw.text((x + width / 2, y + height / 2), text, "white", font, anchor="mm")


def _describe(emotion: Emotion | ImageError) -> str:
    """Such as 'Happy 93 %'."""
    if isinstance(emotion, ImageError):
        return "not read"
    return f"{emotion.label} {emotion.probabilities[emotion.label] * 100:.0f} %"


def _colour(face: FaceAnswer) -> str:
    return _NO_EMOTION if isinstance(face.emotion, ImageError) else COLOURS[face.emotion.label]


def _corners(box: Box, times: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom in the drawn picture."""
    return box.left * times, box.top * times, (box.left + box.width) * times, (box.top + box.height) * times


@functools.lru_cache
def _dot(radius: int) -> tuple[Image.Image, Image.Image]:
    """A point with a dark outline, RGB, and its mask."""
    outline = max(1, radius // 3)
    side = 2 * (radius + outline)
    fine = (side * _FINER, side * _FINER)
    colours, mask = Image.new("RGB", fine, _OUTLINE), Image.new("L", fine, 0)
    ImageDraw.Draw(mask).ellipse((0, 0, fine[0] - 1, fine[1] - 1), fill=255)
    inner = outline * _FINER
    ImageDraw.Draw(colours).ellipse((inner, inner, fine[0] - 1 - inner, fine[1] - 1 - inner), fill=_POINT)
    return colours.resize((side, side), Image.Resampling.BOX), mask.resize((side, side), Image.Resampling.BOX)
