"""What a branch learns from: rows, classes, how the pictures look, points, drift, and faces to look at."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tensorflow as tf
from markupsafe import Markup

from dashboard import blocks, distributions
from dashboard.absence import absent
from dashboard.blocks import Cell, Section
from dashboard.distributions import Series, spelt
from dashboard.face_maps import points_on_mean_face
from dashboard.faces import LOOKS, Faces, find_examples, read_faces, split_names
from dashboard.findings import drifted, read_findings
from dashboard.guard import guarded
from dashboard.palette import NEUTRAL, SPLIT_COLOURS
from dashboard.runs import Artifact, Branch
from dashboard.statistics import Statistics, read_file, read_split
from dashboard.thumbnails import marked, sample, thumbnail

_QUARANTINE_FILE, _ROW_COUNTS_FILE = "quarantine.jsonl", "row_counts.json"
_TRAINING_STATISTICS = os.path.join("assets.extra", "training_statistics.pb")
_LEFT_OUT_COLOUR, _BAD_COLOUR = NEUTRAL, "#8f1d2c"
_AXES = {
    "brightness": "mean gray value, 0 black, 1 white",
    "contrast": "spread of the gray values, 0 to 0.5",
    "sharpness": "spread of the Laplacian",
}
_INTERPOLATED = (
    "TFDV's statistics keep each feature in ten buckets of equal width and ten of equal count; between their ends the "
    "curves are interpolated."
)
_READ_BAD_ROWS, _SHOWN_BAD_ROWS = 10_000, 20
_FACES_OF_CLASS, _FACES_WITH_POINTS = 18, 24


def quarantine_anchor(branch: Branch) -> str:
    """Anchor of the rows in quarantine."""
    return f"{branch.name.lower()}-quarantine"


def drift_anchor(branch: Branch) -> str:
    """Anchor of the comparison with the served model's data."""
    return f"{branch.name.lower()}-drift"


def sections(branch: Branch) -> list[Section]:
    """All that there is to see of a branch's data."""
    examples = find_examples(branch)
    name = branch.name.lower()
    if examples is None:
        body = absent(branch, "ExampleGen")
        return [Section(f"{name}-data", f"{branch.name}: data", body)] if body else []
    splits = split_names(examples)
    statistics = _statistics(branch, splits)
    found = [
        guarded(f"{name}-data", f"{branch.name}: data", lambda: _rows(branch, examples, splits)),
        guarded(f"{name}-looks", f"{branch.name}: distributions", lambda: _looks(branch, statistics, splits)),
        guarded(drift_anchor(branch), f"{branch.name}: drift", lambda: _drift(branch, statistics.get("train"))),
        guarded(f"{name}-faces", f"{branch.name}: faces", lambda: _faces(branch, examples, splits, statistics)),
    ]
    return [section for section in found if section is not None]


def _statistics(branch: Branch, splits: Sequence[str]) -> dict[str, Statistics]:
    artifact = branch.output("ExampleStatistics")
    read = {split: read_split(artifact.uri, split) for split in splits} if artifact else {}
    return {split: statistics for split, statistics in read.items() if statistics is not None}


def read_row_counts(examples: Artifact) -> dict[str, int]:
    """How many rows went where: 'read', 'bad', 'left_out', 'left_out:CLASS', each split; {} where nobody has counted.

    Not every orchestrator keeps properties of our own; the file beside the splits says the same.
    """
    text = examples.properties.get("row_counts")
    if text:
        counts: dict[str, int] = json.loads(text)
        return counts
    path = os.path.join(examples.uri, _ROW_COUNTS_FILE)
    if not tf.io.gfile.exists(path):
        return {}
    with tf.io.gfile.GFile(path) as file:
        report: dict[str, dict[str, int]] = json.loads(file.read())
    return report["counts"]


def read_quarantine(examples: Artifact) -> list[dict[str, Any]]:
    """Rows that could not be used, by number: {file, row, column, value, reason}; the first ones in the file."""
    path = os.path.join(examples.uri, _QUARANTINE_FILE)
    if not tf.io.gfile.exists(path):
        return []
    with tf.io.gfile.GFile(path) as file:
        bad_rows = [json.loads(line) for line in itertools.islice(file, _READ_BAD_ROWS)]
    return sorted(bad_rows, key=lambda bad: int(bad["row"]))


