"""The server's models.config, made from the versions in a folder."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from serving.config.files import read_models_config
from serving.config.render import MODELS, render_models_config, write_models_config
from serving.errors import UsageError
from tests.serving.config import shipped


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


def push(models: Path, name: str, *versions: str) -> None:
    for version in versions:
        (models / name / version).mkdir(parents=True)
        (models / name / version / "saved_model.pb").touch()


def made(models: Path, **stable: int) -> dict[str, Any]:
    path = models / "models.config"
    text = write_models_config(path, models, "/models", stable)
    assert path.read_text() == text
    return {model.name: model for model in read_models_config(path).model_config_list.config}


def labels(model: Any) -> dict[str, int]:
    return dict(model.version_labels)


def test_it_names_the_models_of_the_shipped_file() -> None:
    served = read_models_config(shipped.FOLDER / "models.config").model_config_list.config
    assert {model.name for model in served} == set(MODELS) == set(shipped.MODELS)


def test_canary_is_the_newest_and_stable_the_one_before_it(models: Path) -> None:
    push(models, "emotion_ai", "9", "10", "11")
    push(models, "facial_keypoints", "5")
    served = made(models)
    assert labels(served["emotion_ai"]) == {"stable": 10, "canary": 11}
    assert labels(served["facial_keypoints"]) == {"stable": 5, "canary": 5}
    assert {name: model.base_path for name, model in served.items()} == {name: f"/models/{name}" for name in MODELS}
    assert all(model.model_version_policy.latest.num_versions == 2 for model in served.values())


def test_a_pinned_older_version_is_kept_loaded(models: Path) -> None:
    push(models, "emotion_ai", "9", "10", "11")
    pinned = made(models, emotion_ai=9)["emotion_ai"]
    assert labels(pinned) == {"stable": 9, "canary": 11}
    assert list(pinned.model_version_policy.specific.versions) == [9, 11]


@pytest.mark.parametrize("stable", [10, 11])
def test_a_pinned_version_that_is_loaded_anyway_changes_no_policy(models: Path, stable: int) -> None:
    push(models, "emotion_ai", "9", "10", "11")
    pinned = made(models, emotion_ai=stable)["emotion_ai"]
    assert labels(pinned) == {"stable": stable, "canary": 11}
    assert pinned.model_version_policy.latest.num_versions == 2


def test_only_complete_versions_count(models: Path) -> None:
    push(models, "emotion_ai", "7", ".pushing-8", "withdrawn-9", "1e3", "-3", "٣", f"{2**63}")
    (models / "emotion_ai" / "12").mkdir()
    (models / "emotion_ai" / "13").touch()
    served = made(models)
    assert list(served) == ["emotion_ai"]
    assert labels(served["emotion_ai"]) == {"stable": 7, "canary": 7}


def test_mistakes_are_told(models: Path) -> None:
    with pytest.raises(UsageError, match="holds no version of emotion_ai or facial_keypoints"):
        render_models_config(models, "/models", {})
    push(models, "emotion_ai", "7", "8")
    with pytest.raises(UsageError, match=r"has no version 9\. There: 7, 8\."):
        render_models_config(models, "/models", {"emotion_ai": 9})
    with pytest.raises(UsageError, match=r"has no version 9\. There: none\."):
        render_models_config(models, "/models", {"facial_keypoints": 9})
    with pytest.raises(UsageError, match="stable emotion: no such model"):
        render_models_config(models, "/models", {"emotion": 7})
    with pytest.raises(UsageError, match="base path 'models': not absolute"):
        render_models_config(models, "models", {})
    with pytest.raises(UsageError, match="No such file or directory"):
        write_models_config(models / "missing" / "models.config", models, "/models", {})
    (models / "folder").mkdir()
    with pytest.raises(UsageError, match="Is a directory"):
        write_models_config(models / "folder", models, "/models", {})
    assert sorted(path.name for path in models.iterdir()) == ["emotion_ai", "folder"]


def test_another_user_can_read_what_is_written(models: Path) -> None:
    push(models, "emotion_ai", "7")
    made(models)
    assert (models / "models.config").stat().st_mode & 0o777 == 0o644


def test_a_reader_never_sees_half_a_file(models: Path) -> None:
    push(models, "emotion_ai", "7", "8")
    path = models / "models.config"
    made(models)

    def write() -> None:
        for _ in range(100):
            write_models_config(path, models, "/models", {"emotion_ai": 7})
            write_models_config(path, models, "/models", {"emotion_ai": 8})

    writer = threading.Thread(target=write)
    writer.start()
    seen = set()
    # As long as it takes: how often the two threads take turns is not ours to say.
    while writer.is_alive():
        seen.add(labels(read_models_config(path).model_config_list.config[0])["stable"])
    writer.join()
    seen.add(labels(read_models_config(path).model_config_list.config[0])["stable"])
    assert {8} <= seen <= {7, 8}
    assert {entry.name for entry in models.iterdir()} == {"emotion_ai", "models.config"}
