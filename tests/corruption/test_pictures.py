"""Pictures and points that are wrong: all in one file for each CSV, and each finding names its rows and no other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy.ndimage import gaussian_filter

from components.face_csv_example_gen.splitting import split_by_pixels
from pipeline.keypoints.features import COORDINATES, MIRRORED_POINTS
from pipeline.tasks import EMOTION, KEYPOINTS
from tests.corruption.tables import Image, Table
from tests.data_chain import Outcome, run_chain


def split_of(image: Image) -> str:
    return split_by_pixels(image[None])[0]


def near_copy(image: Image, same_split: bool) -> Image:
    """The picture a little lighter and sharper, in the same split or in another."""
    contrast = 1.1 * (image.astype(float) - image.mean()) + image.mean()
    copies = (np.clip(contrast + lighter, 0, 255).astype(np.uint8) for lighter in range(3, 40))
    return next(copy for copy in copies if (split_of(copy) == split_of(image)) == same_split)


def blurred(image: Image) -> Image:
    return gaussian_filter(image, image.shape[0] / 16)


def washed_out(image: Image) -> Image:
    texture = image.astype(float) - image.mean()
    return (128 + 5 * texture / texture.std()).astype(np.uint8)


def noisy_gray(level: int) -> Callable[[Image], Image]:
    """Not quite even, as black and white pictures are after JPEG; another one at each call's level."""
    noise = np.random.default_rng(level)
    return lambda image: np.clip(level + noise.integers(-2, 3, image.shape), 0, 255).astype(np.uint8)


# Done to a row's own picture: the finding that must name it.
SINGLE: dict[str, tuple[Callable[[Image], Image], str]] = {
    "black": (lambda image: np.zeros_like(image), "black_images"),
    "nearly black": (noisy_gray(4), "black_images"),
    "white": (lambda image: np.full_like(image, 255), "white_images"),
    "nearly white": (noisy_gray(250), "white_images"),
    "even gray": (lambda image: np.full_like(image, 128), "flat_images"),
    "nearly even gray": (noisy_gray(128), "flat_images"),
    "washed out": (washed_out, "low_contrast"),
    "blurred": (blurred, "blurred_images"),
}
# Done to make a second row's picture of a first one's: the finding that must name both, whether the label is another.
COPIES: dict[str, tuple[Callable[[Image], Image], str, bool]] = {
    "copy": (lambda image: image, "duplicates", False),
    "copy with another label": (lambda image: image, "conflicting_labels", True),
    "near copy": (lambda image: near_copy(image, same_split=True), "near_duplicates", False),
    "near copy in another split": (
        lambda image: near_copy(image, same_split=False),
        "near_duplicates_across_splits",
        False,
    ),
    "near copy with another label": (
        lambda image: near_copy(image, same_split=True),
        "conflicting_near_duplicates",
        True,
    ),
}


def numbers(row: list[str]) -> list[float]:
    return [float(cell) for cell in row[:-1]]


def moved(point: str, x: float, y: float) -> Callable[[Table, int], None]:
    def damage(table: Table, row: int) -> None:
        for axis, by in (("x", x), ("y", y)):
            column = f"{point}_{axis}"
            table.set(row, column, str(np.clip(float(table.get(row, column)) + by, 0, 96)))

    return damage


def changed(change: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]) -> Callable[[Table, int], None]:
    """Damage to all points, float [15, 2]."""

    def damage(table: Table, row: int) -> None:
        points = np.array(numbers(table.rows[row - 1])).reshape(15, 2)
        table.rows[row - 1][:-1] = [str(value) for value in np.asarray(change(points)).ravel()]

    return damage


def exchanged(table: Table, row: int, pairs: tuple[tuple[str, str], ...]) -> None:
    for left, right in pairs:
        for axis in "xy":
            a, b = table.get(row, f"{left}_{axis}"), table.get(row, f"{right}_{axis}")
            table.set(row, f"{left}_{axis}", b)
            table.set(row, f"{right}_{axis}", a)