def _rows(branch: Branch, examples: Artifact, splits: Sequence[str]) -> Markup:
    counts = read_row_counts(examples)
    if not counts:
        return blocks.notice("info", "Nobody has counted the rows of this data set.")
    bad, left_out = counts.get("bad", 0), counts.get("left_out", 0)
    parts = [(split, counts.get(split, 0), SPLIT_COLOURS.get(split, NEUTRAL)) for split in splits]
    parts += [("left out", left_out, _LEFT_OUT_COLOUR), ("quarantined", bad, _BAD_COLOUR)]
    classes = [(key.partition(":")[2], count) for key, count in sorted(counts.items()) if key.startswith("left_out:")]
    named = f" ({', '.join(f'{name} {count:,}' for name, count in classes)})" if classes else ""
    return blocks.join(
        blocks.figures(
            [
                ("Rows read", f"{counts['read']:,}"),
                *((spelt(name).capitalize(), f"{count:,}") for name, count, _ in parts[:-1]),
                ("Quarantined", Cell(f"{bad:,}", "warning" if bad else "good")),
            ]
        ),
        blocks.paragraph(f"Left out are rows of classes that are not to be learned{named}.") if left_out else None,
        distributions.stacked_rows([part for part in parts if part[1]], "Where the rows went"),
        _quarantine(branch, examples, bad),
    )


def _quarantine(branch: Branch, examples: Artifact, total: int) -> Markup | None:
    shown = read_quarantine(examples)[:_SHOWN_BAD_ROWS]
    if not shown:
        return None
    rows = [
        [str(bad["row"]), bad["column"], bad["value"] or "(empty)", bad["reason"], os.path.basename(bad["file"])]
        for bad in shown
    ]
    part = f" ({len(shown)} of {total:,})" if len(shown) < total else ""
    return blocks.join(
        blocks.heading("Rows in quarantine", quarantine_anchor(branch)),
        blocks.table(
            ["row", "column", "value", "reason", "file"],
            rows,
            f"Rows that could not be used{part}. {_QUARANTINE_FILE} of the Examples has all.",
            numbers_from=5,
        ),
    )


def _looks(branch: Branch, statistics: Mapping[str, Statistics], splits: Sequence[str]) -> Markup | None:
    if not statistics:
        return absent(branch, "StatisticsGen")
    class_name = class_feature(statistics.values())
    charts = []
    if class_name:
        counts = {split: one.values.get(class_name, {}) for split, one in statistics.items()}
        series = [(Series.of_split(split), of_split) for split, of_split in counts.items()]
        charts.append(distributions.class_mix(series, class_order(branch, counts.values()), "Class mix", class_name))
    for name in LOOKS:
        numbers = [
            (Series.of_split(split), one.numbers[name]) for split, one in statistics.items() if name in one.numbers
        ]
        if numbers:
            charts.append(distributions.overlaid(numbers, name.capitalize(), _AXES[name]))
    without = [split for split in splits if split not in statistics]
    gap = f"The statistics of {', '.join(without)} are missing or broken."
    return (
        blocks.join(
            blocks.notice("warning", gap) if without else None,
            blocks.paragraph(_INTERPOLATED),
            blocks.grid(charts),
        )
        if charts
        else None
    )


def class_feature(statistics: Iterable[Statistics]) -> str | None:
    """The feature whose values are classes: the first text of which values were counted; None where there is none."""
    return next((name for one in statistics for name in one.values), None)


def class_order(branch: Branch, counts: Iterable[Mapping[str, int]]) -> list[str]:
    """The classes as the data set lists them, so that they have the same place everywhere; then others by name."""
    there = {name for of_split in counts for name in of_split}
    node = branch.node("ExampleGen")
    csv_format = json.loads(node.parameters.get("csv_format") or "{}") if node else {}
    listed = csv_format.get("classes", [])
    return [*listed, *sorted(there.difference(listed))]


def served_statistics(branch: Branch, version: int) -> Statistics | None:
    """What a served version has learned from; None where that is not there any more."""
    node, baseline = branch.node("FindingsGen"), branch.node("BaselineModel")
    folders = [os.path.join(node.parameters.get("model_base_path", ""), str(version))] if node else []
    # An old version is removed some time; a run keeps a copy of what it was compared with.
    for artifact in baseline.outputs.get("baseline", ()) if baseline else ():
        if artifact.properties.get("version") == version:
            folders.append(os.path.join(artifact.uri, "Format-Serving"))
    read = (read_file(os.path.join(folder, _TRAINING_STATISTICS)) for folder in folders)
    return next((statistics for statistics in read if statistics), None)


