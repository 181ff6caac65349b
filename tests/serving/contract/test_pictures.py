"""Image files as users have them: the same picture gets the same answer, whatever the file is like."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from tests.serving.contract.clients import EMOTION, KEYPOINTS, MODELS, NUMBERS, SAME, SIZES, Rest
from tests.serving.pictures import Gray, b64, encoded, picture


def gray_png(pixels: Gray) -> bytes:
    return encoded(pixels)


def rgb_png(pixels: Gray) -> bytes:
    return encoded(Image.fromarray(pixels).convert("RGB"))


def rgba_png(pixels: Gray) -> bytes:
    return encoded(Image.fromarray(pixels).convert("RGBA"))


def sixteen_bit_png(pixels: Gray) -> bytes:
    return encoded(pixels.astype(np.uint16) * 257)


def palette_png(pixels: Gray) -> bytes:
    return encoded(Image.fromarray(pixels).convert("P"))


FILES: list[Callable[[Gray], bytes]] = [gray_png, rgb_png, rgba_png, sixteen_bit_png, palette_png]


def from_tensor(rest: Rest, model: str, pixels: Gray) -> np.ndarray:
    [row] = rest.rows(model, [pixels.tolist()], signature="serving_tensor_uint8")
    return np.array(row[NUMBERS[model]])


def from_file(rest: Rest, model: str, file: bytes) -> np.ndarray:
    [row] = rest.rows(model, [b64(file)])
    assert row["error"] == ""
    return np.array(row[NUMBERS[model]])


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("file", FILES)
def test_png(rest: Rest, model: str, file: Callable[[Gray], bytes]) -> None:
    pixels = picture(SIZES[model], 1)
    np.testing.assert_allclose(
        from_file(rest, model, file(pixels)), from_tensor(rest, model, pixels), rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_jpeg(rest: Rest, model: str, mode: str) -> None:
    size = SIZES[model]
    flat = np.full((size, size), 128, np.uint8)
    answer = from_file(rest, model, encoded(Image.fromarray(flat).convert(mode), "JPEG"))
    np.testing.assert_allclose(answer, from_tensor(rest, model, flat), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("model", MODELS)
def test_a_flat_picture_of_any_size(rest: Rest, model: str) -> None:
    expected = from_tensor(rest, model, np.full((SIZES[model],) * 2, 77, np.uint8))
    rows = rest.rows(model, [b64(encoded(np.full(shape, 77, np.uint8))) for shape in ((1, 1), (7, 300), (500, 40))])
    name = "probabilities" if model == EMOTION else "keypoints_96x96"
    for row in rows:
        np.testing.assert_allclose(row[name], expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("shape", [(200, 300), (1000, 700), (31, 97), (96, 96)])
def test_keypoints_are_in_pixels_of_the_photo(rest: Rest, shape: tuple[int, int]) -> None:
    height, width = shape
    [row] = rest.rows(KEYPOINTS, [b64(encoded(picture(height, 3, width)))])
    # Both count from the centre of the first pixel.
    expected = (np.array(row["keypoints_96x96"]) + 0.5) * [width / 96, height / 96] - 0.5
    np.testing.assert_allclose(row["keypoints"], expected, rtol=1e-4, atol=1e-3)


def test_photos_of_different_sizes_in_one_request(rest: Rest) -> None:
    files = [b64(encoded(picture(height, 3, width))) for height, width in ((120, 90), (96, 96), (300, 400))]
    alone = [rest.rows(KEYPOINTS, [file])[0]["keypoints"] for file in files]
    together = [row["keypoints"] for row in rest.rows(KEYPOINTS, files)]
    np.testing.assert_allclose(together, alone, rtol=SAME["rtol"], atol=1e-3)
