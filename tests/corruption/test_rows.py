"""Damage to single rows: each goes to quarantine with its number, column and reason; all others are used.

All damages of a CSV stand in one file, each in a row of its own: damaging one row must not touch the next.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.keypoints.features import COORDINATES
from pipeline.tasks import EMOTION, KEYPOINTS, Task
from tests.corruption.tables import Table
from tests.data_chain import Outcome, run_chain

# What is done to the cells of a row, and the (column, value, reason) that must be said of it.
Damage = tuple[Callable[[dict[str, str]], Any], str, str, str]


def pixels(image_column: str, size: int) -> dict[str, Damage]:
    """Damages to the image, the same for both CSVs."""

    def change(edit: Callable[[list[str]], list[str]]) -> Callable[[dict[str, str]], Any]:
        return lambda row: row.update({image_column: " ".join(edit(row[image_column].split()))})

    def damage(edit: Callable[[list[str]], list[str]], value: str, reason: str) -> Damage:
        return change(edit), image_column, value, reason

    def third(value: str) -> Callable[[list[str]], list[str]]:
        return lambda p: [*p[:2], value, *p[3:]]

    no_number = "pixel 3 is not a whole number in 0..255"
    count = size**2
    return {
        "a pixel too few": damage(lambda p: p[:-1], "", f"{count - 1} pixels, expected {count} ({size}x{size})"),
        "a pixel too many": damage(lambda p: [*p, "0"], "", f"{count + 1} pixels, expected {count} ({size}x{size})"),
        "half an image": damage(lambda p: p[: count // 2], "", f"{count // 2} pixels, expected {count}"),
        "no pixels": damage(lambda p: [], "", f"0 pixels, expected {count}"),
        "image of another size": damage(lambda p: p[:100], "", f"100 pixels, expected {count}"),
        "pixel above 255": damage(third("256"), "256", no_number),
        "pixel far above 255": damage(third("99999999999999999999"), "99999999999999999999", no_number),
        "pixel below 0": damage(third("-1"), "-1", no_number),
        "pixel with a fraction": damage(third("4.5"), "4.5", no_number),
        "pixel with an exponent": damage(third("1e2"), "1e2", no_number),
        "pixel in hexadecimal": damage(third("0x10"), "0x10", no_number),
        "pixel is nan": damage(third("nan"), "nan", no_number),
        "pixel is a word": damage(third("gray"), "gray", no_number),
        "pixel with a sign": damage(third("+7"), "+7", no_number),
        "pixels between tabs": damage(lambda p: ["\t".join(p)], "", "pixel 1 is not a whole number"),
        "two spaces between pixels": damage(third(""), "", no_number),
        "not UTF-8": damage(third("\udcff"), "\ufffd", no_number),
        "a zero byte": damage(third("\0"), "\0", no_number),
        "scaled to 0..1": damage(lambda p: [f"{int(v) / 255:.4f}" for v in p], "0.", "pixel 1 is not a whole number"),
    }


EMOTION_DAMAGES: dict[str, Damage] = {
    **pixels("pixels", 48),
    "label out of range": (lambda row: row.update(emotion="7"), "emotion", "7", "expected one of 0, 1, 2"),
    "label below 0": (lambda row: row.update(emotion="-1"), "emotion", "-1", "expected one of 0, 1, 2"),
    "label missing": (lambda row: row.update(emotion=""), "emotion", "", "expected one of 0, 1, 2"),
    "label with a fraction": (lambda row: row.update(emotion="3.0"), "emotion", "3.0", "expected one of 0, 1, 2"),
    "label is a name": (lambda row: row.update(emotion="Happy"), "emotion", "Happy", "expected one of 0, 1, 2"),
    "label is nan": (lambda row: row.update(emotion="nan"), "emotion", "nan", "expected one of 0, 1, 2"),
    "columns exchanged": (
        lambda row: row.update(emotion=row["Usage"], Usage=row["emotion"]),
        "emotion",
        "Training",
        "expected one of",
    ),
    "header repeated": (
        lambda row: row.update(emotion="emotion", Usage="Usage", pixels="pixels"),
        "emotion",
        "emotion",
        "repeats the header; were two files joined?",
    ),
}


def _point(column: str, value: str, reason: str) -> Damage:
    return lambda row: row.update({column: value}), column, value[:20], reason


def _no_points(row: dict[str, str]) -> None:
    row.update(dict.fromkeys(COORDINATES, ""))


def _doubled(row: dict[str, str]) -> None:
    row.update({name: str(2 * float(row[name])) for name in COORDINATES if row[name]})


KEYPOINT_DAMAGES: dict[str, Damage] = {
    **pixels("Image", 96),
    "x without y": _point("left_eye_center_y", "", "empty, but left_eye_center_x is not: half a point"),
    "y without x": _point("nose_tip_x", "", "empty, but nose_tip_y is not: half a point"),
    "no point at all": (_no_points, "left_eye_center_x", "", "no point is marked in this row"),
    "point right of the image": _point("nose_tip_x", "96.5", "outside the image, 0..96"),
    "point left of the image": _point("nose_tip_x", "-0.1", "outside the image, 0..96"),
    "point below the image": _point("nose_tip_y", "300", "outside the image, 0..96"),
    "point above the image": _point("nose_tip_y", "-7", "outside the image, 0..96"),
    "marked at twice the size": (_doubled, "left_eye_center_x", "", "outside the image, 0..96"),
    "point is a word": _point("nose_tip_x", "left", "not a number"),
    "point is nan": _point("nose_tip_x", "nan", "not a number"),
    "point is infinite": _point("nose_tip_x", "inf", "not a number"),
    "point is too large a number": _point("nose_tip_x", "1e400", "not a number"),
    "point with a unit": _point("nose_tip_x", "40px", "not a number"),
    "two numbers in a cell": _point("nose_tip_x", "40 41", "not a number"),
    "point not UTF-8": (
        lambda row: row.update(nose_tip_x="\udcff"),
        "nose_tip_x",
        "\ufffd",
        "not a number",
    ),
    "header repeated": (
        lambda row: row.update({name: name for name in row}),
        "left_eye_center_x",
        "left_eye_center_x",
        "repeats the header; were two files joined?",
    ),
}

ROWS_APART = 5


def damaged(table: Table, damages: dict[str, Damage], folder: Path, task: Task, **options: Any) -> Outcome:
    """Damages rows 5, 10, 15 ... and runs the chain."""
    for number, (damage, *_) in enumerate(damages.values(), start=1):
        row = number * ROWS_APART
        cells = dict(zip(table.header, table.rows[row - 1], strict=True))
        damage(cells)
        table.rows[row - 1] = list(cells.values())
    return run_chain(folder, table.write(folder / "damaged.csv"), task, max_bad_rows=1.0, **options)


@pytest.fixture(scope="module")
def emotion_outcome(clean_csvs: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    table = Table.read(clean_csvs[1])
    for row in table.rows:
        row[:2] = ["3" if row[0] in "26" else row[0], "Training"]
    return damaged(table, EMOTION_DAMAGES, tmp_path_factory.mktemp("emotions"), EMOTION)


@pytest.fixture(scope="module")
def keypoint_outcome(clean_csvs: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    table = Table.read(clean_csvs[0])
    # Complete rows, so that there is something to damage.
    table.rows = [row for row in table.rows if "" not in row] * 2
    return damaged(table, KEYPOINT_DAMAGES, tmp_path_factory.mktemp("keypoints"), KEYPOINTS)


def check(outcome: Outcome, damages: dict[str, Damage], name: str) -> None:
    row = (list(damages).index(name) + 1) * ROWS_APART
    _, column, value, reason = damages[name]
    [line] = [line for line in outcome.quarantine() if line["row"] == row]
    assert line["column"] == column
    assert line["value"].startswith(value)
    assert line["reason"].startswith(reason)
    assert line["file"].endswith("damaged.csv")
    assert row in outcome.findings["bad_rows"].rows


@pytest.mark.parametrize("name", EMOTION_DAMAGES)
def test_damaged_emotions(emotion_outcome: Outcome, name: str) -> None:
    check(emotion_outcome, EMOTION_DAMAGES, name)


@pytest.mark.parametrize("name", KEYPOINT_DAMAGES)
def test_damaged_keypoints(keypoint_outcome: Outcome, name: str) -> None:
    check(keypoint_outcome, KEYPOINT_DAMAGES, name)


def test_all_other_rows_are_used(emotion_outcome: Outcome, keypoint_outcome: Outcome) -> None:
    for outcome, damages in ((emotion_outcome, EMOTION_DAMAGES), (keypoint_outcome, KEYPOINT_DAMAGES)):
        finding = outcome.findings["bad_rows"]
        assert finding.count == len(finding.rows) == len(outcome.quarantine()) == len(damages)
        assert finding.severity == "warning"


def test_the_first_row_beyond_the_limit_stops(tmp_path: Path, emotions: Table) -> None:
    # 900 rows and a limit of 0.1 %: not one may be bad; at 0.2 % one may.
    emotions.set(700, "emotion", "9")
    path = emotions.write(tmp_path / "damaged.csv")
    outcome = run_chain(tmp_path / "strict", path, EMOTION)
    assert outcome.findings["too_many_bad_rows"].rows == (700,)
    assert (
        "too_many_bad_rows: 1 of 900 rows could not be used (0.11 %, limit 0.1 %), the first: row 700"
        in outcome.stopped
    )
    lenient = run_chain(tmp_path / "lenient", path, EMOTION, max_bad_rows=0.002)
    assert lenient.stopped == ""
    assert lenient.findings["bad_rows"].rows == (700,)


def test_unknown_usage_is_a_bad_row_only_where_it_decides(tmp_path: Path, emotions: Table) -> None:
    emotions.set(700, "Usage", "Validation")
    emotions.set(700, "emotion", "3")
    path = emotions.write(tmp_path / "damaged.csv")
    assert "bad_rows" not in run_chain(tmp_path / "hash", path, EMOTION, max_bad_rows=1).findings
    outcome = run_chain(tmp_path / "usage", path, EMOTION, max_bad_rows=1, split="usage")
    [line] = outcome.quarantine()
    assert (line["row"], line["column"], line["value"]) == (700, "Usage", "Validation")
