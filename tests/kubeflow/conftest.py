"""One installation of Kubeflow, and one run of the package in it, for all tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.config import load_settings
from pipeline.drawn_faces import write_kaggle_csvs
from pipeline.kubeflow_runner import compile_package
from tests.e2e.test_whole_dag import LENIENT
from tests.kubeflow.platform.containers import Processes, why_not
from tests.kubeflow.platform.package import Package, load_package
from tests.kubeflow.platform.release import V2_15
from tests.kubeflow.platform.scheduler import Kubeflow, Run

THRESHOLDS = {
    "keypoint_epochs": 1,
    "keypoint_rate": 0.002,
    "emotion_epochs": 1,
    "may_worsen_by": 400,
    "accuracy": 0,
    "accuracy_may_worsen_by": 1,
    "class_accuracy": 0,
}


def training(epochs: int, batch_size: int, **settings: Any) -> str:
    """A run-time parameter with the settings of a Trainer."""
    values = load_settings(None, {}).emotion.training.model_dump()
    return json.dumps({"training": {**values, "epochs": epochs, "batch_size": batch_size, **settings}})


PARAMETERS = {"data_version": "1", "keypoints_training": training(1, 16), "emotion_training": training(1, 32)}


@pytest.fixture(scope="session")
def containers() -> Processes:
    reason = why_not()
    if reason:
        pytest.skip(f"containers as processes need mount namespaces, and there are none here: {reason}")
    return Processes()


@pytest.fixture(scope="session")
def volumes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Name of a claim -> folder: the CSV files, and the models, of which there are none yet."""
    data = tmp_path_factory.mktemp("data")
    write_kaggle_csvs(data, keypoint_rows=80, emotion_rows=320)
    return {"emotion-ai-data": data, "models": tmp_path_factory.mktemp("models")}


@pytest.fixture(scope="session")
def package_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, as `emotion-ai compile` writes it, with thresholds that little training keeps."""
    folder = tmp_path_factory.mktemp("package")
    (folder / "settings.yaml").write_text(LENIENT.format(**THRESHOLDS))
    settings = load_settings(folder / "settings.yaml", {})
    compile_package(settings, None, "emotion-ai:test", "0123456", folder / "emotion-ai.yaml")
    return folder / "emotion-ai.yaml"


@pytest.fixture(scope="session")
def package(package_file: Path) -> Package:
    return load_package(package_file)


@pytest.fixture(scope="session")
def kubeflow(tmp_path_factory: pytest.TempPathFactory, containers: Processes, volumes: dict[str, Path]) -> Kubeflow:
    return Kubeflow(tmp_path_factory.mktemp("kubeflow"), V2_15, containers, volumes)


@pytest.fixture(scope="session")
def first_run(kubeflow: Kubeflow, package: Package) -> Run:
    """All of it, with nothing cached and no model served."""
    return kubeflow.run(package, PARAMETERS)
