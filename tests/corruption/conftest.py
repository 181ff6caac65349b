"""Clean drawn data for the corruption suite: enough rows to learn the usual layout from."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.drawn_faces import write_kaggle_csvs
from pipeline.tasks import EMOTION, KEYPOINTS
from tests.corruption.tables import Table
from tests.data_chain import Outcome, run_chain


@pytest.fixture(scope="session")
def clean_csvs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_kaggle_csvs(tmp_path_factory.mktemp("clean"), keypoint_rows=1100, emotion_rows=900)


@pytest.fixture
def keypoints(clean_csvs: tuple[Path, Path]) -> Table:
    return Table.read(clean_csvs[0])


@pytest.fixture
def emotions(clean_csvs: tuple[Path, Path]) -> Table:
    return Table.read(clean_csvs[1])


@pytest.fixture(scope="session")
def clean_keypoints(tmp_path_factory: pytest.TempPathFactory, clean_csvs: tuple[Path, Path]) -> Outcome:
    return run_chain(tmp_path_factory.mktemp("clean_keypoints"), clean_csvs[0], KEYPOINTS)


@pytest.fixture(scope="session")
def clean_emotions(tmp_path_factory: pytest.TempPathFactory, clean_csvs: tuple[Path, Path]) -> Outcome:
    return run_chain(tmp_path_factory.mktemp("clean_emotions"), clean_csvs[1], EMOTION)
