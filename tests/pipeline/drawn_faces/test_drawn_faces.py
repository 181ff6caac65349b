"""The drawn data sets: formats, reproducibility, ground truth, and that there is something to learn."""

import csv
import hashlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from sklearn.linear_model import LogisticRegression

from pipeline.drawn_faces import draw_emotion_faces, draw_keypoint_faces, write_kaggle_csvs
from pipeline.drawn_faces.dataset import FER2013_COUNTS, emotion_labels
from pipeline.drawn_faces.expressions import ACTION_UNITS, EMOTIONS, PROTOTYPES, sample_action_units
from pipeline.keypoints.features import POINTS

KEYPOINT_HEADER = (
    "left_eye_center_x,left_eye_center_y,right_eye_center_x,right_eye_center_y,"
    "left_eye_inner_corner_x,left_eye_inner_corner_y,left_eye_outer_corner_x,left_eye_outer_corner_y,"
    "right_eye_inner_corner_x,right_eye_inner_corner_y,right_eye_outer_corner_x,right_eye_outer_corner_y,"
    "left_eyebrow_inner_end_x,left_eyebrow_inner_end_y,left_eyebrow_outer_end_x,left_eyebrow_outer_end_y,"
    "right_eyebrow_inner_end_x,right_eyebrow_inner_end_y,right_eyebrow_outer_end_x,right_eyebrow_outer_end_y,"
    "nose_tip_x,nose_tip_y,mouth_left_corner_x,mouth_left_corner_y,mouth_right_corner_x,mouth_right_corner_y,"
    "mouth_center_top_lip_x,mouth_center_top_lip_y,mouth_center_bottom_lip_x,mouth_center_bottom_lip_y,Image"
)
GOLDEN = {
    "training.csv": "e4cb42d01837f49af3bb7afb7e65abadd026bb1d3388d4faa5a435a72c020153",
    "icml_face_data.csv": "50c8cd25a41bef1b56b05e68beb5a608e5fa92793354f82b47e422af9037e535",
}

Bytes = npt.NDArray[np.uint8]
Points = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def portraits() -> tuple[Bytes, Points]:
    return draw_keypoint_faces(300, seed=7)


@pytest.fixture(scope="module")
def emotions() -> tuple[Bytes, Bytes]:
    return draw_emotion_faces(1000, seed=7)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_kaggle_csvs(tmp_path_factory.mktemp("faces"), keypoint_rows=30, emotion_rows=40, seed=5)


def point(points: Points, name: str) -> Points:
    return points[:, POINTS.index(name)]


def test_the_same_seed_gives_the_same_bytes(files: tuple[Path, Path], tmp_path: Path) -> None:
    again = write_kaggle_csvs(tmp_path, keypoint_rows=30, emotion_rows=40, seed=5)
    assert [path.read_bytes() for path in again] == [path.read_bytes() for path in files]


def test_the_bytes_are_those_of_every_machine(files: tuple[Path, Path]) -> None:
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files} == GOLDEN


def test_another_seed_gives_other_faces() -> None:
    assert not np.array_equal(draw_keypoint_faces(3, 1)[0], draw_keypoint_faces(3, 2)[0])
    assert not np.array_equal(draw_emotion_faces(3, 1)[0], draw_emotion_faces(3, 2)[0])


def test_only_the_two_files_are_left_in_the_folder(files: tuple[Path, Path]) -> None:
    assert sorted(path.name for path in files[0].parent.iterdir()) == ["icml_face_data.csv", "training.csv"]


def test_keypoint_file_format(files: tuple[Path, Path]) -> None:
    content = files[0].read_bytes()
    assert content.endswith(b"\n")
    assert b"\r" not in content
    lines = content.decode("ascii").splitlines()
    assert lines[0] == KEYPOINT_HEADER
    assert len(lines) == 31
    images, points = draw_keypoint_faces(30, 5)
    for line, image, face in zip(lines[1:], images, points, strict=True):
        *cells, pixels = line.split(",")
        assert len(cells) == 30
        assert pixels == " ".join(map(str, image.ravel()))
        assert all(len(cell.partition(".")[2]) <= 6 for cell in cells)
        values = np.array([float(cell or "nan") for cell in cells], np.float32).reshape(15, 2)
        np.testing.assert_allclose(values, face, atol=1e-4)


def test_emotion_file_format(files: tuple[Path, Path]) -> None:
    content = files[1].read_bytes()
    assert content.endswith(b"\n")
    assert b"\r" not in content
    lines = content.decode("ascii").splitlines()
    assert lines[0] == "emotion, Usage, pixels"
    rows = list(csv.reader(lines[1:]))
    images, labels = draw_emotion_faces(40, 5)
    assert [row[0] for row in rows] == [str(label) for label in labels]
    assert [row[1] for row in rows] == ["Training"] * 32 + ["PublicTest"] * 4 + ["PrivateTest"] * 4
    assert [row[2] for row in rows] == [" ".join(map(str, image.ravel())) for image in images]


def test_missing_points_follow_kaggles_pattern(portraits: tuple[Bytes, Points]) -> None:
    missing = np.isnan(portraits[1])
    assert np.array_equal(missing[..., 0], missing[..., 1])
    count = missing[..., 0].sum(axis=1)
    assert np.mean(count == 0) == pytest.approx(0.30, abs=0.01)
    assert np.mean(count == 11) == pytest.approx(0.67, abs=0.01)
    assert set(count) <= {0, 1, 2, 3, 11}
    marked = {POINTS[index] for index in np.flatnonzero(~missing[count == 11, :, 0].any(axis=0))}
    assert marked == {"left_eye_center", "right_eye_center", "nose_tip", "mouth_center_bottom_lip"}


