"""A picture of what the drawn data sets hold: `python -m pipeline.drawn_faces.contact_sheet OUT.png`."""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from pipeline.drawn_faces.dataset import draw_emotion_faces, draw_keypoint_faces
from pipeline.drawn_faces.expressions import EMOTIONS

SEED = 2013
COLUMNS = 10
CELL = 96
GAP = 4
LABEL_WIDTH = 76
KEYPOINT_ROWS = 3
KEYPOINT_ZOOM = 2


def contact_sheet() -> Image.Image:
    """Rows of each emotion at twice their size, then keypoint faces at twice theirs with their points."""
    images, labels = draw_emotion_faces(1000, SEED)
    portraits, points = draw_keypoint_faces(120, SEED)
    complete = np.flatnonzero(~np.isnan(points).any(axis=(1, 2)))
    pitch, big = CELL + GAP, CELL * KEYPOINT_ZOOM
    across = COLUMNS * pitch // (big + GAP)
    top = len(EMOTIONS) * pitch
    sheet = Image.new("RGB", (LABEL_WIDTH + COLUMNS * pitch, top + KEYPOINT_ROWS * (big + GAP)), "white")
    pen = ImageDraw.Draw(sheet)
    for row, emotion in enumerate(EMOTIONS):
        pen.text((6, row * pitch + CELL // 2 - 6), emotion, fill="black")
        for column, index in enumerate(np.flatnonzero(labels == row)[:COLUMNS]):
            face = Image.fromarray(images[index]).resize((CELL, CELL), Image.Resampling.BICUBIC)
            sheet.paste(face, (LABEL_WIDTH + column * pitch, row * pitch))
    pen.text((6, top + big // 2 - 6), "Keypoints", fill="black")
    for place, index in enumerate(complete[: KEYPOINT_ROWS * across]):
        left, upper = LABEL_WIDTH + place % across * (big + GAP), top + place // across * (big + GAP)
        sheet.paste(Image.fromarray(portraits[index]).resize((big, big), Image.Resampling.BICUBIC), (left, upper))
        # The middle row stays bare, to be looked at.
        if place // across == 1:
            continue
        for x, y in (points[index] + 0.5) * KEYPOINT_ZOOM:
            pen.ellipse((left + x - 2, upper + y - 2, left + x + 2, upper + y + 2), outline="red")
    return sheet


if __name__ == "__main__":
    contact_sheet().save(Path(sys.argv[1]))
