"""The files of serving_config/, parsed, for the tests."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).resolve().parents[3] / "serving_config"
MODELS = ["emotion_ai", "facial_keypoints"]


def documents(folder: str) -> list[dict[str, Any]]:
    return [
        document
        for path in sorted((FOLDER / folder).glob("*.yaml"))
        for document in yaml.safe_load_all(path.read_text())
    ]


def of_kind(kind: str) -> dict[str, Any]:
    [document] = [document for document in documents("kubernetes") if document["kind"] == kind]
    return document


COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text())
POD: dict[str, Any] = of_kind("Deployment")["spec"]["template"]["spec"]
CONTAINER: dict[str, Any] = POD["containers"][0]
INFERENCE_SERVICES = documents("kserve")
