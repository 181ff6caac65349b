"""The local server, started with the shipped files and a models.config made from a folder."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from serving.config.render import write_models_config
from tests.serving.config.shipped import FOLDER
from tests.serving.config.upstream import METRICS
from tests.serving.conftest import CANARY, STABLE
from tests.serving.local_server import LocalServer, local_server

REQUEST = (FOLDER / "requests" / "emotion-rows.json").read_bytes()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("shipped")


@pytest.fixture(scope="module")
def started(folder: Path, models_folder: Path) -> Iterator[LocalServer]:
    config = folder / "models.config"
    # One model starts in half the time.
    (folder / "models").mkdir()
    (folder / "models" / "emotion_ai").symlink_to(models_folder / "emotion_ai")
    write_models_config(config, folder / "models", str(folder / "models"), {})
    flags = [
        f"--model_config_file={config}",
        "--model_config_file_poll_wait_seconds=1",
        "--allow_version_labels_for_unavailable_models=true",
        "--enable_batching=true",
        f"--batching_parameters_file={FOLDER / 'batching.config'}",
        f"--monitoring_config_file={FOLDER / 'monitoring.config'}",
    ]
    with local_server(folder, {"emotion_ai": 2}, *flags) as server:
        yield server


def probabilities(server: LocalServer, place: str) -> list[float]:
    answer = requests.post(f"{server.rest}/v1/models/emotion_ai/{place}:predict", data=REQUEST, timeout=30)
    assert answer.status_code == 200, answer.text
    [row] = answer.json()["predictions"]
    return list(row["probabilities"])


def test_labels_lead_to_the_versions_they_were_made_for(started: LocalServer, folder: Path) -> None:
    by_version = {version: probabilities(started, f"versions/{version}") for version in (STABLE, CANARY)}
    assert by_version[STABLE] != by_version[CANARY]
    assert probabilities(started, "labels/stable") == pytest.approx(by_version[STABLE], abs=1e-5)
    assert probabilities(started, "labels/canary") == pytest.approx(by_version[CANARY], abs=1e-5)
    write_models_config(folder / "models.config", folder / "models", str(folder / "models"), {"emotion_ai": CANARY})
    deadline = time.monotonic() + 20
    while probabilities(started, "labels/stable") != pytest.approx(by_version[CANARY], abs=1e-5):
        assert time.monotonic() < deadline, "the label has not moved"
        time.sleep(0.2)


def test_metrics_of_the_board_are_exposed_with_their_labels(started: LocalServer) -> None:
    probabilities(started, "labels/canary")
    page = requests.get(f"{started.rest}/monitoring/prometheus/metrics", timeout=10).text
    series = {
        name: set(re.findall(r'(\w+)="', labels)) for name, labels in re.findall(r"^(\S+?){(.*)} \S+$", page, re.M)
    }
    assert {name: series.get(name) for name in METRICS} == METRICS
    board = json.loads((FOLDER / "monitoring" / "grafana" / "serving.json").read_text())
    asked = {
        name for panel in board["panels"] for t in panel["targets"] for name in re.findall(r":tensor[\w:]+", t["expr"])
    }
    assert asked <= set(series)
