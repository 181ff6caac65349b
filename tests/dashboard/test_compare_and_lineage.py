"""Two runs side by side, and pushed versions back to their data."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ml_metadata.metadata_store import metadata_store

from dashboard.lineage import list_pushed, read_lineage
from dashboard.runs import read_run
from dashboard.sections import compare, models
from tests.dashboard.conftest import FIRST, RUNNING, SECOND, Showcase
from tests.dashboard.stores import Output, StoreBuilder

Store = metadata_store.MetadataStore
REPORT = {"metrics": {"": {"accuracy": 0.8, "rmse_px": 2.0, "odd": 1.0, "example_count": 10}}, "thresholds": []}


def changed(**metrics: float) -> dict[str, object]:
    return {**REPORT, "metrics": {"": {**REPORT["metrics"][""], **metrics}}}  # type: ignore[index]


def test_a_metric_is_better_or_worse_by_its_own_direction() -> None:
    before = {**REPORT, "intervals": {"accuracy": [0.75, 0.85]}}
    changes = {change.name: change for change in compare.metric_changes(before, changed(accuracy=0.9, rmse_px=2.5))}
    assert (changes["accuracy"].better, changes["accuracy"].beyond_chance) == (True, True)
    assert (changes["rmse_px"].better, changes["rmse_px"].beyond_chance) == (False, None)
    assert changes["odd"].better is None
    small = {change.name: change for change in compare.metric_changes(before, changed(accuracy=0.81))}
    assert (small["accuracy"].better, small["accuracy"].beyond_chance) == (True, False)


def test_a_threshold_s_direction_goes_before_the_name_s() -> None:
    threshold = {"metric": "odd", "direction": "at_most"}
    [odd, *_] = compare.metric_changes({**REPORT, "thresholds": [threshold]}, changed(odd=0.5))
    assert (odd.name, odd.better) == ("odd", True)


def test_metrics_without_value_are_no_difference() -> None:
    changes = {change.name: change for change in compare.metric_changes({}, REPORT)}
    assert changes["accuracy"].first is None
    assert changes["accuracy"].difference is None
    assert changes["accuracy"].better is None


def test_settings_that_differ_are_found_inside_json(store: Store) -> None:
    first, second = (read_run(store, run).branches[0] for run in (FIRST, SECOND))
    assert compare.changed_settings(first, second) == [("Trainer.custom_config.training.epochs", "2", "5")]
    assert compare.changed_settings(first, first) == []


def test_new_and_gone_findings_come_first() -> None:
    def finding(name: str, count: int) -> dict[str, object]:
        return {"name": name, "severity": "warning", "count": count, "waived": ""}

    first = [finding("same", 1), finding("changed", 1), finding("gone", 1)]
    second = [finding("same", 1), finding("changed", 2), finding("new", 1)]
    assert [name for name, *_ in compare.finding_changes(first, second)] == ["new", "gone", "changed", "same"]


def test_the_comparison_says_what_differs(store: Store) -> None:
    sections = compare.sections(read_run(store, FIRST), read_run(store, SECOND))
    bodies = {section.id: str(section.body) for section in sections}
    assert "better" in bodies["compare-emotion-metrics"]
    assert "epochs" in bodies["compare-emotion-settings"]
    assert ">new<" in bodies["compare-emotion-findings"].replace(" ", "")
    assert "white_images" in bodies["compare-emotion-findings"]
    assert "the same" in bodies["compare-emotion-data"]
    assert "The same settings" in bodies["compare-keypoints-settings"]


def test_a_broken_artifact_takes_its_part_of_the_comparison_only(showcase: Showcase, tmp_path: Path) -> None:
    broken = tmp_path / "findings"
    broken.mkdir()
    (broken / "findings.jsonl").write_text('{"cut')
    nodes = showcase.emotion.nodes(9)
    findings = {"findings": Output("emotion_ai.Findings", str(broken))}
    nodes = [dataclasses.replace(n, outputs=findings) if n.id == "EmotionFindingsGen" else n for n in nodes]
    builder = StoreBuilder(showcase.path.with_name("broken.sqlite"))
    builder.add_run("one", nodes)
    run = read_run(builder.store, "one")
    found = [section.id for section in compare.sections(run, run)]
    assert "compare-emotion-findings-broken" in found
    assert {"compare-emotion-metrics", "compare-emotion-time"} <= set(found)


def test_long_fingerprints_leave_room_for_the_second(store: Store) -> None:
    first, second = (read_run(store, run).branches[0] for run in (FIRST, SECOND))
    fingerprint = "0123456789abcdef" * 4
    node = second.nodes[0]
    other = dataclasses.replace(node, parameters={**node.parameters, "code_fingerprint": fingerprint})
    body = compare._settings(first, dataclasses.replace(second, nodes=(other, *second.nodes[1:])))
    assert fingerprint[:12] in body
    assert fingerprint not in body


def test_a_time_that_rounds_to_nothing_has_no_minus() -> None:
    assert compare._difference(0.14, 0.13) == "+0.0 s"
    assert compare._difference(0.5, 0.1) == "-0.4 s"


def test_branches_of_one_run_only_are_named(store: Store, showcase: Showcase) -> None:
    first, running = read_run(store, FIRST), read_run(store, RUNNING)
    sections = {section.id: str(section.body) for section in compare.sections(first, running)}
    assert "Only the first run has this branch" in sections["compare-keypoints"]


def test_pushed_versions_lead_back_to_their_data(store: Store) -> None:
    versions = list_pushed(store)
    assert [(version.model, version.version, version.run_id) for version in versions] == [
        ("facial_keypoints", "1700000002", SECOND),
        ("emotion_ai", "1700000002", SECOND),
        ("facial_keypoints", "1700000001", FIRST),
        ("emotion_ai", "1700000001", FIRST),
    ]
    lineage = read_lineage(store, next(v for v in versions if v.model == "emotion_ai"))
    assert lineage.training == {"epochs": 5, "batch_size": 32, "seed": 1}
    assert lineage.data_file == "icml_face_data.csv"
    assert len(lineage.data_fingerprint) == 64
    assert lineage.row_counts["read"] == 300
    assert (lineage.commit, lineage.environment) == ("abc1234", {"python": "3.10.13"})
    assert lineage.trained_in == SECOND
    page = str(models.lineage_section(lineage).body)
    assert "icml_face_data.csv" in page
    assert "/icml_face_data.csv" not in page


def test_a_version_is_listed_once_and_names_the_run_that_trained_it(showcase: Showcase) -> None:
    path = showcase.path.with_name("cached.sqlite")
    builder = StoreBuilder(path)
    states = dict.fromkeys(("Trainer", "BlessingGen", "ModelCardGen"), "cached")
    builder.add_run("one", showcase.emotion.nodes(8, states={"Pusher": "failed"}, message="the disk is full"))
    builder.add_run("two", showcase.emotion.nodes(8, states=states))
    [version] = list_pushed(builder.store)
    assert version.run_id == "two"
    assert read_lineage(builder.store, version).trained_in == "one"