def _drift(branch: Branch, train: Statistics | None) -> Markup | None:
    artifact = branch.output("emotion_ai.Findings")
    read = read_findings(artifact.uri) if artifact else None
    version = read[1].get("drift_from_version") if read else None
    if read is None or version is None or train is None:
        return None
    then = served_statistics(branch, version)
    if then is None:
        return blocks.notice("info", f"The data were compared with those of version {version}, which is gone.")
    now_series = Series("train, now", SPLIT_COLOURS["train"])
    then_series = Series(f"version {version}", NEUTRAL, "dot", filled=True)
    charts = []
    class_name = class_feature([train])
    if class_name and class_name in then.values:
        counts = [(then_series, then.values[class_name]), (now_series, train.values[class_name])]
        order = class_order(branch, [of_one for _, of_one in counts])
        charts.append(distributions.class_mix(counts, order, "Class mix", class_name))
    found = drifted(read[0])
    for name in dict.fromkeys([*LOOKS, *found]):
        if name in train.numbers and name in then.numbers:
            pair = [(then_series, then.numbers[name]), (now_series, train.numbers[name])]
            charts.append(distributions.overlaid(pair, spelt(name).capitalize(), _AXES.get(name, "pixels")))
    rows = f"{train.rows:,} rows of train beside the {then.rows:,} that version {version} has learned from"
    verdict = (
        f"Moved by more than is allowed: {', '.join(map(spelt, found))}."
        if found
        else "No feature has moved by more than is allowed."
    )
    return blocks.join(
        blocks.paragraph(f"{rows}: the last blessed model when the data were checked."),
        blocks.notice("bad" if found else "good", verdict),
        blocks.grid(charts),
    )


def _faces(
    branch: Branch, examples: Artifact, splits: Sequence[str], statistics: Mapping[str, Statistics]
) -> Markup | None:
    by_split = {split: read_faces(examples.uri, split) for split in splits}
    by_split = {split: faces for split, faces in by_split.items() if len(faces.rows)}
    if not by_split:
        return absent(branch, "ExampleGen")
    first = next(iter(by_split.values()))
    if first.classes is not None:
        return _class_galleries(branch, by_split)
    if first.points is None:
        return _gallery("Faces", by_split, _FACES_OF_CLASS)
    return blocks.join(
        _gallery("Faces with their marked points", by_split, _FACES_WITH_POINTS),
        _points(list(by_split.values()), statistics),
    )


def _class_galleries(branch: Branch, by_split: Mapping[str, Faces]) -> Markup:
    present = [{str(name): 1 for name in faces.classes} for faces in by_split.values() if faces.classes is not None]
    return blocks.join(*(_gallery(name, by_split, _FACES_OF_CLASS, name) for name in class_order(branch, present)))


def _gallery(title: str, by_split: Mapping[str, Faces], count: int, class_name: str | None = None) -> Markup:
    places, total = sample(by_split, count, class_name)
    has_points = any(place.faces.points is not None for place in places)
    return blocks.gallery(title, [thumbnail(place, marked(place)) for place in places], total, large=has_points)


def _points(splits: list[Faces], statistics: Mapping[str, Statistics]) -> Markup:
    places = points_on_mean_face(splits, "Where the points lie, over the mean face")
    missing = count_missing(statistics.values())
    rows = sum(one.rows for one in statistics.values())
    if any(missing.values()):
        return blocks.grid([places, distributions.missing_points(missing, rows, "How often points are missing")])
    complete = f"Each of the {len(missing)} points is marked in each of the {rows:,} rows."
    return blocks.join(blocks.notice("good", complete) if missing else None, places)


def count_missing(statistics: Iterable[Statistics]) -> dict[str, int]:
    """Point -> in how many rows it is missing."""
    missing: dict[str, int] = {}
    for one in statistics:
        for name, count in one.missing.items():
            if name.endswith("_x"):
                point = name.removesuffix("_x")
                missing[point] = missing.get(point, 0) + count
    return missing
