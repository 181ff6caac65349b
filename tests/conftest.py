"""Shared fixtures: small CSV files of drawn faces, and an environment in which library output is quiet."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

# Before TensorFlow is imported anywhere.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest
from xdist.scheduler import LoadScopeScheduling

from pipeline.drawn_faces import write_kaggle_csvs

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


def _group(path: str) -> str:
    return next((group for group in _LONGEST_FIRST if path.startswith(f"tests/{group}/")), "others")


class _ByFolder(LoadScopeScheduling):
    """Hands whole groups to processes."""

    def _split_scope(self, nodeid: str) -> str:
        return _group(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _ByFolder:
    """Tells pytest-xdist which tests belong together."""
    return _ByFolder(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the longest groups first."""
    items.sort(key=lambda item: (*_LONGEST_FIRST, "others").index(_group(item.nodeid)))


@pytest.fixture(scope="session")
def drawn_csvs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(training.csv with 60 rows, icml_face_data.csv with 300 rows)."""
    return write_kaggle_csvs(tmp_path_factory.mktemp("drawn"), keypoint_rows=60, emotion_rows=300)
