"""Pictures to send: made here, from a seed, each unlike the others."""

from __future__ import annotations

import base64
import io

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from PIL import Image, ImageDraw

Gray = npt.NDArray[np.uint8]


def picture(size: int, seed: int, width: int | None = None) -> Gray:
    """Blobs on a slope of gray: uint8 [size, width or size]."""
    random = np.random.default_rng(seed)
    columns = width or size
    x, y = np.meshgrid(np.linspace(-1, 1, columns), np.linspace(-1, 1, size))
    slope, offset = random.uniform(-70, 70, 2), random.uniform(80, 170)
    image = Image.fromarray(np.clip(offset + slope[0] * x + slope[1] * y, 0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(6):
        left, top = random.uniform(0, 0.8, 2) * (columns, size)
        right, bottom = (left, top) + random.uniform(0.1, 0.5, 2) * (columns, size)
        draw.ellipse((left, top, right, bottom), fill=int(random.integers(256)))
    return np.asarray(image)


def encoded(pixels: npt.NDArray[np.generic] | Image.Image, file_format: str = "PNG") -> bytes:
    """The picture as a file; 16-bit gray where the pixels are uint16."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    file = io.BytesIO()
    image.save(file, file_format, **({"quality": 95} if file_format == "JPEG" else {}))
    return file.getvalue()


def b64(data: bytes) -> dict[str, str]:
    """Bytes as TensorFlow Serving's JSON has them."""
    return {"b64": base64.b64encode(data).decode()}


def example(pixels: Gray) -> bytes:
    """A serialized tf.Example as FaceCsvExampleGen writes it."""
    result = tf.train.Example()
    features = result.features.feature
    features["image"].bytes_list.value.append(pixels.tobytes())
    for name, length in zip(("height", "width"), pixels.shape, strict=True):
        features[name].int64_list.value.append(length)
    return result.SerializeToString()
