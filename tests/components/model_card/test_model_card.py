"""ModelCardGen on artifacts as the nodes before it write them."""

from __future__ import annotations

import json
import math
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from tfx import types
from tfx.types import channel_utils, standard_artifacts

from components import findings
from components.blessing import report
from components.face_csv_example_gen.executor import ROW_COUNTS_PROPERTY
from components.findings import Finding, Findings
from components.model_card.artifact import ModelCard
from components.model_card.component import ModelCardGen
from components.model_card.executor import Executor
from pipeline.card_facts import DESCRIPTIONS
from pipeline.tasks import EMOTION, KEYPOINTS, Task

ROW_COUNTS = {
    "keypoints": {"read": 60, "bad": 0, "left_out": 0, "train": 40, "eval": 11, "test": 9},
    "emotion": {
        "read": 12_345,
        "bad": 2,
        "left_out": 30,
        "left_out:Fear": 30,
        "class:Angry": 300,
        "class:Happy": 12_013,
        "train": 7_000,
        "eval": 2_500,
        "test": 2_813,
    },
}
FOUND = [
    Finding("doubtful_labels", "warning", "a face <b>labelled</b> & doubtful", count=7, waived="Ada, until 2100-01-01"),
    Finding("skew:brightness", "info", "0.2 apart"),
]
THRESHOLD = {
    "metric": "accuracy",
    "slice": "",
    "kind": "limit",
    "value": 0.73,
    "bound": 0.6,
    "direction": "at_least",
    "baseline": None,
    "margin": 0.13,
    "interval": [0.71, 0.75],
    "examples": 2813,
    "state": "passed",
    "note": "",
}
DARK = {"slice": "brightness_band: dark", "value": math.nan, "margin": math.nan, "interval": None, "examples": 4}
REPORT = {
    "model_name": "emotion_ai",
    "blessed": False,
    "baseline_version": 123,
    "thresholds": [
        THRESHOLD,
        {**THRESHOLD, "kind": "change", "bound": -0.01, "baseline": 0.7512, "margin": -0.0112, "state": "failed"},
        {**THRESHOLD, **DARK, "state": "not judged", "note": "fewer than 50 examples"},
    ],
    "metrics": {"": {"accuracy": 0.73, "macro_f1": 0.61}, "brightness_band: dark": {"accuracy": math.nan}},
    "examples": {"": 2813, "brightness_band: dark": 4},
    "intervals": {"accuracy": [0.71, 0.75]},
    "worst": [],
    "confused": [],
}
PARAMETERS = {
    "data_fingerprint": "0123abcd",
    "training": json.dumps({"training": {"epochs": 12}}),
    "settings": json.dumps({"thresholds": {"accuracy": {"at_least": 0.6, "at_most": None}}}),
    "commit": "v1-3-gabc1234-dirty",
    "code_fingerprint": "1",
}


