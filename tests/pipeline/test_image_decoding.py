"""Files to pixels, in a graph as an exported model holds it."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from PIL import Image

from pipeline.image_decoding import MAX_PIXELS, decode_images

SIZE = 24
Decoded = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], list[bool]]
GRAY = np.random.default_rng(1).integers(0, 256, (SIZE, SIZE), np.uint8)


@pytest.fixture(scope="module")
def decode() -> Callable[[list[bytes]], Decoded]:
    graph = tf.function(lambda files: decode_images(files, SIZE), input_signature=[tf.TensorSpec([None], tf.string)])

    def call(files: list[bytes]) -> Decoded:
        images, sizes, read = graph(tf.constant(files, tf.string))
        return images.numpy(), sizes.numpy(), read.numpy().tolist()

    return call


def file_of(image: Image.Image | npt.NDArray[np.uint8], kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(buffer, kind)
    return buffer.getvalue()


def png_that_claims(width: int, height: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


GOOD = file_of(GRAY)
BAD = {
    "nothing": b"",
    "text": b"This is no image.",
    "truncated PNG": GOOD[: len(GOOD) // 2],
    "PNG without a header": GOOD[:12],
    "PNG of a wrong checksum": GOOD[:40] + bytes([GOOD[40] ^ 1]) + GOOD[41:],
    "truncated JPEG": file_of(GRAY, "JPEG")[:60],
    "GIF": file_of(GRAY, "GIF"),
    "PNG of 3.6 gigapixels": png_that_claims(60_000, 60_000),
    "PNG of one pixel too many": png_that_claims(MAX_PIXELS + 1, 1),
    "PNG of negative size": png_that_claims(2**31 + 1, 2**31 + 1),
    "PNG without pixels": png_that_claims(0, 10),
}


@pytest.mark.parametrize("count", [1, 3])
def test_an_image_of_the_right_size_comes_as_it_is(decode: Callable[[list[bytes]], Decoded], count: int) -> None:
    images, sizes, read = decode([GOOD] * count)
    np.testing.assert_array_equal(images, np.stack([GRAY] * count))
    assert sizes.tolist() == [[SIZE, SIZE]] * count
    assert read == [True] * count


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_a_bad_image_is_marked_and_its_neighbours_are_not(decode: Callable[[list[bytes]], Decoded], bad: bytes) -> None:
    images, sizes, read = decode([GOOD, bad, GOOD])
    assert read == [True, False, True]
    np.testing.assert_array_equal(images, np.stack([GRAY, 0 * GRAY, GRAY]))
    assert sizes.tolist() == [[SIZE, SIZE], [0, 0], [SIZE, SIZE]]


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_bad_images_alone_are_an_error(decode: Callable[[list[bytes]], Decoded], bad: bytes) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode([bad])
    with pytest.raises(tf.errors.InvalidArgumentError, match="No image can be read: not a PNG or JPEG image"):
        decode([bad, bad])


def test_no_images_are_no_error(decode: Callable[[list[bytes]], Decoded]) -> None:
    images, sizes, read = decode([])
    assert images.shape == (0, SIZE, SIZE)
    assert sizes.shape == (0, 2)
    assert read == []


def test_any_size_kind_and_colour(decode: Callable[[list[bytes]], Decoded]) -> None:
    ramp = np.tile(np.linspace(0, 255, 200, dtype=np.uint8), (150, 1))
    picture = Image.fromarray(ramp)
    kinds = {
        "large": picture.resize((2000, 1500)),
        "small": picture.resize((20, 15)),
        "RGB": picture.convert("RGB"),
        "RGBA": picture.convert("RGBA"),
        "palette": picture.convert("P"),
        "16 bits": Image.fromarray(ramp.astype(np.uint16) * 257),
    }
    files = [file_of(kind) for kind in kinds.values()] + [file_of(picture.convert("RGB"), "JPEG")]
    images, sizes, read = decode(files)
    assert read == [True] * len(files)
    assert sizes.tolist() == [[2000, 1500], [20, 15], *([[200, 150]] * 5)]
    expected = np.tile((np.arange(SIZE) + 0.5) * 255 / SIZE, (SIZE, 1))
    for image in images:
        np.testing.assert_allclose(image[:, 2:-2], expected[:, 2:-2], atol=4)
