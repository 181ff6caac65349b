"""Finds the faces in a photo, and cuts them out as the training data has them."""

from __future__ import annotations

import dataclasses
import io
import struct
import threading
import warnings
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from serving.errors import UsageError

# About the sensor of a current phone.
MAX_PIXELS = 64 * 2**20
# The models' larger input; more pixels would only be sent to be thrown away.
CROP_SIDE = 96

_FORMATS = ("JPEG", "PNG", "WEBP")
_UNREADABLE = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error)

# Pictures up to here are as Kaggle's, 48x48 and 96x96: somebody has cut out a face already.
_MAX_CROP_SIDE = 128
_NEARLY_SQUARE = 1.25

# What the cascade searches in: larger photos only take longer.
_SEARCH_SIDE = 1280
# Pixels there of the smallest face; smaller ones have no features to speak of, and the smallest take most of the time.
_MIN_FACE = 32
_SCALE_STEP = 1.1
_MIN_NEIGHBOURS = 3
# How sure the cascade's last stage must be: without a limit it found a face in 4 of 66 pictures without one (22, each
# upright, turned and shrunk), with this one in none. It costs 4 of 196 found faces of the keypoints' data and 23 of 325
# of the emotions', which look away or are half covered.
_MIN_SURENESS = 55.25
# A face that takes this part of the photo's short side fills it. Such faces are searched again with some room around
# the photo, as part of its long side: without, the cascade does not see them or draws its square too small.
_FILLING = 0.4
_ROOM = 0.25
# Of two boxes, the part of the smaller one that may lie within the other.
_MAX_OVERLAP = 0.4

# The cascade's square against the training crop, measured with the settings above on every 8th row of Kaggle's
# training.csv and every 40th of icml_face_data.csv, with _ROOM around them (found in 384 of 402 and 574 of 808 rows).
# Medians, as parts of the crop's side: the square's side is 0.953 and 0.958 (half of them within 0.06 of that), its
# centre lies at (0.492, 0.492) in the 96x96 crops and at (0.500, 0.495) in the 48x48 ones. Both data sets are cut the
# same way, so that one box serves both models.
_CROP_PER_SQUARE = 1 / 0.956
# Of the square's side.
_CENTRE_BELOW = 0.0065 / 0.956

_of_thread = threading.local()


@dataclasses.dataclass(frozen=True, order=True)
class Box:
    """Where a face's picture was cut out: whole pixels of the upright photo. It may reach over the photo's edges."""

    left: int
    top: int
    width: int
    height: int

    @property
    def area(self) -> int:
        """In pixels."""
        return self.width * self.height


class PhotoError(UsageError):
    """One photo that cannot be used; others may."""