class Page(HTMLParser):
    """What matters of a page: its tags with their attributes, and the cells of its tables by caption."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self._rows: list[list[str]] = []
        self._cell = ""
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)
        if tag == "table":
            self._rows = []
        elif tag == "tr":
            self._rows.append([])
        self._cell = "" if tag in ("td", "th", "caption") else self._cell

    def handle_data(self, data: str) -> None:
        self._cell += data

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, "well nested"
        if tag in ("td", "th"):
            self._rows[-1].append(" ".join(self._cell.split()))
        elif tag == "caption":
            self.tables[self._cell] = self._rows

    def table(self, caption: str) -> list[list[str]]:
        [rows] = [rows for name, rows in self.tables.items() if name.startswith(caption)]
        return rows


def make_card(
    folder: Path, task: Task, name: str = "card", best: dict[str, Any] | None = None
) -> tuple[dict[str, Any], str]:
    """The card of a model with REPORT: as JSON, and as HTML; `best` are the values that a Tuner has found."""
    inputs: dict[str, types.Artifact] = {
        "examples": standard_artifacts.Examples(),
        "schema": standard_artifacts.Schema(),
        "findings": Findings(),
        "report": report.BlessingReport(),
        **({"hyperparameters": standard_artifacts.HyperParameters()} if best else {}),
    }
    for key, artifact in inputs.items():
        artifact.uri = str(folder / key)
        Path(artifact.uri).mkdir(exist_ok=True)
    inputs["examples"].set_string_custom_property(ROW_COUNTS_PROPERTY, json.dumps(ROW_COUNTS[task.name]))
    shutil.copy(task.schema_file, inputs["schema"].uri)
    findings.write(inputs["findings"].uri, FOUND if task is EMOTION else [], {})
    Path(inputs["report"].uri, "blessing.json").write_text(json.dumps(REPORT))
    if best:
        Path(inputs["hyperparameters"].uri, "best_hyperparameters.txt").write_text(json.dumps({"values": best}))
    output = ModelCard()
    output.uri = str(folder / name)
    Path(output.uri).mkdir()
    parameters = {**PARAMETERS, "model_name": task.model_name, "description": json.dumps(DESCRIPTIONS[task.name])}
    Executor().Do({key: [artifact] for key, artifact in inputs.items()}, {"model_card": [output]}, parameters)
    html = Path(output.uri, "model_card.html").read_text("utf-8")
    return json.loads(Path(output.uri, "model_card.json").read_text()), html


@pytest.fixture(scope="module")
def emotion(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    return make_card(tmp_path_factory.mktemp("card"), EMOTION)


def test_the_json_holds_every_fact(emotion: tuple[dict[str, Any], str]) -> None:
    facts, _ = emotion
    assert facts["model_name"] == "emotion_ai"
    assert (facts["blessed"], facts["baseline_version"], facts["commit"]) == (False, 123, "v1-3-gabc1234-dirty")
    assert facts["description"] == DESCRIPTIONS["emotion"]
    data = facts["data"]
    assert data["splits"] == {"train": 7_000, "eval": 2_500, "test": 2_813}
    assert data["classes"] == {"Angry": 300, "Happy": 12_013}
    assert data["left_out_classes"] == {"Fear": 30}
    assert (data["rows_read"], data["rows_left_out"], data["rows_in_quarantine"]) == (12_345, 30, 2)
    assert [(f["name"], f["waived"]) for f in data["findings"]] == [
        ("doubtful_labels", "Ada, until 2100-01-01"),
        ("skew:brightness", ""),
    ]
    features = {feature["name"]: feature for feature in facts["schema"]}
    assert features["emotion"]["domain"] == "Angry, Disgust, Sad, Happy, Surprise"
    assert features["height"]["domain"] == "48"
    assert features["brightness"] == {
        "name": "brightness",
        "type": "FLOAT",
        "min_share": 1.0,
        "in_requests": False,
        "domain": "0 to 1",
    }
    assert [feature["name"] for feature in facts["schema"] if feature["in_requests"]] == ["image"]
    assert facts["thresholds"][0] == THRESHOLD
    assert facts["thresholds"][2]["value"] is None, "JSON knows no NaN"
    assert facts["settings"]["training"] == {"epochs": 12}
    assert facts["environment"].keys() == {"python", "tensorflow", "keras", "tfx"}
    assert facts["environment"]["tfx"] == "1.16.0"


def test_a_card_has_the_settings_that_were_really_used(tmp_path: Path) -> None:
    facts, page = make_card(tmp_path, EMOTION, best={"learning_rate": 0.25, "epochs": 7})
    assert facts["settings"]["training"] == {"epochs": 7, "learning_rate": 0.25}
    assert ["training.learning_rate", "0.25"] in Page(page).table("Settings")


def test_the_page_shows_them(emotion: tuple[dict[str, Any], str]) -> None:
    page = Page(emotion[1])
    assert not page.open
    _, limit, change, unjudged = page.table("Thresholds")
    assert limit == ["accuracy", "all", "limit", "0.73", "–", "at least 0.6", "0.13", "0.71 to 0.75", "2,813", "passed"]
    assert change[2:7] == ["change", "0.73", "0.7512", "at least -0.01", "-0.0112"]
    assert change[-1] == "failed"
    assert unjudged[1] == "brightness_band: dark"
    assert unjudged[-1] == "not judged: fewer than 50 examples"
    assert page.table("Metrics of all")[1:] == [["accuracy", "0.73", "0.71 to 0.75"], ["macro_f1", "0.61", "–"]]
    assert page.table("Metrics with a threshold") == [
        ["Slice", "Examples", "accuracy"],
        ["brightness_band: dark", "4", "–"],
    ]
    assert page.table("Rows by split")[1:] == [["train", "7,000"], ["eval", "2,500"], ["test", "2,813"]]
    assert page.table("Findings")[1][-2:] == ["a face <b>labelled</b> & doubtful", "Ada, until 2100-01-01"]
    assert page.table("Settings")[1:] == [["training.epochs", "12"], ["thresholds.accuracy.at_least", "0.6"]]
    for text in (*DESCRIPTIONS["emotion"]["intended_use"], "Not blessed", "version 123", "0123abcd", "gabc1234-dirty"):
        assert text in emotion[1]


def test_the_page_needs_nothing_else_and_can_be_read_aloud(emotion: tuple[dict[str, Any], str]) -> None:
    page = Page(emotion[1])
    assert emotion[1].startswith("<!DOCTYPE html>\n<html lang=")
    tags = [tag for tag, _ in page.tags]
    assert not {"script", "link", "img", "iframe", "a"} & set(tags)
    assert not any(key in ("src", "href", "style") or key.startswith("on") for _, keys in page.tags for key in keys)
    assert "url(" not in emotion[1]
    assert tags.count("table") == len(page.tables) == tags.count("caption") == 10
    assert all(keys.get("scope") in ("row", "col") for tag, keys in page.tags if tag == "th")
    assert tags.count("h1") == tags.count("main") == 1
    labels = {keys["id"] for tag, keys in page.tags if tag == "h2"}
    assert labels == {keys["aria-labelledby"] for tag, keys in page.tags if tag == "section"}
    assert "prefers-color-scheme: dark" in emotion[1]


def test_the_same_inputs_give_the_same_bytes(emotion: tuple[dict[str, Any], str], tmp_path: Path) -> None:
    make_card(tmp_path, EMOTION)
    assert make_card(tmp_path, EMOTION, "again") == emotion
    for name in ("model_card.json", "model_card.html"):
        assert (tmp_path / "card" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_what_a_task_does_not_have_leaves_no_empty_table(tmp_path: Path) -> None:
    facts, html = make_card(tmp_path, KEYPOINTS)
    assert facts["data"]["classes"] == {}
    assert not any(caption.startswith(("Rows by class", "Rows left out", "Findings")) for caption in Page(html).tables)
    assert len(facts["schema"]) == 37
    assert ["nose_tip_x", "FLOAT", "at least 10 %", "no", "0 to 96"] in Page(html).table("Features")


def test_the_component_takes_what_the_nodes_before_give() -> None:
    node = ModelCardGen(
        examples=channel_utils.as_channel([standard_artifacts.Examples()]),
        schema=channel_utils.as_channel([standard_artifacts.Schema()]),
        findings=channel_utils.as_channel([Findings()]),
        report=channel_utils.as_channel([report.BlessingReport()]),
        model_name="emotion_ai",
        description="{}",
        **PARAMETERS,
    )
    assert node.outputs["model_card"].type is ModelCard
