"""What is wrong with a branch's data: what stops it, what somebody has accepted, and the faces that it is about."""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from markupsafe import Markup
from tensorflow_metadata.proto.v0 import anomalies_pb2

from dashboard import blocks, waivers
from dashboard.absence import absent
from dashboard.blocks import Cell, Kind, Section, Thumbnail
from dashboard.distributions import spelt
from dashboard.faces import Faces, find_examples, read_faces, split_names
from dashboard.findings import Finding, drifted, read_findings, stops
from dashboard.paths import without_folders
from dashboard.runs import Artifact, Branch
from dashboard.sections.data import drift_anchor, quarantine_anchor
from dashboard.thumbnails import Place, find, sided, thumbnail

_ANOMALIES_FILE = "SchemaDiff.pb"
_KINDS: dict[str, Kind] = {"error": "bad", "warning": "warning", "info": "info"}
# Of these the rows were never read, so that there is nothing to show.
_BAD_ROWS = ("bad_rows", "too_many_bad_rows")
# What is wrong lies in the labels: where there are points, they are drawn.
_ABOUT_LABELS = ("swapped_points", "layout_outliers", "conflicting_labels", "conflicting_near_duplicates")
_MOST_FACES, _NAMED_ROWS = 24, 12
_SEED = 0


def sections(branch: Branch, *, beside_data: bool = True) -> list[Section]:
    """What was found in the branch's data, worst first.

    Args:
      branch: it.
      beside_data: whether the sections on its data are on the same page, to be linked to.
    """
    artifact = branch.output("emotion_ai.Findings")
    read = read_findings(artifact.uri) if artifact else None
    if read is None:
        parts = [absent(branch, "FindingsGen"), _anomalies(branch, [])]
    else:
        found, summary = read
        accepted = json.loads(_parameter(branch, "waivers") or "[]")
        parts = [
            _overview(found, summary),
            _table(branch, found),
            _others(found),
            _waivers(branch, accepted, found, datetime.date.today()),
            *_details(branch, found, summary, beside_data),
            _anomalies(branch, found),
        ]
    body = blocks.join(*parts)
    return [Section(f"{branch.name.lower()}-findings", f"{branch.name}: findings", body)] if body else []


def _parameter(branch: Branch, name: str) -> str:
    node = branch.node("FindingsGen")
    return str(node.parameters.get(name, "")) if node else ""


def _anchor(branch: Branch, number: int) -> str:
    return f"{branch.name.lower()}-finding-{number}"


def _title(finding: Finding) -> str:
    """'drift:brightness' is 'Drift: brightness'."""
    words = spelt(finding["name"])
    return words[:1].upper() + words[1:]


def _state(finding: Finding) -> Cell:
    if stops(finding):
        return Cell("stops the branch", "bad")
    if finding["waived"]:
        return Cell("accepted", "good")
    kind = _KINDS[finding["severity"]]
    return Cell("note" if kind == "info" else finding["severity"], kind)


def _overview(found: Sequence[Finding], summary: Mapping[str, Any]) -> Markup:
    stopping = sum(map(stops, found))
    if stopping:
        many = f"{stopping} findings stop" if stopping > 1 else "1 finding stops"
        text = f"{many} the branch: it learns nothing until the data are corrected, or somebody accepts what may stay."
        said = blocks.notice("bad", text)
    elif found:
        said = blocks.notice("good", "Nothing here stops the branch.")
    else:
        said = blocks.notice("good", "Nothing was found: all checks of the data have passed.")
    figures = [
        ("Stop", _figure(stopping, "bad")),
        ("Warnings", _figure(summary["warning"], "warning")),
        ("Notes", _figure(summary["info"], "info")),
        ("Accepted", _figure(summary["waived"], "good")),
    ]
    return blocks.join(said, blocks.figures(figures) if found else None)


def _figure(count: int, kind: Kind) -> Cell:
    return Cell(str(count), kind if count else None)


def _has_own_part(finding: Finding) -> bool:
    """Whether a finding is shown by itself: what stops, and what has rows. The rest needs but a line."""
    return stops(finding) or bool(finding["rows"])


