"""Shared fixtures: small CSV files of drawn faces, and an environment in which library output is quiet."""

from __future__ import annotations

import os
from pathlib import Path

# Before TensorFlow is imported anywhere.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest

from pipeline.drawn_faces import write_kaggle_csvs

_TESTS = Path(__file__).parent
# Folders whose tests share expensive things, those that take longest first: side by side, each goes to one process.
_LONGEST_FIRST = (
    "e2e",
    "kubeflow",
    "serving",
    "dashboard",
    "components",
    "pipeline/on_kubeflow",
    "pipeline",
    "corruption",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Says to pytest-xdist which tests belong together."""
    places = [item.path.relative_to(_TESTS).as_posix() for item in items]
    groups = [next((group for group in _LONGEST_FIRST if place.startswith(f"{group}/")), "") for place in places]
    for item, group in zip(items, groups, strict=True):
        item.add_marker(pytest.mark.xdist_group(group))
    order = sorted(range(len(items)), key=lambda i: (*_LONGEST_FIRST, "").index(groups[i]))
    items[:] = [items[i] for i in order]


@pytest.fixture(scope="session")
def drawn_csvs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(training.csv with 60 rows, icml_face_data.csv with 300 rows)."""
    return write_kaggle_csvs(tmp_path_factory.mktemp("drawn"), keypoint_rows=60, emotion_rows=300)
