"""Data of which each row is fine and the whole is not: classes that are rare, columns that are empty, drift, skew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from pipeline.drawn_faces import write_kaggle_csvs
from pipeline.keypoints.features import COORDINATES
from pipeline.tasks import EMOTION, KEYPOINTS, Task
from tests.corruption.tables import Image, Table
from tests.data_chain import Outcome, run_chain

NAMES = EMOTION.csv_format.class_codings["fer2013"]


def every_image(change: Callable[[Image], Image]) -> Callable[[Table], None]:
    def damage(table: Table) -> None:
        for row in range(1, len(table.rows) + 1):
            table.set_image(row, change(table.image(row)))

    return damage


def lighter(image: Image) -> Image:
    return np.clip(image.astype(int) + 40, 0, 255).astype(np.uint8)


def half_contrast(image: Image) -> Image:
    return (image.mean() + (image - image.mean()) / 2).astype(np.uint8)


def without(name: str) -> Callable[[Table], None]:
    def damage(table: Table) -> None:
        table.rows = [row for row in table.rows if NAMES[row[0]] != name]

    return damage


def twice_as_happy(table: Table) -> None:
    table.rows += [row for row in table.rows if NAMES[row[0]] == "Happy"]


def lighter_and_happier(table: Table) -> None:
    every_image(lighter)(table)
    twice_as_happy(table)


def never_marked(*columns: str) -> Callable[[Table], None]:
    def damage(table: Table) -> None:
        for row in range(1, len(table.rows) + 1):
            for column in columns:
                table.set(row, column, "")

    return damage


def every_point(change: Callable[[float], float]) -> Callable[[Table], None]:
    def damage(table: Table) -> None:
        for row in table.rows:
            row[:-1] = [str(np.clip(change(float(cell)), 0, 96)) if cell else "" for cell in row[:-1]]

    return damage


# Name -> what is done, and the findings that must be there.
EMOTION_DAMAGES: dict[str, tuple[Callable[[Table], None], set[str]]] = {
    "a class is missing": (without("Angry"), {"rare_class:Angry", "drift:emotion"}),
    "a rare class is missing": (without("Disgust"), {"rare_class:Disgust"}),
    "another class mix": (twice_as_happy, {"drift:emotion", "duplicates"}),
    "lighter pictures": (every_image(lighter), {"drift:brightness"}),
    "lighter pictures and another class mix": (lighter_and_happier, {"drift:brightness", "drift:emotion"}),
    "half the contrast": (every_image(half_contrast), {"drift:contrast"}),
    "less sharp": (every_image(lambda image: gaussian_filter(image, 0.7)), {"drift:sharpness"}),
}
KEYPOINT_DAMAGES: dict[str, tuple[Callable[[Table], None], set[str]]] = {
    "a point is never marked": (
        never_marked("nose_tip_x", "nose_tip_y"),
        {"schema:nose_tip_x", "schema:nose_tip_y", "layouts_unchecked"},
    ),
    "lighter pictures": (every_image(lighter), {"drift:brightness"}),
    "all points shifted": (
        every_point(lambda value: value + 12),
        {"drift:left_eye_center_x", "drift:left_eye_center_y", "drift:nose_tip_x"},
    ),
    "smaller faces": (every_point(lambda value: 48 + 0.5 * (value - 48)), {"drift:left_eye_center_x"}),
}


def damaged_outcome(
    folder: Path, table: Table, damage: Callable[[Table], None], task: Task, served: Outcome
) -> Outcome:
    damage(table)
    return run_chain(folder / "chain", table.write(folder / "a.csv"), task, served=served.statistics)


@pytest.mark.parametrize("name", EMOTION_DAMAGES)
def test_damaged_emotions(tmp_path: Path, emotions: Table, clean_emotions: Outcome, name: str) -> None:
    damage, expected = EMOTION_DAMAGES[name]
    outcome = damaged_outcome(tmp_path, emotions, damage, EMOTION, clean_emotions)
    assert expected <= outcome.findings.keys()
    assert all(f"{f}: " in outcome.stopped for f in expected if outcome.findings[f].severity == "error")


@pytest.mark.parametrize("name", KEYPOINT_DAMAGES)
def test_damaged_keypoints(tmp_path: Path, keypoints: Table, clean_keypoints: Outcome, name: str) -> None:
    damage, expected = KEYPOINT_DAMAGES[name]
    outcome = damaged_outcome(tmp_path, keypoints, damage, KEYPOINTS, clean_keypoints)
    assert expected <= outcome.findings.keys()
    assert all(f"{f}: " in outcome.stopped for f in expected if outcome.findings[f].severity == "error")


def test_the_message_says_how_far_and_from_what(tmp_path: Path, emotions: Table, clean_emotions: Outcome) -> None:
    outcome = damaged_outcome(tmp_path, emotions, lighter_and_happier, EMOTION, clean_emotions)
    brightness, mix = outcome.findings["drift:brightness"].message, outcome.findings["drift:emotion"].message
    assert brightness.startswith("Jensen-Shannon divergence 0.")
    assert "limit 0.06: mean 0.6" in brightness
    assert "in the served model's data mean 0.4" in brightness
    assert mix.startswith("largest difference of a share 0.")
    assert "Happy " in mix
    assert outcome.summary["drift_from_version"] == 1


def test_another_span_of_the_same_kind_passes(
    tmp_path: Path, clean_emotions: Outcome, clean_keypoints: Outcome
) -> None:
    keypoints, emotions = write_kaggle_csvs(tmp_path, keypoint_rows=1100, emotion_rows=900, seed=77)
    for csv, task, served in ((keypoints, KEYPOINTS, clean_keypoints), (emotions, EMOTION, clean_emotions)):
        outcome = run_chain(tmp_path / task.name, csv, task, served=served.statistics)
        assert outcome.stopped == ""
        assert not [name for name in outcome.findings if name.startswith("drift")]


def test_skew_between_the_splits(tmp_path: Path, emotions: Table) -> None:
    for row in range(1, len(emotions.rows) + 1):
        if emotions.get(row, "Usage") == "PrivateTest":
            emotions.set_image(row, lighter(emotions.image(row)))
        elif emotions.get(row, "Usage") == "PublicTest" and NAMES[emotions.get(row, "emotion")] == "Happy":
            emotions.set(row, "emotion", "0")
    outcome = run_chain(tmp_path / "chain", emotions.write(tmp_path / "a.csv"), EMOTION, split="usage")
    assert {"skew:brightness:test", "skew:emotion:eval"} <= outcome.findings.keys()
    assert {"skew:brightness:eval", "skew:emotion:test"}.isdisjoint(outcome.findings)
    assert outcome.stopped == "", "skew is a warning"


def test_all_columns_have_a_drift_limit() -> None:
    limited = {"brightness", "contrast", "sharpness", *COORDINATES}
    for task, names in ((KEYPOINTS, limited), (EMOTION, limited - set(COORDINATES))):
        text = task.schema_file.read_text()
        assert text.count("drift_comparator { jensen_shannon") == len(names)
        assert text.count("skew_comparator { jensen_shannon") == len(names)
