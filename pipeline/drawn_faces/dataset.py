"""The two Kaggle CSV files, filled with drawn faces.

`training.csv` is that of "Facial Keypoints Detection", `icml_face_data.csv` that of "Challenges in
Representation Learning: Facial Expression Recognition" (FER2013).
"""

import os
import tempfile
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from pipeline.drawn_faces.anatomy import Framing, Geometry, Pose, keypoints, sample_pose, shape_faces
from pipeline.drawn_faces.appearance import Appearance, hair_texture, sample_appearance
from pipeline.drawn_faces.expressions import EMOTIONS, FloatArray, sample_action_units
from pipeline.drawn_faces.rendering import render_faces
from pipeline.keypoints.features import COORDINATES, POINTS

Bytes = npt.NDArray[np.uint8]

ALWAYS_MARKED = ("left_eye_center", "right_eye_center", "nose_tip", "mouth_center_bottom_lip")

# Kaggle's keypoint rows: all 15 points, the four of ALWAYS_MARKED alone, or all but one to three.
COMPLETE_SHARE, FOUR_POINT_SHARE = 0.30, 0.67

FER2013_COUNTS = np.array([4953, 547, 5121, 8989, 6077, 4002, 6198])
LEAST_DISGUST_ROWS = 60
LEAST_DISGUST_DIVISOR = 10  # ... but never more than this part of a small file

# Portraits of the keypoint set: mostly calm or smiling.
PORTRAIT_SHARES = np.array([0.04, 0.02, 0.03, 0.42, 0.05, 0.06, 0.38])

KEYPOINT_FRAMING = Framing(scale=1.0, scale_spread=0.04, centre_y=55.0, shift_spread=1.5, angle_spread=3.5)
EMOTION_FRAMING = Framing(scale=0.93, scale_spread=0.04, centre_y=51.5, shift_spread=2.0, angle_spread=5.0)

CHUNK = 32  # faces drawn at once, to stay in the cache; the sensor noise depends on it
Faces = TypeVar("Faces", Geometry, Appearance, Pose)


def _rows(faces: Faces, chosen: slice) -> Faces:
    return replace(faces, **{field.name: getattr(faces, field.name)[chosen] for field in fields(faces)})


def _generators(seed: int, purpose: int) -> Iterator[np.random.Generator]:
    """Independent generators: a change in how one part draws leaves the others' numbers alone."""
    for child in np.random.SeedSequence([seed, purpose]).spawn(6):
        yield np.random.Generator(np.random.PCG64(child))


def _draw(
    labels: Bytes, framing: Framing, generators: Iterator[np.random.Generator], *, halved: bool
) -> tuple[Bytes, FloatArray]:
    """Images and all 15 keypoints, of 96x96 pixels, of faces with the given FER2013 emotions."""
    faces = len(labels)
    pose = sample_pose(faces, framing, next(generators))
    geometry = shape_faces(sample_action_units(labels, next(generators)), pose, next(generators))
    look_rng, noise_rng = next(generators), next(generators)
    texture = hair_texture(look_rng)
    look = sample_appearance(faces, look_rng)
    size = 48 if halved else 96
    images = np.empty((faces, size, size), np.uint8)
    for start in range(0, faces, CHUNK):
        rows = slice(start, start + CHUNK)
        images[rows] = render_faces(
            _rows(geometry, rows), _rows(look, rows), _rows(pose, rows), texture, noise_rng, halved=halved
        )
    return images, keypoints(geometry, pose)


def draw_keypoint_faces(rows: int, seed: int) -> tuple[Bytes, FloatArray]:
    """Faces of the keypoint set.

    Returns:
        Images, uint8 (rows, 96, 96), and keypoints, float32 (rows, 15, 2): x and y in pixels in the order of
        POINTS, NaN where a point is not marked.
    """
    generators = _generators(seed, 0)
    rng = next(generators)
    labels = rng.choice(len(EMOTIONS), rows, p=PORTRAIT_SHARES).astype(np.uint8)
    images, points = _draw(labels, KEYPOINT_FRAMING, generators, halved=False)
    np.clip(points, 0.5, 95.5, out=points)

    kind = rng.permutation((np.arange(rows) + 0.5) / max(rows, 1))
    four_points = (kind >= COMPLETE_SHARE) & (kind < COMPLETE_SHARE + FOUR_POINT_SHARE)
    rarely_marked = np.array([name not in ALWAYS_MARKED for name in POINTS])
    points[np.ix_(four_points, rarely_marked)] = np.nan
    for row in np.flatnonzero(kind >= COMPLETE_SHARE + FOUR_POINT_SHARE):
        points[row, rng.choice(len(POINTS), rng.integers(1, 4), replace=False)] = np.nan
    return images, points


