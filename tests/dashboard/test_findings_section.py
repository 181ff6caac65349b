"""Findings of a branch: what stops is not to be overlooked, and its faces are to be seen."""

from __future__ import annotations

import dataclasses
import datetime
from pathlib import Path
from typing import Any

import pytest
from tensorflow_metadata.proto.v0 import anomalies_pb2

from components.findings import Finding, write
from dashboard import waivers
from dashboard.findings import read_findings
from dashboard.runs import Artifact, Branch
from dashboard.sections import findings
from tests.dashboard.damaged import BLACK_ROW, CONTRADICTED_ROW, SWAPPED_ROW, without

TODAY = datetime.date(2026, 5, 1)
WAIVER = {"finding": "black_images", "who": "A", "why": "B", "until": "2027-01-01", "expired": False, "at_most": 5}


def body(branch: Branch) -> str:
    [section] = findings.sections(branch)
    return " ".join(str(section.body).split())


def part(text: str, title: str) -> str:
    """What stands below the heading of a finding."""
    return next(one for one in text.split("<h3")[1:] if f"{title}:" in one.partition("</h3>")[0])


def with_findings(branch: Branch, folder: Path, found: list[Finding]) -> Branch:
    """The branch with other findings."""
    write(str(folder), found, {"data_set": "emotion", "drift_from_version": None})
    return _with_output(branch, "FindingsGen", Artifact(9, "emotion_ai.Findings", str(folder), {}))


def _with_output(branch: Branch, suffix: str, artifact: Artifact) -> Branch:
    nodes = tuple(
        dataclasses.replace(node, outputs={"it": (artifact,)}) if node.id == branch.name + suffix else node
        for node in branch.nodes
    )
    return dataclasses.replace(branch, nodes=nodes)


def test_what_stops_is_said_first(damaged_emotion: Branch) -> None:
    text = body(damaged_emotion)

    read = read_findings(damaged_emotion.nodes[3].outputs["it"][0].uri)
    assert read
    stopping = sum(finding["severity"] == "error" and not finding["waived"] for finding in read[0])
    assert stopping > 1 and text.startswith(f'<p class="notice bad">{stopping} findings stop the branch')
    assert 'role="img" aria-label="bad">✗</span> Black images: stops the branch' in text


def test_a_finding_shows_its_faces(damaged_emotion: Branch) -> None:
    black = part(body(damaged_emotion), "Black images")

    assert black.count("<svg") == 1 and f"row {BLACK_ROW} · train · " in black
    assert "emotion/black_images" in black and "Remove the rows." in black


def test_copies_are_side_by_side(damaged_emotion: Branch) -> None:
    conflicting = part(body(damaged_emotion), "Conflicting labels")

    assert 'class="gallery groups"' in conflicting and conflicting.count("<svg") == 2
    assert f"row {CONTRADICTED_ROW} · " in conflicting and "row 301 · " in conflicting
    assert "accepted" in conflicting and "Grace Hopper, until 2999-12-31: nobody can tell" in conflicting


def test_waivers_are_listed_with_what_they_do(damaged_emotion: Branch) -> None:
    text = body(damaged_emotion)

    assert "expired: accepts nothing any more" in text and "2020-01-31" in text
    assert "accepts nothing: not found in the data" in text and "accepts 2 rows" in text
    assert "Ada &lt;Lovelace&gt;" in text and "Ada <Lovelace>" not in text


def test_drift_and_quarantine_lead_to_the_data(damaged_emotion: Branch) -> None:
    text = body(damaged_emotion)

    assert 'href="#emotion-drift"' in part(text, "Drift: brightness")
    assert 'href="#emotion-quarantine"' in part(text, "Bad rows") and "<svg" not in part(text, "Bad rows")


def test_points_are_drawn_by_side_where_the_finding_is_about_points(damaged_keypoints: Branch) -> None:
    swapped = part(body(damaged_keypoints), "Swapped points")

    assert f"row {SWAPPED_ROW} · " in swapped
    assert 'class="left"' in swapped and 'class="right"' in swapped and "amber: right" in swapped


def test_what_needs_no_faces_is_folded_up(damaged_keypoints: Branch) -> None:
    text = body(damaged_keypoints)

    assert "1 more, about no rows in particular</summary>" in text and "Layouts unchecked" in text
    assert text.count("<h3") == 1


def test_links_lead_somewhere(damaged_emotion: Branch) -> None:
    text = body(damaged_emotion)

    for number in range(3):
        assert f'href="#emotion-finding-{number}"' in text and f'id="emotion-finding-{number}"' in text


