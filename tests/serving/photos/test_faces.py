"""Reading photos, finding faces, cutting them out."""

from __future__ import annotations

import io
import random
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps

from serving.errors import UsageError
from serving.photos import faces
from serving.photos.faces import Box, PhotoError, centre_square, crop, find_faces, open_photo, to_photo
from tests.serving.photos.pictures import ASTRONAUT, FACE, astronaut, close_up


def check_same_place(box: Box, expected: Box, tolerance: float) -> None:
    found, wanted = (
        np.array([box.left, box.top, box.width, box.height]),
        np.array([expected.left, expected.top, expected.width, expected.height]),
    )
    np.testing.assert_allclose(found, wanted, atol=tolerance)


def reopened(photo: Image.Image, kind: str = "PNG", **options: object) -> Image.Image:
    file = io.BytesIO()
    photo.save(file, kind, **options)
    file.seek(0)
    return open_photo(file, "photo")


def test_finds_the_face() -> None:
    photo = open_photo(ASTRONAUT, "astronaut.jpg")
    assert (photo.format, photo.mode) == ("JPEG", "RGB")
    [box] = find_faces(photo)
    check_same_place(box, FACE, 6)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turns_photos_upright_as_exif_says(orientation: int) -> None:
    # How the pixels lie in the file so that this orientation turns them upright.
    stored = {
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]
    upright = astronaut().crop((100, 0, 400, 260))
    exif = Image.Exif()
    exif[0x0112] = orientation
    read = reopened(upright.transpose(stored) if stored is not None else upright, exif=exif)
    assert read.size == upright.size
    assert read.tobytes() == upright.tobytes()


