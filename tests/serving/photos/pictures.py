"""The photo, and files made of it."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from serving.photos.faces import Box

ASTRONAUT = Path(__file__).parent / "astronaut.jpg"
# Her face as a person would cut it out, in Kaggle's way.
FACE = Box(173, 64, 101, 101)


def astronaut() -> Image.Image:
    with Image.open(ASTRONAUT) as photo:
        return photo.convert("RGB")


def close_up(side: int) -> Image.Image:
    """Only her face."""
    box = (FACE.left, FACE.top, FACE.left + FACE.width, FACE.top + FACE.height)
    return astronaut().resize((side, side), Image.Resampling.BICUBIC, box)
