"""What is drawn, by the colours of its pixels."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageColor

from serving.client.answers import EMOTIONS, Emotion, ImageError
from serving.photos.drawing import COLOURS, FaceAnswer, draw_answers
from serving.photos.faces import Box

POINT = (34, 230, 200)


def emotion(label: str) -> Emotion:
    return Emotion(label, EMOTIONS.index(label), {name: 0.6 if name == label else 0.1 for name in EMOTIONS})


def count(picture: Image.Image, colour: str) -> int:
    return int((np.asarray(picture) == ImageColor.getrgb(colour)).all(axis=-1).sum())


@pytest.mark.parametrize(
    ("size", "drawn"),
    [((48, 48), (480, 480)), ((96, 80), (480, 400)), ((500, 20), (500, 20)), ((900, 700), (900, 700))],
)
def test_points_and_box_are_where_they_belong(size: tuple[int, int], drawn: tuple[int, int]) -> None:
    times = drawn[0] // size[0]
    points = np.array([[size[0] * part, size[1] * part] for part in (0.45, 0.65, 0.8)], np.float32).round()
    picture = draw_answers(Image.new("RGB", size, "gray"), [FaceAnswer(Box(0, 0, *size), emotion("Sad"), points)])
    assert picture.size == drawn
    for x, y in points.astype(int):
        assert picture.getpixel((int((x + 0.5) * times), int((y + 0.5) * times))) == POINT
    right_edge = picture.crop((drawn[0] - 2, drawn[1] // 3, drawn[0], drawn[1] * 2 // 3))
    assert count(right_edge, COLOURS["Sad"]) > 0.9 * right_edge.width * right_edge.height


@pytest.mark.parametrize("label", EMOTIONS)
def test_each_emotion_has_its_colour_and_legible_letters(label: str) -> None:
    box = Box(100, 100, 200, 200)
    picture = draw_answers(Image.new("RGB", (500, 500), "gray"), [FaceAnswer(box, emotion(label), None)])
    above = picture.crop((100, 60, 300, 100))
    assert count(above, COLOURS[label]) > 500
    assert count(above, "white") > 50
    assert contrast_with_white(COLOURS[label]) > 4.5


def contrast_with_white(colour: str) -> float:
    """As WCAG defines it."""
    parts = [part / 255 for part in ImageColor.getrgb(colour)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 1.05 / (np.dot(linear, (0.2126, 0.7152, 0.0722)) + 0.05)


def test_what_reaches_over_the_edges_is_drawn_within() -> None:
    face = FaceAnswer(Box(-50, -50, 700, 700), emotion("Happy"), np.full((15, 2), -100, np.float32))
    photo = Image.new("RGB", (600, 500), "gray")
    picture = draw_answers(photo, [face, FaceAnswer(Box(590, 490, 50, 50), ImageError("broken"), None)])
    assert picture.size == photo.size
    # The label stands within the photo.
    assert count(picture.crop((0, 0, 300, 100)), "white") > 50
    # What was given is left as it was.
    assert count(photo, "gray") == 600 * 500