LAYOUTS: dict[str, tuple[Callable[[Table, int], None], str]] = {
    "all pairs swapped": (lambda table, row: exchanged(table, row, MIRRORED_POINTS), "swapped_points"),
    "eyes swapped": (lambda table, row: exchanged(table, row, MIRRORED_POINTS[:1]), "swapped_points"),
    "mouth corners swapped": (lambda table, row: exchanged(table, row, MIRRORED_POINTS[-1:]), "swapped_points"),
    "points mirrored, not the names": (changed(lambda p: p * [-1, 1] + [96, 0]), "swapped_points"),
    "nose in the hair": (moved("nose_tip", 0, -40), "layout_outliers"),
    "eye at the chin": (moved("left_eye_center", 0, 45), "layout_outliers"),
    "mouth corner at the ear": (moved("mouth_left_corner", 30, -25), "layout_outliers"),
    "upside down": (changed(lambda p: p * [1, -1] + [0, 96]), "layout_outliers"),
    "x and y exchanged": (changed(lambda p: p[:, ::-1]), "layout_outliers"),
    "all points in one place": (changed(lambda p: np.full_like(p, 48.0)), "layout_outliers"),
    "scaled to 0..1": (changed(lambda p: p / 96), "layout_outliers"),
    "of another face": (changed(lambda p: np.roll(p, 4, axis=0)), "layout_outliers"),
    "shifted by a quarter": (changed(lambda p: np.clip(p + 24, 0, 96)), "layout_outliers"),
}

FIRST_SINGLE, FIRST_COPY, FIRST_LAYOUT = 1, 101, 301


def damage_pictures(table: Table, change_label: Callable[[Table, int], None]) -> None:
    for row, (change, _) in enumerate(SINGLE.values(), start=FIRST_SINGLE):
        table.set_image(row, change(table.image(row)))
    for number, (change, _, other_label) in enumerate(COPIES.values()):
        original, copy = FIRST_COPY + 2 * number, FIRST_COPY + 2 * number + 1
        table.rows[copy - 1] = list(table.rows[original - 1])
        table.set_image(copy, change(table.image(original)))
        if other_label:
            change_label(table, copy)


