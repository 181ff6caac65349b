"""Shared fixtures: small CSV files of drawn faces, and an environment in which library output is quiet."""

from __future__ import annotations

import os
from pathlib import Path

# Before TensorFlow is imported anywhere.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest

from pipeline.drawn_faces import write_kaggle_csvs


@pytest.fixture(scope="session")
def drawn_csvs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """(training.csv with 60 rows, icml_face_data.csv with 300 rows)."""
    return write_kaggle_csvs(tmp_path_factory.mktemp("drawn"), keypoint_rows=60, emotion_rows=300)
