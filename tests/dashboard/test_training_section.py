import dataclasses
import html
import json
import time
from pathlib import Path

import keras
import numpy as np
import pytest
from ml_metadata.metadata_store import metadata_store

from dashboard.runs import Artifact, Branch, Node, read_run
from dashboard.sections import training
from dashboard.training_log import TrainingLog, read_training_log
from tests.dashboard.conftest import RUNNING, SECOND

EPOCHS = 3


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, list[float]]]:
    """The folder of a real training's logs, and what Keras itself says of it; 'seconds' is how long it took."""
    folder = tmp_path_factory.mktemp("model_run")
    random = np.random.default_rng(0)
    x, y = random.normal(size=(64, 3)), random.normal(size=64)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 4 * EPOCHS)
    model.compile(keras.optimizers.Adam(schedule), "mse", metrics=["mae"])
    board = keras.callbacks.TensorBoard(str(folder))
    begun = time.time()
    history = model.fit(
        x, y, batch_size=16, epochs=EPOCHS, validation_data=(x[:20], y[:20] + 1), verbose=0, callbacks=[board]
    )
    return folder, {**history.history, "seconds": [time.time() - begun]}


@pytest.fixture(scope="module")
def log(trained: tuple[Path, dict[str, list[float]]]) -> TrainingLog:
    found = read_training_log(str(trained[0]))
    assert found is not None
    return found


def branch_of(folder: Path, config: str) -> Branch:
    run = Artifact(1, "ModelRun", str(folder), {})
    trainer = Node("ToyTrainer", "Trainer", "done", 1.0, "", (), {}, {"model_run": (run,)}, {"custom_config": config})
    return Branch("Toy", (trainer,))


def test_the_curves_are_what_keras_says(trained: tuple[Path, dict[str, list[float]]], log: TrainingLog) -> None:
    history = trained[1]
    assert list(log.metrics) == ["loss", "mae"]
    assert log.epochs == [1, 2, 3]
    for metric in ("loss", "mae"):
        for split, name in (("train", metric), ("validation", f"val_{metric}")):
            np.testing.assert_allclose(list(log.metrics[metric][split].values()), history[name], rtol=1e-5)
    assert log.best_epoch == int(np.argmin(history["val_loss"])) + 1
    # The cosine ends at 0 with the last step.
    assert log.learning_rate[3] == pytest.approx(0, abs=1e-6)
    assert log.learning_rate[1] == pytest.approx(0.1 * (1 + np.cos(np.pi * 4 / 12)) / 2, rel=1e-4)


def test_seconds_are_of_one_epoch_each(trained: tuple[Path, dict[str, list[float]]], log: TrainingLog) -> None:
    assert min(log.seconds.values()) > 0
    # Before the first event Keras builds the model, after the last one it only ends.
    assert sum(log.seconds.values()) <= trained[1]["seconds"][0]


def test_the_page_shows_epochs_settings_and_the_command(trained: tuple[Path, dict[str, list[float]]]) -> None:
    config = json.dumps({"training": {"epochs": 9, "seed": None}, "code_fingerprint": "<b>"})
    [section] = training.sections(branch_of(trained[0], config))
    text = html.unescape(str(section.body))
    assert section.id == "toy-training"
    assert "of 9 at most" in text
    assert "Learning rate by epoch" in text
    assert "tensorboard --logdir" in text
    assert "&lt;b&gt;" in section.body
    # Where the folders lie is the machine's business.
    assert str(trained[0].parent.parent) not in text


def test_the_first_of_several_best_epochs_counts() -> None:
    log = TrainingLog({"loss": {"validation": {1: np.nan, 2: 0.5, 3: 0.5}}}, {}, {})
    assert log.best_epoch == 2
    assert dataclasses.replace(log, metrics={"loss": {}}).best_epoch is None


def test_nothing_is_shown_without_an_epoch(tmp_path: Path) -> None:
    assert read_training_log(str(tmp_path)) is None
    (tmp_path / "train").mkdir()
    assert read_training_log(str(tmp_path)) is None
    [section] = training.sections(branch_of(tmp_path, "{}"))
    assert "missing or broken" in section.body


def test_runs_of_the_store(store: metadata_store.MetadataStore) -> None:
    [section] = training.sections(read_run(store, SECOND).branches[0])
    assert "of 5 at most" in section.body
    [section] = training.sections(read_run(store, RUNNING).branches[0])
    assert "is at work" in section.body