@pytest.fixture(scope="module")
def emotion_outcome(clean_csvs: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    table = Table.read(clean_csvs[1])
    table.rows = [row for row in table.rows if row[0] not in "26"]
    damage_pictures(
        table, lambda table, row: table.set(row, "emotion", "0" if table.get(row, "emotion") != "0" else "3")
    )
    folder = tmp_path_factory.mktemp("emotions")
    return run_chain(folder, table.write(folder / "damaged.csv"), EMOTION)


@pytest.fixture(scope="module")
def keypoint_outcome(clean_csvs: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    table = Table.read(clean_csvs[0])
    complete = [row for row in table.rows if "" not in row]
    rest = [row for row in table.rows if "" in row]
    table.rows = rest[: FIRST_LAYOUT - 1] + complete

    # Points of copies with another label: one that both have is five pixels away, which no layout notices.
    def change_label(table: Table, row: int) -> None:
        point = next(name[:-2] for name in COORDINATES if table.get(row, name))
        moved(point, 5, 0)(table, row)

    damage_pictures(table, change_label)
    for row, (damage, _) in enumerate(LAYOUTS.values(), start=FIRST_LAYOUT):
        damage(table, row)
    folder = tmp_path_factory.mktemp("keypoints")
    return run_chain(folder, table.write(folder / "damaged.csv"), KEYPOINTS)


def expected_rows(finding: str) -> set[int]:
    rows = {FIRST_SINGLE + i for i, (_, name) in enumerate(SINGLE.values()) if name == finding}
    for i, (_, name, _) in enumerate(COPIES.values()):
        # What contradicts itself is a copy, too.
        also = {"conflicting_labels": "duplicates", "conflicting_near_duplicates": "near_duplicates"}.get(name)
        if finding in (name, also):
            rows |= {FIRST_COPY + 2 * i, FIRST_COPY + 2 * i + 1}
    return rows


@pytest.mark.parametrize("name", SINGLE)
@pytest.mark.parametrize("data_set", ["emotion", "keypoints"])
def test_single_pictures(emotion_outcome: Outcome, keypoint_outcome: Outcome, data_set: str, name: str) -> None:
    outcome = emotion_outcome if data_set == "emotion" else keypoint_outcome
    finding = outcome.findings[SINGLE[name][1]]
    assert FIRST_SINGLE + list(SINGLE).index(name) in finding.rows
    assert set(finding.rows) == expected_rows(finding.name)


@pytest.mark.parametrize("name", COPIES)
@pytest.mark.parametrize("data_set", ["emotion", "keypoints"])
def test_copies(emotion_outcome: Outcome, keypoint_outcome: Outcome, data_set: str, name: str) -> None:
    outcome = emotion_outcome if data_set == "emotion" else keypoint_outcome
    finding = outcome.findings[COPIES[name][1]]
    first = FIRST_COPY + 2 * list(COPIES).index(name)
    assert (first, first + 1) in finding.groups
    assert set(finding.rows) == expected_rows(finding.name)


@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts(keypoint_outcome: Outcome, name: str) -> None:
    _, finding = LAYOUTS[name]
    assert FIRST_LAYOUT + list(LAYOUTS).index(name) in keypoint_outcome.findings[finding].rows


def test_no_other_layout_is_named(keypoint_outcome: Outcome) -> None:
    damaged = set(range(FIRST_LAYOUT, FIRST_LAYOUT + len(LAYOUTS)))
    named = keypoint_outcome.findings["layout_outliers"].rows + keypoint_outcome.findings["swapped_points"].rows
    assert set(named) == damaged


def test_the_worst_stop_and_are_named(emotion_outcome: Outcome, keypoint_outcome: Outcome) -> None:
    for outcome in (emotion_outcome, keypoint_outcome):
        for name in ("black_images", "white_images", "flat_images", "conflicting_labels"):
            assert f"{name}: " in outcome.stopped
        assert "blurred_images" not in outcome.stopped
        assert list(Path(outcome.passed.uri).iterdir()) == []
        assert outcome.summary["stops"]


def test_clean_data_pass_whole(clean_emotions: Outcome, clean_keypoints: Outcome) -> None:
    for outcome in (clean_emotions, clean_keypoints):
        assert outcome.stopped == ""
        assert {f.name for f in outcome.findings.values() if f.severity != "warning"} == set()
        sizes = [
            {path.relative_to(folder): path.stat().st_size for path in Path(folder).rglob("*") if path.is_file()}
            for folder in (outcome.examples.uri, outcome.passed.uri)
        ]
        assert sizes[0] == sizes[1]


def test_copies_across_splits_by_usage(tmp_path: Path, emotions: Table) -> None:
    emotions.rows = [row for row in emotions.rows if row[0] not in "26"]
    emotions.rows[10] = list(emotions.rows[9])
    emotions.set(10, "Usage", "Training")
    emotions.set(11, "Usage", "PrivateTest")
    outcome = run_chain(tmp_path / "chain", emotions.write(tmp_path / "a.csv"), EMOTION, split="usage")
    finding = outcome.findings["duplicates_across_splits"]
    assert (finding.groups, finding.by_split) == (((10, 11),), {"train": 1, "test": 1})
    assert finding.stops


def test_the_same_picture_everywhere(tmp_path: Path, emotions: Table) -> None:
    """A stuck camera: as many copies as rows must not take a time that grows with their square."""
    emotions.rows = [row for row in emotions.rows if row[0] not in "26"]
    for row in range(1, len(emotions.rows) + 1):
        if row > 60:
            emotions.set_image(row, emotions.image(60))
    outcome = run_chain(tmp_path / "chain", emotions.write(tmp_path / "a.csv"), EMOTION)
    assert outcome.findings["duplicates"].count == len(emotions.rows) - 59
    assert outcome.findings["conflicting_labels"].stops