def _table(branch: Branch, found: Sequence[Finding]) -> Markup | None:
    examples = find_examples(branch)
    splits = split_names(examples) if examples else []
    rows: list[list[str | Cell]] = [
        [
            Cell(_title(finding), href=f"#{_anchor(branch, number)}"),
            _state(finding),
            _count(finding["count"]),
            *(_count(finding["by_split"].get(split, 0)) for split in splits),
        ]
        for number, finding in enumerate(found)
        if _has_own_part(finding)
    ]
    if not rows:
        return None
    return blocks.table(["finding", "", "rows", *splits], rows, "What was found, worst first", numbers_from=2)


def _others(found: Iterable[Finding]) -> Markup | None:
    rows: list[list[str | Cell]] = [
        [_title(finding), _state(finding), finding["message"], finding["waived"] or finding["remedy"]]
        for finding in found
        if not _has_own_part(finding)
    ]
    if not rows:
        return None
    head = ["finding", "", "what", "what to do, or who accepts it"]
    summary = f"{len(rows)} more, about no rows in particular"
    return blocks.details(summary, blocks.table(head, rows, numbers_from=len(head)))


def _count(count: int) -> str:
    return f"{count:,}" if count else "–"


def _waivers(
    branch: Branch, accepted: Sequence[Mapping[str, Any]], found: Sequence[Finding], today: datetime.date
) -> Markup | None:
    if not accepted:
        return None
    numbers = {finding["name"]: number for number, finding in enumerate(found)}
    rows: list[list[str | Cell]] = []
    for waiver in accepted:
        number = numbers.get(waiver["finding"])
        finding = None if number is None else found[number]
        has_link = finding is not None and _has_own_part(finding)
        rows.append(
            [
                Cell(_title({"name": waiver["finding"]}), href=f"#{_anchor(branch, number or 0)}" if has_link else ""),
                waivers.status(waiver, finding, today),
                waiver["who"],
                waiver["why"],
                waiver["until"],
                "any" if waiver["at_most"] is None else f"{waiver['at_most']:,}",
            ]
        )
    head = ["accepted finding", "what it does", "who", "why", "until", "rows at most"]
    return blocks.join(blocks.heading("Waivers"), blocks.table(head, rows, numbers_from=4))


def _details(branch: Branch, found: Sequence[Finding], summary: Mapping[str, Any], beside_data: bool) -> list[Markup]:
    """Each finding with its faces."""
    examples = find_examples(branch)
    by_split: dict[str, Faces] = {}
    if examples and any(finding["rows"] and finding["name"] not in _BAD_ROWS for finding in found):
        by_split = {split: read_faces(examples.uri, split) for split in split_names(examples)}
    parts = []
    for number, finding in enumerate(found):
        if not _has_own_part(finding):
            continue
        facts = [("Found", Cell(finding["message"])), ("What to do", Cell(finding["remedy"] or "–"))]
        if stops(finding):
            facts.append(("Name for a waiver", Cell(f"{summary['data_set']}/{finding['name']}")))
        if finding["rows"]:
            facts.append(("Rows", Cell(_named_rows(finding))))
        if finding["waived"]:
            facts.append(("Accepted by", Cell(finding["waived"], "good")))
        shown = _in_data(branch, finding)
        if shown:
            facts.append(("See", shown if beside_data else Cell(shown.text, note="on the page of the data")))
        state = _state(finding)
        heading = blocks.heading(Cell(f"{_title(finding)}: {state.text}", state.kind), _anchor(branch, number))
        parts.append(blocks.join(heading, blocks.facts(facts), _pictures(finding, by_split)))
    return parts


def _named_rows(finding: Finding) -> str:
    first = ", ".join(str(row) for row in finding["rows"][:_NAMED_ROWS])
    return f"{first}, … ({finding['count']:,} in all)" if finding["count"] > _NAMED_ROWS else first