def open_photo(file: Path | BinaryIO, name: str, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Reads a photo and turns it upright, as its EXIF data say.

    Args:
      file: a JPEG, PNG or WebP.
      name: of it, for the message.
      max_pixels: that it may have.

    Returns:
      The photo, RGB; its `format` is that of the file.

    Raises:
      PhotoError: the file is not there, is no such picture, is damaged, or too large.
    """
    try:
        with warnings.catch_warnings():
            # The check below is stricter than Pillow's warning, and knows the file's name.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            photo = Image.open(file, formats=_FORMATS)
            kind = photo.format
            if photo.width * photo.height > max_pixels:
                raise _too_large(name, max_pixels)
            upright = ImageOps.exif_transpose(photo)
            if upright.mode.startswith("I"):
                # 16 bits a pixel, which Pillow itself cuts off at 255.
                upright = Image.fromarray((np.asarray(upright) >> 8).astype(np.uint8))
            upright = upright.convert("RGB")
    except Image.DecompressionBombError:
        raise _too_large(name, max_pixels) from None
    except FileNotFoundError:
        raise PhotoError(f"{name}: no such file. Check the name.") from None
    except IsADirectoryError:
        raise PhotoError(f"{name}: a folder. Name the photos in it.") from None
    except PermissionError:
        raise PhotoError(f"{name}: may not be read. Check its permissions.") from None
    except UnidentifiedImageError:
        raise PhotoError(f"{name}: no picture. Send a JPEG, PNG or WebP file.") from None
    except _UNREADABLE as error:
        raise PhotoError(f"{name}: a damaged picture ({error}). Save it anew.") from None
    upright.format = kind
    return upright


def find_faces(photo: Image.Image) -> list[Box]:
    """Finds the faces that look into the camera.

    A picture as small as the training data's is one face, whole.

    Args:
      photo: upright.

    Returns:
      What to cut out for each face, the largest first; empty where there is none.

    Raises:
      UsageError: OpenCV is not installed.
    """
    short, long = sorted(photo.size)
    whole = Box(0, 0, *photo.size)
    if long <= _MAX_CROP_SIDE and long <= short * _NEARLY_SQUARE:
        return [whole]
    boxes = _search(photo)
    return [whole] if not boxes and long <= _MAX_CROP_SIDE else boxes


def centre_square(photo: Image.Image) -> Box:
    """The largest square in the middle of the photo."""
    side = min(photo.size)
    return Box((photo.width - side) // 2, (photo.height - side) // 2, side, side)


def crop(photo: Image.Image, box: Box) -> bytes:
    """Cuts a face out, gray as the models see it, not larger than they need it.

    Args:
      photo: upright.
      box: what to cut out; beyond the photo's edges, its outermost pixels go on.

    Returns:
      A PNG file, CROP_SIDE pixels wide and high at most.
    """
    rows = np.clip(np.arange(box.top, box.top + box.height), 0, photo.height - 1)
    columns = np.clip(np.arange(box.left, box.left + box.width), 0, photo.width - 1)
    inside = photo.crop((int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)).convert("L")
    face = Image.fromarray(np.asarray(inside)[np.ix_(rows - rows[0], columns - columns[0])])
    size = (min(box.width, CROP_SIDE), min(box.height, CROP_SIDE))
    if face.size != size:
        face = face.resize(size, Image.Resampling.BILINEAR)
    file = io.BytesIO()
    face.save(file, "PNG")
    return file.getvalue()


def to_photo(points: npt.NDArray[np.float32], box: Box) -> npt.NDArray[np.float32]:
    """Pixels of the picture from `crop` to pixels of the photo; (0, 0) is the centre of the first one in both.

    Args:
      points: float32 [n, 2], x and y.
      box: that was cut out.

    Returns:
      float32 [n, 2].
    """
    size = np.array([box.width, box.height], np.float32)
    shrunk = size / np.minimum(size, CROP_SIDE)
    first = np.array([box.left, box.top], np.float32)
    return np.asarray(first + (points + 0.5) * shrunk - 0.5, np.float32)


def _too_large(name: str, max_pixels: int) -> PhotoError:
    return PhotoError(f"{name}: more than {max_pixels >> 20} megapixels. Make it smaller.")


def _search(photo: Image.Image) -> list[Box]:
    scale = min(1.0, _SEARCH_SIDE / max(photo.size))
    size = (max(1, round(photo.width * scale)), max(1, round(photo.height * scale)))
    gray = np.asarray(photo.convert("L").resize(size, Image.Resampling.BOX))
    found = _detect(gray, _MIN_FACE)
    filling = round(min(gray.shape) * _FILLING)
    if not found or max(side for _, _, side in found) >= filling:
        found = _detect_with_room(gray, max(_MIN_FACE, filling)) + found
    boxes = [_widened(left / scale, top / scale, side / scale) for left, top, side in found]
    return sorted(_without_duplicates(boxes), key=lambda box: -box.area)


def _detect(gray: npt.NDArray[np.uint8], min_side: int) -> list[tuple[float, float, float]]:
    """(left, top, side) of the cascade's squares, the surest first."""
    found, _, weights = _cascade().detectMultiScale3(
        gray, _SCALE_STEP, _MIN_NEIGHBOURS, minSize=(min_side, min_side), outputRejectLevels=True
    )
    surest_first = sorted(zip(weights, found, strict=True), key=lambda pair: -float(pair[0]))
    return [
        (float(left), float(top), float(side))
        for sureness, (left, top, side, _) in surest_first
        if sureness >= _MIN_SURENESS
    ]


def _detect_with_room(gray: npt.NDArray[np.uint8], min_side: int) -> list[tuple[float, float, float]]:
    room = round(max(gray.shape) * _ROOM)
    found = _detect(np.pad(gray, room, mode="edge"), min_side)
    return [(left - room, top - room, side) for left, top, side in found]


def _cascade() -> Any:
    # Each thread has its own: a search changes it.
    if not hasattr(_of_thread, "cascade"):
        try:
            from cv2 import CascadeClassifier
            from cv2.data import haarcascades
        except ImportError:
            raise UsageError("Finding faces needs OpenCV. Install it: pip install 'emotion-ai[photos]'") from None
        file = Path(haarcascades, "haarcascade_frontalface_alt2.xml")
        _of_thread.cascade = CascadeClassifier(str(file))
    return _of_thread.cascade


def _widened(left: float, top: float, side: float) -> Box:
    """The training crop around the cascade's square."""
    crop_side = side * _CROP_PER_SQUARE
    centre_x, centre_y = left + side / 2, top + side * (0.5 + _CENTRE_BELOW)
    return Box(
        round(centre_x - crop_side / 2),
        round(centre_y - crop_side / 2),
        max(1, round(crop_side)),
        max(1, round(crop_side)),
    )


def _without_duplicates(boxes: list[Box]) -> list[Box]:
    """Of boxes that lie on each other only the first."""
    kept: list[Box] = []
    for box in boxes:
        if all(_overlap(box, other) <= _MAX_OVERLAP for other in kept):
            kept.append(box)
    return kept


def _overlap(one: Box, other: Box) -> float:
    """The part of the smaller box that both cover."""
    width = min(one.left + one.width, other.left + other.width) - max(one.left, other.left)
    height = min(one.top + one.height, other.top + other.height) - max(one.top, other.top)
    return max(0, width) * max(0, height) / min(one.area, other.area)
