"""The example requests: a server answers them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import requests

from tests.serving.config.shipped import FOLDER
from tests.serving.local_server import LocalServer

FILES = sorted((FOLDER / "requests").glob("*.json"))
MODELS = {"emotion": "emotion_ai", "keypoints": "facial_keypoints"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_example_is_answered(path: Path, served: LocalServer) -> None:
    subject, form = path.stem.split("-")
    method = "classify" if form == "classify" else "predict"
    url = f"{served.rest}/v1/models/{MODELS[subject]}:{method}"
    answer = requests.post(url, data=path.read_bytes(), timeout=30)
    assert answer.status_code == 200, answer.text
    [row] = {
        "rows": lambda body: body["predictions"],
        "columns": lambda body: body["outputs"]["label"],
        "classify": lambda body: body["results"],
    }[form](answer.json())
    assert row


def test_examples_are_small() -> None:
    assert {path.stem for path in FILES} == {"emotion-rows", "emotion-columns", "emotion-classify", "keypoints-rows"}
    for path in FILES:
        json.loads(path.read_text())
        assert path.stat().st_size < 4096
