from __future__ import annotations

from pathlib import Path

import pytest

from components.errors import InputError
from pipeline.config import Threshold, load_settings


def test_defaults_are_complete() -> None:
    settings = load_settings(None, {})
    assert settings.data.keypoints_csv is None
    assert settings.keypoints.training.epochs > 0
    assert settings.emotion.thresholds["accuracy"].at_least


def test_a_file_changes_only_what_it_names(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text("emotion: {training: {epochs: 3}}\n")
    settings = load_settings(path, {})
    assert settings.emotion.training.epochs == 3
    assert settings.emotion.training.batch_size == load_settings(None, {}).emotion.training.batch_size


def test_options_win_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text("data: {split: hash, emotions_csv: a.csv}\n")
    settings = load_settings(path, {"split": "usage", "emotions_csv": None})
    assert settings.data.split == "usage"
    assert settings.data.emotions_csv == Path("a.csv")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("emotion: {training: {epoch: 3}}", "unknown key 'emotion.training.epoch'"),
        ("emotions: {}", "unknown key 'emotions'"),
        ("emotion: {training: {epochs: 0}}", "'emotion.training.epochs'"),
        ("emotion: {training: {epochs: many}}", "found 'many'"),
        ("data: {split: random}", "'data.split'"),
        ("keypoints: {thresholds: {rmse_px: {at_most: 2, at_least: 1}}}", "exactly one of at_least and at_most"),
        ("emotion: {thresholds: {acuracy: {at_least: 1}}}", "no metric acuracy to set a threshold for; there are accu"),
        ("emotion: [", "not valid YAML"),
        ("emotion: {training: {epochs: 3}}\nemotion: {min_slice_examples: 9}", "line 1: 'emotion' is given twice"),
        ("just text", "expected keys and values"),
        ("a: b: c", "line 1"),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        load_settings(path, {})
    assert expected in str(caught.value)
    assert str(path) in str(caught.value)


def test_missing_and_binary_settings_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such file\. Check --config"):
        load_settings(tmp_path / "none.yaml", {})
    with pytest.raises(InputError, match="is no file"):
        load_settings(tmp_path, {})
    with pytest.raises(InputError, match="is no file"):
        load_settings(Path("/dev/zero"), {})
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="not valid YAML"):
        load_settings(tmp_path / "binary.yaml", {})


def test_threshold_needs_one_limit() -> None:
    with pytest.raises(ValueError, match="exactly one"):
        Threshold()