def test_many_rows_are_sampled_and_it_says_so(damaged_emotion: Branch, tmp_path: Path) -> None:
    rows = tuple(range(1, 301))
    found = [Finding("low_contrast", "warning", "300 rows: <i>next</i> to none", "Look.", 300, rows)]

    text = body(with_findings(damaged_emotion, tmp_path, found))

    # Some of the rows have been left out by their class, so that they have no face.
    shown = text.count("<svg")
    assert 10 < shown <= 24 and f"({shown} of 300)" in text and "… (300 in all)" in text
    assert "&lt;i&gt;next" in text


def test_nothing_found_is_good(damaged_emotion: Branch, tmp_path: Path) -> None:
    text = body(with_findings(damaged_emotion, tmp_path, []))

    assert text.startswith('<p class="notice good">Nothing was found')
    assert "Waivers" in text


@pytest.mark.parametrize(
    ("groups", "picked"),
    [
        ([range(30)], [list(range(24))]),
        ([range(20), range(20, 30)], [list(range(20))]),
        ([range(3), range(3, 24)], [[0, 1, 2], list(range(3, 24))]),
        ([], []),
    ],
)
def test_groups_stay_whole(groups: list[range], picked: list[list[int]]) -> None:
    assert findings.pick_groups([list(group) for group in groups]) == picked


def test_picked_rows_come_from_everywhere() -> None:
    rows = list(range(0, 10_000, 10))

    picked = findings.pick_rows(rows)

    assert len(picked) == 24 and picked == sorted(set(picked)) and set(picked) <= set(rows)
    assert picked[0] < 2000 and picked[-1] > 8000 and picked == findings.pick_rows(rows)
    assert findings.pick_rows([4, 2]) == [2, 4] and findings.pick_rows([]) == []


@pytest.mark.parametrize(
    ("waiver", "finding", "text", "kind"),
    [
        ({"expired": True}, {"count": 3, "waived": ""}, "expired", "bad"),
        ({}, None, "not found", "warning"),
        ({}, {"count": 3, "waived": "A"}, "accepts 3 rows", "good"),
        ({}, {"count": 0, "waived": "A"}, "accepts it", "good"),
        ({}, {"count": 6, "waived": ""}, "6 rows, it accepts 5 at most", "bad"),
        ({"until": "2026-05-02"}, {"count": 3, "waived": "A"}, "expires in 1 day", "warning"),
        ({"until": "2026-05-01"}, {"count": 3, "waived": "A"}, "expires in 0 days", "warning"),
        ({"until": "2026-04-30"}, {"count": 3, "waived": "A"}, "has expired since", "bad"),
    ],
)
def test_status_of_a_waiver(waiver: dict[str, Any], finding: dict[str, Any] | None, text: str, kind: str) -> None:
    cell = waivers.status({**WAIVER, **waiver}, finding, TODAY)

    assert text in cell.text and cell.kind == kind


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ("running", "EmotionFindingsGen is at work"),
        ("waiting", "has not begun"),
        ("failed", "failed: the disk is full"),
    ],
)
def test_says_why_there_are_no_findings(damaged_emotion: Branch, state: Any, text: str) -> None:
    assert text in body(without(damaged_emotion, "FindingsGen", state, "the disk is full"))


def test_anomalies_are_shown_only_where_no_finding_names_them(damaged_emotion: Branch, tmp_path: Path) -> None:
    anomalies = anomalies_pb2.Anomalies()
    anomalies.anomaly_info["emotion"].short_description = "Unexpected string values"
    anomalies.anomaly_info["emotion"].severity = anomalies_pb2.AnomalyInfo.ERROR
    (tmp_path / "Split-eval").mkdir()
    (tmp_path / "Split-eval" / "SchemaDiff.pb").write_bytes(anomalies.SerializeToString())
    artifact = Artifact(8, "ExampleAnomalies", str(tmp_path), {"split_names": '["train", "eval"]'})
    branch = _with_output(damaged_emotion, "ExampleValidator", artifact)
    found = [Finding("schema:emotion", "error", "[eval] Unexpected string values", "Correct the data.")]

    before, after = without(branch, "FindingsGen", "running"), with_findings(branch, tmp_path, found)

    assert "What the data break in the schema" in body(before) and "Unexpected string values" in body(before)
    assert "What the data break in the schema" not in body(after) and "Unexpected string values" in body(after)


def test_a_branch_without_such_nodes_has_no_section() -> None:
    assert findings.sections(Branch("Other", ())) == []
