"""The self-contained report, of whole runs and of branches."""

from __future__ import annotations

import dataclasses
import json
import logging
import re
import shutil
from pathlib import Path

import pytest
from ml_metadata.metadata_store import metadata_store

from dashboard.report import branch_sections, part, render_report, render_sections
from dashboard.runs import Artifact, Branch, Node, read_run
from tests.dashboard.conftest import FAILED, RUNNING, SECOND, Showcase

Store = metadata_store.MetadataStore
LIMIT_BYTES = 10_000_000


def ids(page: str) -> list[str]:
    return re.findall(r'<section id="([^"]+)"', page)


def render_branch(branch: Branch) -> str:
    return render_sections(branch, branch_sections(branch))


def test_a_report_needs_nothing_else(store: Store) -> None:
    page = render_report(read_run(store, SECOND))
    assert len(page.encode()) < LIMIT_BYTES
    assert not re.search(r'<(script|link|img|image|iframe)\b[^>]*\b(src|href)="(?!data:)', page)
    assert "default-src 'none'" in page
    for branch in ("emotion", "keypoints"):
        found = ids(page)
        assert {f"{branch}-{part}" for part in ("data", "findings", "training", "evaluation", "blessing")} <= set(found)
    assert not [name for name in ids(page) if name.endswith("-broken")]


def test_ids_are_unique(store: Store) -> None:
    page = re.sub(r"(?s)<script>.*?</script>", "", render_report(read_run(store, SECOND)))
    found = re.findall(r'\bid="([^"]+)"', page)
    assert len(found) == len(set(found))


def test_a_report_names_no_folder_of_this_machine(store: Store, showcase: Showcase) -> None:
    assert str(showcase.path.parent) not in render_report(read_run(store, SECOND))


@pytest.mark.parametrize("run_id", [FAILED, RUNNING])
def test_what_is_not_there_does_not_matter(store: Store, run_id: str) -> None:
    page = render_report(read_run(store, run_id))
    assert "emotion-data" in ids(page)
    assert not [name for name in ids(page) if name.endswith("-broken")]


def moved(branch: Branch, artifact_type: str, folder: Path) -> Branch:
    """The branch with a copy of its artifacts of a type below the folder."""

    def move(artifact: Artifact) -> Artifact:
        if artifact.type != artifact_type:
            return artifact
        return dataclasses.replace(artifact, uri=str(shutil.copytree(artifact.uri, folder, dirs_exist_ok=True)))

    def move_all(artifacts: dict[str, tuple[Artifact, ...]]) -> dict[str, tuple[Artifact, ...]]:
        return {key: tuple(map(move, of_key)) for key, of_key in artifacts.items()}

    nodes = [
        dataclasses.replace(node, inputs=move_all(node.inputs), outputs=move_all(node.outputs)) for node in branch.nodes
    ]
    return Branch(branch.name, tuple(nodes))