def emotion_labels(rows: int, rng: np.random.Generator) -> Bytes:
    """Labels in FER2013's shares, shuffled, with enough of the rare Disgust to learn from."""
    shares = FER2013_COUNTS / FER2013_COUNTS.sum()
    disgust = EMOTIONS.index("Disgust")
    least = min(LEAST_DISGUST_ROWS, rows // LEAST_DISGUST_DIVISOR)
    disgust_rows = max(round(rows * shares[disgust]), least)
    shares[disgust] = 0
    bounds = np.rint(np.cumsum(shares / shares.sum()) * (rows - disgust_rows)).astype(np.int64)
    counts = np.diff(bounds, prepend=0)
    counts[disgust] = disgust_rows
    labels: Bytes = rng.permutation(np.repeat(np.arange(len(EMOTIONS), dtype=np.uint8), counts))
    return labels


def draw_emotion_faces(rows: int, seed: int) -> tuple[Bytes, Bytes]:
    """Faces of the emotion set: images, uint8 (rows, 48, 48), and FER2013 labels, uint8 (rows,)."""
    generators = _generators(seed, 1)
    labels = emotion_labels(rows, next(generators))
    images, _ = _draw(labels, EMOTION_FRAMING, generators, halved=True)
    return images, labels


def _pixel_strings(images: Bytes) -> Iterator[str]:
    """Each image as space-separated integers."""
    texts = np.frombuffer("".join(f"{value} ".ljust(4, "\0") for value in range(256)).encode(), np.uint32)
    for start in range(0, len(images), CHUNK):
        for row in texts[images[start : start + CHUNK].reshape(-1, images[0].size)]:
            yield row.tobytes().translate(None, b"\0")[:-1].decode("ascii")


def _write_atomically(path: Path, lines: Iterator[str]) -> None:
    """Readers see the old file or the whole new one."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".tmp")
    try:
        with open(descriptor, "w", encoding="ascii", newline="\n") as file:
            file.writelines(line + "\n" for line in lines)
        os.chmod(name, 0o644)  # mkstemp's files are private
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def _keypoint_lines(rows: int, seed: int) -> Iterator[str]:
    images, points = draw_keypoint_faces(rows, seed)
    yield ",".join([*COORDINATES, "Image"])
    for cells, pixels in zip(points.reshape(rows, 2 * len(POINTS)).tolist(), _pixel_strings(images), strict=True):
        yield ",".join(["" if cell != cell else f"{cell:.4f}" for cell in cells] + [pixels])


def _emotion_lines(rows: int, seed: int) -> Iterator[str]:
    images, labels = draw_emotion_faces(rows, seed)
    usages = ["Training"] * 8 + ["PublicTest", "PrivateTest"]
    yield "emotion, Usage, pixels"
    # FER2013 lists its three parts one after another.
    for row, (label, pixels) in enumerate(zip(labels.tolist(), _pixel_strings(images), strict=True)):
        yield f"{label},{usages[row * 10 // rows]},{pixels}"


def write_kaggle_csvs(
    folder: Path, *, keypoint_rows: int = 1500, emotion_rows: int = 4000, seed: int = 2013
) -> tuple[Path, Path]:
    """Draw both data sets and write `training.csv` and `icml_face_data.csv` into an existing folder.

    The same arguments give the same bytes on every run and machine. Returns the two paths in that order.
    """
    keypoint_csv, emotion_csv = folder / "training.csv", folder / "icml_face_data.csv"
    _write_atomically(keypoint_csv, _keypoint_lines(keypoint_rows, seed))
    _write_atomically(emotion_csv, _emotion_lines(emotion_rows, seed))
    return keypoint_csv, emotion_csv
