"""A server of both models, for all tests of the session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving.local_server import LocalServer, local_server

STABLE, CANARY = 1, 2

_MODEL = """
  config {{
    name: "{name}"
    base_path: "{path}"
    model_platform: "tensorflow"
    model_version_policy {{ all {{}} }}
    version_labels {{ key: "stable" value: {stable} }}
    version_labels {{ key: "canary" value: {canary} }}
  }}
"""


@pytest.fixture(scope="session")
def models_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Has <model name>/<version> of both models for the versions STABLE and CANARY; not to be changed."""
    # Here, as it takes seconds: a server that is already there needs none of it.
    from tests.serving.models import write_versions

    folder = tmp_path_factory.mktemp("models")
    write_versions(folder, STABLE, CANARY)
    return folder


@pytest.fixture(scope="session")
def served(models_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """A local server of both models in two versions, with the labels stable and canary."""
    folder = tmp_path_factory.mktemp("served")
    names = ("emotion_ai", "facial_keypoints")
    models = [_MODEL.format(name=name, path=models_folder / name, stable=STABLE, canary=CANARY) for name in names]
    config = folder / "models.config"
    config.write_text("model_config_list {" + "".join(models) + "}\n")
    flags = (f"--model_config_file={config}", "--allow_version_labels_for_unavailable_models=true")
    with local_server(folder, dict.fromkeys(names, 2), *flags) as server:
        yield server
