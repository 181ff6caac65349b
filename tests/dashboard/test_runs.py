"""Runs as ML Metadata has them: states, branches, inputs and outputs; and their picture."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from ml_metadata.metadata_store import metadata_store
from tfx.types import standard_artifacts

from dashboard import dag
from dashboard.connection import connection_config
from dashboard.paths import within_root, without_folders
from dashboard.runs import UnknownRunError, list_runs, open_store, outputs_by_run, read_artifact, read_run
from dashboard.sections.run import overview
from tests.dashboard.conftest import FAILED, FIRST, RUNNING, SECOND, Showcase
from tests.dashboard.stores import NodeSpec, Output, StoreBuilder

Store = metadata_store.MetadataStore


def html_of(store: Store, run_id: str) -> str:
    return "".join(section.body for section in overview(read_run(store, run_id)))


def test_runs_are_listed_newest_first(store: Store) -> None:
    runs = list_runs(store)
    assert [run.id for run in runs] == [RUNNING, FAILED, SECOND, FIRST]
    assert [run.state for run in runs] == ["running", "failed", "succeeded", "succeeded"]
    assert runs[1].counts == {"done": 24, "failed": 1, "skipped": 7}
    assert "did <b>not</b> converge" in runs[1].message
    assert runs[2].seconds == pytest.approx(2 * (15 * 1.5 + 40))


def test_a_run_has_its_branches(store: Store) -> None:
    run = read_run(store, SECOND)
    assert [branch.name for branch in run.branches] == ["Emotion", "Keypoints"]
    emotion = run.branches[0]
    trainer = emotion.node("Trainer")
    assert trainer
    assert (trainer.component, trainer.state, trainer.seconds) == ("Trainer", "done", 40)
    assert set(trainer.outputs) == {"model", "model_run"}
    report = emotion.output("emotion_ai.BlessingReport")
    assert report
    assert report.uri.endswith("blessingreport/2")
    with pytest.raises(UnknownRunError, match="no-such-run"):
        read_run(store, "no-such-run")


def test_a_running_run_says_what_runs(store: Store) -> None:
    run = read_run(store, RUNNING)
    assert run.overview.counts == {"done": 8, "running": 1, "waiting": 7}
    assert "not yet" in html_of(store, RUNNING)


def ended_process() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        return process.pid


def test_a_killed_run_is_interrupted(tmp_path: Path) -> None:
    builder = StoreBuilder(tmp_path / "metadata.sqlite")
    nodes = [NodeSpec("AGen", "Gen"), NodeSpec("ATrainer", "Trainer", ("AGen",), state="running")]
    nodes.append(NodeSpec("APusher", "Pusher", ("ATrainer",), state=None))
    builder.add_run("killed", nodes, ended=False, process=ended_process())
    run = read_run(open_store(connection_config(str(builder.path))), "killed")
    assert run.overview.state == "interrupted"
    assert [node.state for node in run.nodes] == ["done", "failed", "skipped"]


def test_a_run_without_a_record_is_what_ml_metadata_knows(tmp_path: Path) -> None:
    builder = StoreBuilder(tmp_path / "metadata.sqlite")
    out = {"examples": Output("Examples", "gs://bucket/root/AGen/examples/1")}
    nodes = [NodeSpec("AGen", "tfx.components.Gen", outputs=out), NodeSpec("ATrainer", "Trainer", ("AGen",))]
    builder.add_run("other", [*nodes, NodeSpec("BGen", "Gen", state="failed")], record=False)
    run = read_run(open_store(connection_config(str(builder.path))), "other")
    assert (run.overview.state, run.overview.counts) == ("failed", {"done": 2, "failed": 1})
    assert run.nodes[0].component == "Gen"
    assert run.nodes[1].upstream == ("AGen",)
    assert [branch.name for branch in run.branches] == ["A", ""]


def test_an_artifact_of_a_cached_node_is_in_both_runs(tmp_path: Path) -> None:
    builder = StoreBuilder(tmp_path / "metadata.sqlite")
    model = {"model": Output("Model", "models/1")}
    builder.add_run("one", [NodeSpec("Trainer", "Trainer", outputs=model)])
    builder.add_run("two", [NodeSpec("Trainer", "Trainer", outputs=model, state="cached")])
    found = outputs_by_run(builder.store, "Model")
    assert {run: [artifact.uri for artifact in artifacts] for run, artifacts in found.items()} == {
        "one": ["models/1"],
        "two": ["models/1"],
    }


def test_the_overview_says_why_a_run_stopped(store: Store) -> None:
    page = html_of(store, FAILED)
    assert "EmotionTrainer: …/icml_face_data.csv: the training did &lt;b&gt;not&lt;/b&gt; converge" in page
    assert "Trainer failed" in page
    assert "not blessed" in page
    assert "24 done, 1 failed, 7 skipped" in page


def test_pages_name_no_folder_of_this_machine(showcase: Showcase, store: Store) -> None:
    page = html_of(store, SECOND)
    assert str(showcase.path.parent) not in page
    assert "…/icml_face_data.csv" in page
    assert "EmotionModel/model/2" in page


def test_each_node_in_the_picture_leads_to_its_row(store: Store) -> None:
    page = html_of(store, SECOND)
    links = set(re.findall(r'href="#(node-\w+)"', page))
    assert links == set(re.findall(r'<tr id="(node-\w+)"', page))
    assert len(links) == 32


def test_the_picture_keeps_nodes_apart_and_drops_lines_that_follow_from_others(store: Store) -> None:
    run = read_run(store, SECOND)
    picture = dag.draw(run.branches)
    places = [(box.x, box.y) for box in picture.boxes]
    assert len(set(places)) == 32
    assert all(0 < x < picture.width and 0 < y < picture.height for x, y in places)
    nodes = run.branches[0].nodes
    depths = dag.node_depths(nodes)
    assert (depths["EmotionExampleGen"], depths["EmotionPusher"]) == (0, 11)
    [pusher] = [node for node in nodes if node.id == "EmotionPusher"]
    assert dag.direct_upstream(pusher, nodes) == ["EmotionServableCheck", "EmotionModelCardGen"]


def test_json_values_are_read_as_they_were_written() -> None:
    artifact = standard_artifacts.String()
    artifact.set_float_custom_property("share", 0.5)
    written = {"text": "one", "number": 3.0, "list": [1.0, 2.0], "object": {"a": ["b"]}}
    for name, value in written.items():
        artifact.set_json_value_custom_property(name, value)
    properties = read_artifact(artifact.mlmd_artifact, artifact.type_name).properties
    assert (properties["share"], properties["text"], properties["number"]) == (0.5, "one", 3.0)
    assert {name: json.loads(properties[name]) for name in ("list", "object")} == {
        "list": [1, 2],
        "object": {"a": ["b"]},
    }


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/home/ada/faces/a.csv: row 1", "…/a.csv: row 1"),
        ("see gs://bucket/faces/a.csv", "see gs://bucket/faces/a.csv"),
        ("'/home/ada/a.csv' and (/home/ada/b.csv)", "'…/a.csv' and (…/b.csv)"),
        ("5/6 of a/b/c", "5/6 of a/b/c"),
        ("", ""),
    ],
)
def test_paths_lose_their_folders(text: str, shown: str) -> None:
    assert without_folders(text) == shown


def test_an_artifact_is_named_below_the_pipeline_root() -> None:
    assert within_root("/home/ada/artifacts/nodes/EmotionTrainer/model/15/") == "EmotionTrainer/model/15"