def _in_data(branch: Branch, finding: Finding) -> Cell | None:
    """A link to what the sections on the data show of a finding; None where they show nothing of it."""
    if finding["name"] in _BAD_ROWS:
        return Cell("the rows in quarantine, with reasons", href=f"#{quarantine_anchor(branch)}")
    if drifted([finding]):
        return Cell("the data beside those of the served model", href=f"#{drift_anchor(branch)}")
    return None


def _pictures(finding: Finding, by_split: Mapping[str, Faces]) -> Markup | None:
    """The faces that a finding is about, _MOST_FACES at most; None where there are none to see."""
    groups = pick_groups(finding["groups"])
    rows = [row for group in groups for row in group] or pick_rows(finding["rows"])
    places = find(by_split, rows)
    if not places:
        return None
    about_labels = finding["name"] in _ABOUT_LABELS
    with_points = about_labels and any(place.faces.points is not None for place in places.values())
    draw = _with_points if with_points else thumbnail
    title = "Its faces"
    if with_points:
        title += "; blue: the person's left, amber: right, green: the middle"
    if groups:
        return blocks.grouped_gallery(title, _drawn(groups, places, draw), finding["count"], large=with_points)
    [thumbnails] = _drawn([rows], places, draw)
    return blocks.gallery(title, thumbnails, finding["count"], large=with_points)


def _with_points(place: Place) -> Thumbnail:
    return thumbnail(place, sided(place))


def _drawn(
    groups: Iterable[Sequence[int]], places: Mapping[int, Place], draw: Callable[[Place], Thumbnail]
) -> list[list[Thumbnail]]:
    return [[draw(places[row]) for row in group if row in places] for group in groups]


def pick_groups(groups: Iterable[Sequence[int]]) -> list[list[int]]:
    """The first groups, whole as far as _MOST_FACES go; of one that is larger, its first rows."""
    picked: list[list[int]] = []
    left = _MOST_FACES
    for group in groups:
        if len(group) > left and picked:
            break
        picked.append(list(group[:left]))
        left -= len(picked[-1])
    return picked


def pick_rows(rows: Sequence[int]) -> list[int]:
    """_MOST_FACES of the rows, from anywhere among them, ascending."""
    generator = np.random.default_rng(_SEED)
    return sorted(generator.choice(rows, min(_MOST_FACES, len(rows)), replace=False).tolist()) if rows else []


def _anomalies(branch: Branch, found: Iterable[Finding]) -> Markup | None:
    """What ExampleValidator says and no finding does: all of it where FindingsGen has not run."""
    artifact = branch.output("ExampleAnomalies")
    names = {finding["name"] for finding in found}
    rows = [row for row in read_anomalies(artifact) if row[0] not in names] if artifact else []
    if not rows:
        return None
    cells: list[list[str | Cell]] = [
        [name, split, Cell(severity, _KINDS.get(severity)), text] for name, split, severity, text in rows
    ]
    head = ["anomaly", "split", "severity", "what"]
    return blocks.join(
        blocks.heading("What the data break in the schema"), blocks.table(head, cells, numbers_from=len(head))
    )


def read_anomalies(artifact: Artifact) -> list[tuple[str, str, str, str]]:
    """ExampleValidator's anomalies: (name as a finding has it, split, severity, text) of each."""
    rows = []
    for split in split_names(artifact):
        path = os.path.join(artifact.uri, f"Split-{split}", _ANOMALIES_FILE)
        if not tf.io.gfile.exists(path):
            continue
        with tf.io.gfile.GFile(path, "rb") as file:
            anomalies = anomalies_pb2.Anomalies.FromString(file.read())
        described = [(f"schema:{feature}", info) for feature, info in sorted(anomalies.anomaly_info.items())]
        if anomalies.HasField("dataset_anomaly_info"):
            described.append(("schema", anomalies.dataset_anomaly_info))
        for name, info in described:
            severity = anomalies_pb2.AnomalyInfo.Severity.Name(info.severity).lower()
            text = without_folders(f"{info.short_description}: {info.description}")
            rows.append((name, split, severity, text))
    return rows