def test_several_faces_come_largest_first() -> None:
    photo = Image.new("RGB", (1250, 950), "gray")
    sides = {60: (40, 30), 240: (600, 300), 120: (250, 100)}
    for side, place in sides.items():
        photo.paste(astronaut().crop((100, 0, 350, 250)).resize((side * 5 // 2, side * 5 // 2)), place)
    found = find_faces(photo)
    # The face takes 101 of the 250 pixels.
    assert [box.width for box in found] == pytest.approx([242, 121, 61], rel=0.1)
    assert [box.left for box in found] == pytest.approx([600 + 175, 250 + 88, 40 + 44], abs=15)


def test_boxes_on_each_other_are_one_face() -> None:
    first, inside, beside = Box(0, 0, 100, 100), Box(20, 20, 50, 50), Box(80, 0, 100, 100)
    assert faces._without_duplicates([first, inside, beside]) == [first, beside]


@pytest.mark.parametrize("side", [48, 96, 128])
def test_a_picture_like_the_training_data_is_taken_whole(side: int) -> None:
    assert find_faces(close_up(side)) == [Box(0, 0, side, side)]
    assert find_faces(Image.new("L", (side, side - side // 8))) == [Box(0, 0, side, side - side // 8)]


def test_a_small_picture_without_a_found_face_is_taken_whole() -> None:
    assert find_faces(Image.new("RGB", (120, 60))) == [Box(0, 0, 120, 60)]


@pytest.mark.parametrize("side", [200, 400])
def test_a_face_that_fills_the_photo_is_found(side: int) -> None:
    [box] = find_faces(close_up(side))
    check_same_place(box, Box(0, 0, side, side), side * 0.1)


def test_no_face_where_there_is_none() -> None:
    assert find_faces(Image.new("RGB", (300, 300), "white")) == []
    assert find_faces(Image.new("RGB", (1, 3000))) == []
    noise = np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8)
    assert find_faces(Image.fromarray(noise)) == []


def test_a_large_photo_is_searched_in_its_own_pixels() -> None:
    [box] = find_faces(astronaut().resize((4096, 4096)))
    check_same_place(box, Box(*(8 * value for value in (FACE.left, FACE.top, FACE.width, FACE.height))), 60)


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "LA", "1", "I;16"])
def test_all_kinds_of_pixels_are_read(mode: str) -> None:
    gray = ImageOps.grayscale(astronaut())
    if mode == "I;16":
        photo = reopened(Image.fromarray(np.asarray(gray).astype(np.uint16) * 257))
        # As the pictures that have 8 bits.
        assert abs(np.asarray(photo)[..., 0].astype(int) - np.asarray(gray)).max() <= 1
    else:
        photo = reopened(astronaut().convert(mode))
    assert photo.mode == "RGB"
    if mode != "1":
        check_same_place(find_faces(photo)[0], FACE, 8)


def test_crops_are_as_large_as_the_models_need() -> None:
    photo = astronaut()
    file = Image.open(io.BytesIO(crop(photo, FACE)))
    assert (file.format, file.mode, file.size) == ("PNG", "L", (96, 96))
    small = Image.open(io.BytesIO(crop(photo, Box(10, 20, 48, 30))))
    assert small.size == (48, 30)
    assert small.tobytes() == photo.convert("L").crop((10, 20, 58, 50)).tobytes()


def test_crops_go_on_beyond_the_edges() -> None:
    photo = astronaut()
    box = Box(-20, 480, 60, 60)
    expected = np.pad(np.asarray(photo.convert("L")), 60, mode="edge")[540:600, 40:100]
    assert (np.asarray(Image.open(io.BytesIO(crop(photo, box)))) == expected).all()


@pytest.mark.parametrize("box", [Box(100, 50, 192, 192), Box(100, 50, 40, 60), Box(-7, 3, 101, 101)])
def test_points_come_back_to_where_they_were(box: Box) -> None:
    """A white spot in the photo is found in the crop, and its place there leads back to it."""
    spot_x, spot_y, radius = box.left + box.width // 3, box.top + box.height // 2, max(1, box.width // 40)
    pixels = np.zeros((300, 400), np.uint8)
    pixels[spot_y - radius : spot_y + radius + 1, spot_x - radius : spot_x + radius + 1] = 255
    small = np.asarray(Image.open(io.BytesIO(crop(Image.fromarray(pixels), box)))).astype(float)
    y, x = (np.indices(small.shape) * small).sum((1, 2)) / small.sum()
    np.testing.assert_allclose(to_photo(np.array([[x, y]], np.float32), box), [[spot_x, spot_y]], atol=0.1)


def test_centre_square() -> None:
    assert centre_square(Image.new("L", (30, 50))) == Box(0, 10, 30, 30)


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims this size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "no picture"),
        (b"some text", "no picture"),
        (b"GIF89a" + bytes(100), "no picture"),
        (ASTRONAUT.read_bytes()[:20000], "damaged picture"),
        (bomb(9000, 9000), "more than 64 megapixels"),
        (bomb(60000, 60000), "more than 64 megapixels"),
        (bomb(100, 100), "damaged picture"),
    ],
    ids=["empty", "text", "gif", "truncated", "too large", "bomb", "no pixels"],
)
def test_what_cannot_be_used_is_told(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    with pytest.raises(PhotoError, match=f"photo.jpg: .*{says}"):
        open_photo(path, str(path))


def test_missing_files_and_folders_are_told(tmp_path: Path) -> None:
    with pytest.raises(PhotoError, match="no such file"):
        open_photo(tmp_path / "none.jpg", "none.jpg")
    with pytest.raises(PhotoError, match="a folder"):
        open_photo(tmp_path, "folder")


def test_damaged_files_end_in_a_message_or_a_photo() -> None:
    numbers = random.Random(0)
    small = io.BytesIO()
    close_up(40).save(small, "PNG")
    for number in range(300):
        content = bytearray(small.getvalue() if number % 2 else ASTRONAUT.read_bytes()[:3000])
        for _ in range(numbers.randrange(1, 8)):
            content[numbers.randrange(len(content))] = numbers.randrange(256)
        try:
            assert open_photo(io.BytesIO(content), "photo").mode == "RGB"
        except PhotoError as error:
            assert str(error).startswith("photo: ")


def test_without_opencv_the_remedy_is_named() -> None:
    code = (
        "import sys; sys.modules['cv2'] = None; from PIL import Image; from serving.photos.faces import *\n"
        "assert find_faces(Image.new('L', (48, 48)))\n"
        "try: find_faces(Image.new('L', (480, 480)))\n"
        "except UsageError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    assert "pip install 'emotion-ai[photos]'" in done.stdout
    assert issubclass(PhotoError, UsageError)
