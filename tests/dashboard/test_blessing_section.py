import dataclasses
import html
import json
from pathlib import Path
from typing import Any

import pytest
from ml_metadata.metadata_store import metadata_store

from components.blessing import report
from components.blessing.judging import Limits, Measured, Verdict, judge
from components.servable_check.report import Outcome, Report
from dashboard.runs import Artifact, Branch, Node, read_run
from dashboard.sections import blessing
from tests.dashboard.conftest import FAILED, RUNNING, SECOND


def verdicts() -> list[Verdict]:
    """Passed over all rows, worse than the baseline, failed and not judged in slices."""
    limits = Limits(at_least=0.6, may_worsen_by=0.05)
    return [
        *judge("accuracy", "", limits, Measured(0.7, 0.8, (0.65, 0.75), (-0.2, 0.0), 500), 50),
        *judge("accuracy", "light_band: low", limits, Measured(0.5, None, (0.4, 0.6), None, 100), 50),
        *judge("accuracy", "light_band: high", limits, Measured(0.1, None, None, None, 9), 50),
        *judge("macro_f1", "", limits, Measured(float("nan"), None, None, None, 500), 50),
    ]


MAKERS = {
    "emotion_ai.BlessingReport": "BlessingGen",
    "InfraBlessing": "ServableCheck",
    "PushedModel": "Pusher",
    "emotion_ai.ModelCard": "ModelCardGen",
}


@pytest.fixture
def refused(tmp_path: Path) -> Branch:
    """A branch with a model that is neither blessed nor servable nor pushed."""
    report.write(
        str(tmp_path),
        {
            "model_name": "toy",
            "blessed": False,
            "baseline_version": 17,
            "thresholds": [dataclasses.asdict(verdict) for verdict in verdicts()],
        },
    )
    checked = Report(2.25, None, None, [Outcome("latency", True, "Fast."), Outcome("<b>", False, "/data/x/m crashes.")])
    (tmp_path / "servable_check.json").write_text(checked.to_json())
    pushed = {"pushed": 0, "not_pushed_because": "version 3 was withdrawn; to allow it again, delete /srv/models/toy/3"}
    card = {
        "commit": "abc1234",
        "environment": {"python": "3.10"},
        "data": {"fingerprint": "f00d"},
        "settings": {"training": {"epochs": 3, "none": None}},
    }
    (tmp_path / "model_card.json").write_text(json.dumps(card))
    kinds: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("emotion_ai.BlessingReport", {}, {}),
        ("InfraBlessing", {}, {"max_first_request_ms": 500.0}),
        ("PushedModel", pushed, {}),
        ("emotion_ai.ModelCard", {}, {}),
    ]
    nodes = [
        Node(
            f"Toy{MAKERS[kind]}",
            MAKERS[kind],
            "done",
            1.0,
            "",
            (),
            {},
            {"out": (Artifact(i, kind, str(tmp_path), properties),)},
            limits,
        )
        for i, (kind, properties, limits) in enumerate(kinds)
    ]
    return Branch("Toy", tuple(nodes))


def test_every_reason_is_given(refused: Branch) -> None:
    [section] = blessing.sections(refused)
    text = html.unescape(section.body)
    assert "accuracy over all rows is 0.7000; the last blessed model has 0.8000, and it may be worse by 0.05" in text
    assert "accuracy in the slice light_band: low is 0.5000, and must be ≥ 0.6." in text
    assert "macro F1 over all rows is –, and must be ≥ 0.6." in text
    assert "Not servable: …/m crashes." in text
    assert "Not pushed: version 3 was withdrawn; to allow it again, delete …/3" in text
    assert text.count('class="notice bad"') == 5
    assert "2.2 ms" in text
    assert "500 ms are allowed" in text
    assert "&lt;b&gt;" in section.body
    assert "training.epochs" in text
    assert "training.none" not in text


def test_every_threshold_stands_in_a_table_failed_ones_first(refused: Branch) -> None:
    rows = [dataclasses.asdict(verdict) for verdict in verdicts()]
    assert [row["state"] for row in blessing.worst_first(rows)] == ["failed"] * 3 + ["passed", "not judged"]
    [section] = blessing.sections(refused)
    tables = section.body.split("failed ones first</caption>")[1:]
    assert [table.split("</table>")[0].count("<tr>") - 1 for table in tables] == [3, 2]
    assert "fewer than 50 examples" in section.body
    assert "-0.0500" in section.body


def test_slices_are_folded_unless_one_has_failed(refused: Branch) -> None:
    assert "thresholds of slices" not in blessing.sections(refused)[0].body
    report = json.loads(Path(refused.nodes[0].outputs["out"][0].uri, "blessing.json").read_text())
    report["thresholds"] = [t for t in report["thresholds"] if t["state"] != "failed"]
    Path(refused.nodes[0].outputs["out"][0].uri, "blessing.json").write_text(json.dumps(report))
    assert "All 1 thresholds of slices; none has failed</summary>" in blessing.sections(refused)[0].body


def test_a_model_that_only_the_evaluator_refused_has_a_reason() -> None:
    [reason] = blessing.reasons({"blessed": False, "thresholds": []})
    assert "The Evaluator did not bless" in reason


def test_runs_of_the_store(store: metadata_store.MetadataStore) -> None:
    [section] = blessing.sections(read_run(store, SECOND).branches[0])
    assert "notice bad" not in section.body
    assert "version 1700000002" in section.body
    assert "ServableCheck has ended, but its files" in section.body
    keypoints = next(branch for branch in read_run(store, FAILED).branches if branch.name == "Keypoints")
    [section] = blessing.sections(keypoints)
    assert "not blessed" in section.body
    assert "and must be ≤" in section.body
    assert "Only a model that is blessed and servable is pushed." in section.body
    [section] = blessing.sections(read_run(store, RUNNING).branches[0])
    assert "has not begun yet" in section.body


def test_a_model_that_is_served_already_says_so(tmp_path: Path) -> None:
    report.write(str(tmp_path), {"blessed": True, "baseline_version": None, "thresholds": []})
    properties = {"pushed": 1, "unchanged": 1, "pushed_version": "7", "pushed_destination": "/srv/models/toy/7/"}
    outputs = {
        "report": (Artifact(1, "emotion_ai.BlessingReport", str(tmp_path), {}),),
        "pushed_model": (Artifact(2, "PushedModel", "", properties),),
    }
    [section] = blessing.sections(Branch("Toy", (Node("ToyAll", "", "done", None, "", (), {}, outputs, {}),)))
    assert "already served" in section.body
    assert "toy/7" in section.body
    assert "/srv/models" not in section.body