@pytest.mark.parametrize("rows", [1, 10, 700, 4000])
def test_labels_follow_fer2013(rows: int) -> None:
    labels = emotion_labels(rows, np.random.default_rng(0))
    shares = np.bincount(labels, minlength=7) / rows
    assert len(labels) == rows
    assert np.abs(shares - FER2013_COUNTS / FER2013_COUNTS.sum()).max() < 0.09 + 0.9 / rows
    if rows >= 600:
        assert (labels == EMOTIONS.index("Disgust")).sum() >= 60


def test_keypoints_lie_where_kaggles_do(portraits: tuple[Bytes, Points]) -> None:
    points = portraits[1]
    present = points[~np.isnan(points)]
    assert present.min() >= 0
    assert present.max() <= 96
    kaggle_means = {
        "left_eye_center": (65, 38),
        "right_eye_center": (30.5, 38.5),
        "left_eyebrow_outer_end": (78.5, 29),
        "right_eyebrow_inner_end": (37.7, 27),
        "nose_tip": (49, 59),
        "mouth_left_corner": (62, 76.4),
        "mouth_center_top_lip": (48.8, 72.3),
        "mouth_center_bottom_lip": (49, 83.5),
    }
    for name, mean in kaggle_means.items():
        np.testing.assert_allclose(np.nanmean(point(points, name), axis=0), mean, atol=2.5)
    spread = np.nanstd(points, axis=0)
    assert spread.min() > 1.5
    assert spread.max() < 5


def test_keypoints_are_in_anatomical_order(portraits: tuple[Bytes, Points]) -> None:
    points = portraits[1]
    points = points[~np.isnan(points).any(axis=(1, 2))]
    for group in (
        ["right_eye_outer_corner", "right_eye_center", "right_eye_inner_corner"],
        ["right_eye_inner_corner", "left_eye_inner_corner", "left_eye_center", "left_eye_outer_corner"],
        ["right_eyebrow_outer_end", "right_eyebrow_inner_end", "left_eyebrow_inner_end"],
        ["left_eyebrow_inner_end", "left_eyebrow_outer_end"],
        ["mouth_right_corner", "mouth_center_top_lip", "mouth_left_corner"],
    ):
        assert (np.diff([point(points, name)[:, 0] for name in group], axis=0) > 0).all(), group
    downwards = ["left_eyebrow_inner_end", "left_eye_center", "nose_tip", "mouth_center_top_lip"]
    downwards.append("mouth_center_bottom_lip")
    assert (np.diff([point(points, name)[:, 1] for name in downwards], axis=0) > 0).all()


@pytest.mark.parametrize(
    ("name", "skin_below"),
    [
        ("left_eye_center", 12),
        ("right_eye_center", 12),
        ("mouth_left_corner", -9),
        ("left_eyebrow_inner_end", 5),
    ],
)
def test_keypoints_sit_on_drawn_features(portraits: tuple[Bytes, Points], name: str, skin_below: int) -> None:
    """Around the point the image is darker than the skin some pixels off, on nearly every face."""
    images, points = portraits
    marked = np.flatnonzero(~np.isnan(point(points, name)[:, 0]))
    column, row = np.rint(point(points, name)[marked]).astype(int).T

    def brightness(down: int) -> npt.NDArray[np.float64]:
        offsets = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)]
        patch = [images[marked, np.clip(row + down + y, 0, 95), column + x] for y, x in offsets]
        mean: npt.NDArray[np.float64] = np.mean(patch, axis=0)
        return mean

    assert np.mean(brightness(0) < brightness(skin_below)) > 0.85


def test_images_are_distinct_and_not_flat(portraits: tuple[Bytes, Points], emotions: tuple[Bytes, Bytes]) -> None:
    for images, size in ((portraits[0], 96), (emotions[0], 48)):
        assert images.dtype == np.uint8
        assert images.shape[1:] == (size, size)
        assert len({image.tobytes() for image in images}) == len(images)
        assert images.std(axis=(1, 2)).min() > 8


def test_emotions_show_their_action_units() -> None:
    labels = np.repeat(np.arange(7, dtype=np.uint8), 200)
    activations = sample_action_units(labels, np.random.default_rng(0))
    for code, emotion in enumerate(EMOTIONS):
        for unit in ACTION_UNITS:
            shown = activations[unit][labels == code].mean()
            frequency, strength = PROTOTYPES[emotion].get(unit, (0.0, 0.0))
            assert shown == pytest.approx(frequency * strength * 0.7, abs=0.15)


def test_emotions_can_be_learnt_from_pixels(emotions: tuple[Bytes, Bytes]) -> None:
    images, labels = emotions
    chosen = np.isin(labels, [EMOTIONS.index(name) for name in ("Happy", "Sad", "Surprise")])
    pixels, labels = images[chosen].reshape(chosen.sum(), -1).astype(np.float32), labels[chosen]
    pixels = (pixels - pixels.mean(axis=1, keepdims=True)) / pixels.std(axis=1, keepdims=True)
    model = LogisticRegression(C=1e-2, max_iter=60).fit(pixels[::2], labels[::2])
    majority = np.bincount(labels).max() / len(labels)
    assert model.score(pixels[1::2], labels[1::2]) > majority + 0.08


def test_no_rows_are_no_error(tmp_path: Path) -> None:
    for path in write_kaggle_csvs(tmp_path, keypoint_rows=0, emotion_rows=0):
        assert path.read_text().count("\n") == 1