def test_a_broken_artifact_takes_its_section_only(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    branch = moved(read_run(store, SECOND).branches[0], "emotion_ai.BlessingReport", tmp_path / "report")
    (tmp_path / "report" / "blessing.json").write_text(json.dumps({"blessed": True}))
    with caplog.at_level(logging.ERROR):
        sections = branch_sections(branch)
    found = [section.id for section in sections]
    assert "emotion-blessing-broken" in found
    assert {"emotion-data", "emotion-findings", "emotion-training"} <= set(found)
    assert "Emotion: blessing cannot be shown" in caplog.text


@pytest.mark.parametrize(
    "artifact_type", ["emotion_ai.Findings", "emotion_ai.Predictions", "ModelRun", "Examples", "ExampleStatistics"]
)
def test_cut_off_files_break_no_page(store: Store, tmp_path: Path, artifact_type: str) -> None:
    branch = moved(read_run(store, SECOND).branches[0], artifact_type, tmp_path / "cut")
    for path in (tmp_path / "cut").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "<h1>Emotion</h1>" in render_branch(branch)


@pytest.mark.parametrize(
    ("artifact_type", "name", "content", "broken"),
    [
        ("emotion_ai.Findings", "summary.json", b'{"cut', set()),
        ("emotion_ai.Findings", "findings.jsonl", b'{"odd": 1}', {"emotion-drift-broken", "emotion-findings-broken"}),
        ("ExampleStatistics", "FeatureStats.pb", b"", set()),
        ("Examples", "data_tfrecord-*", b"cut", {"emotion-faces-broken"}),
        ("emotion_ai.Predictions", "predictions.npz", b"", set()),
        ("emotion_ai.BlessingReport", "blessing.json", b"[1]", set()),
    ],
)
def test_a_broken_file_takes_no_more_than_its_part(
    store: Store, tmp_path: Path, artifact_type: str, name: str, content: bytes, broken: set[str]
) -> None:
    branch = moved(read_run(store, SECOND).branches[0], artifact_type, tmp_path / "broken")
    for path in list((tmp_path / "broken").rglob(name)):
        path.write_bytes(content)
    sections = {section.id: section.body for section in branch_sections(branch)}
    assert {section_id for section_id in sections if section_id.endswith("-broken")} <= broken
    assert {"emotion-data", "emotion-looks", "emotion-training", "emotion-blessing"} <= sections.keys()
    assert "missing or broken" in " ".join(sections.values())


def test_parameters_count_where_only_artifacts_are_known(store: Store, tmp_path: Path) -> None:
    branch = read_run(store, SECOND).branches[0]
    (tmp_path / "servable_check.json").write_text(
        json.dumps({"median_ms": 3.5, "checks": [], "passed": True, "reasons": []})
    )
    made = [artifacts for node in branch.nodes for artifacts in node.outputs.values()]
    outputs = {str(number): artifacts for number, artifacts in enumerate(made)}
    outputs["infra_blessing"] = (Artifact(999, "InfraBlessing", str(tmp_path), {}),)
    nodes = [
        Node("EmotionServableCheck", "", "done", None, "", (), {}, {}, {"max_median_ms": 77.0}),
        Node("EmotionBlessingGen", "", "done", None, "", (), {}, {}, {"split": "eval"}),
        Node("EmotionArtifacts", "", "done", None, "", (), {}, outputs, {}),
    ]
    page = render_branch(Branch("Emotion", tuple(nodes)))
    assert "77 ms are allowed" in page
    assert "split eval" in page


def test_a_branch_of_artifacts_alone_is_a_page(store: Store) -> None:
    branch = read_run(store, SECOND).branches[1]
    page = render_branch(branch)
    assert ids(page)[0] == "keypoints-data"
    assert len(page.encode()) < LIMIT_BYTES


def dead_links(page: str) -> set[str]:
    text = re.sub(r"(?s)<script>.*?</script>", "", page)
    return set(re.findall(r'href="#([^"]+)"', text)) - set(re.findall(r'\bid="([^"]+)"', text))


def test_findings_alone_link_to_nothing_on_another_page(damaged_emotion: Branch) -> None:
    alone = render_sections(damaged_emotion, part(damaged_emotion, "findings", alone=True))
    assert dead_links(alone) == set()
    assert "the rows in quarantine, with reasons <small>on the page of the data</small>" in alone
    whole = render_branch(damaged_emotion)
    assert dead_links(whole) == set()
    assert '<a href="#emotion-quarantine">the rows in quarantine, with reasons</a>' in whole


def test_a_part_that_fails_says_so(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("dashboard.sections.findings.read_findings", lambda uri: uri["no"])
    for alone in (True, False):
        [section] = part(read_run(store, SECOND).branches[0], "findings", alone=alone)
        assert section.id == "emotion-findings-broken"


def test_a_page_without_charts_carries_no_plotly(store: Store) -> None:
    branch = read_run(store, SECOND).branches[0]
    plotly_bytes = 4_000_000
    assert len(render_sections(branch, part(branch, "findings"))) < plotly_bytes / 10
    assert len(render_sections(branch, part(branch, "training"))) > plotly_bytes


def test_a_run_from_before_the_report_nodes_is_shown(store: Store) -> None:
    run = read_run(store, SECOND)
    reports = ("DataReport", "RunReport")
    branches = tuple(
        Branch(branch.name, tuple(node for node in branch.nodes if not node.id.endswith(reports)))
        for branch in run.branches
    )
    nodes = tuple(node for branch in branches for node in branch.nodes)
    page = render_report(dataclasses.replace(run, nodes=nodes, branches=branches))
    assert not [name for name in ids(page) if name.endswith("-broken")]
    assert dead_links(page) == set()
    assert "node-EmotionDataReport" not in page
    assert "node-EmotionDataReport" in render_report(run)
