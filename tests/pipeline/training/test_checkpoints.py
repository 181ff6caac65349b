"""A training that is killed and started again: it ends with the very same model."""

from __future__ import annotations

import dataclasses
import logging
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from tfx.orchestration import metadata
from tfx.orchestration.pipeline import Pipeline

from dashboard.training_log import read_training_log
from pipeline.branch import Source, create_branch
from pipeline.config import load_settings
from pipeline.deployment import BEAM_IN_PROCESS, Deployment
from pipeline.emotion.training import RECIPE
from pipeline.local_runner import NodeRun, run_pipeline
from pipeline.tasks import EMOTION, SCHEMAS
from pipeline.training import checkpoints
from pipeline.training.checkpoints import checkpoint_file, checkpoint_folder, read_checkpoint, training_variables
from pipeline.training.faces import Faces
from pipeline.training.fit import fit
from pipeline.training.optimizer import FusedAdamW
from pipeline.training.schedule import OneCycle
from pipeline.training.settings import Training
from tests.components.push_faults.killing import PROCESSES, Points
from tests.pipeline.training.small_training import small_training

SETTINGS = small_training(epochs=4, patience=4)


def toy_model(width: int) -> keras.Model:
    """With all that keeps a state: weights, averages, random numbers."""
    pixels = keras.Input((48, 48, 1))
    x = keras.layers.Flatten()(keras.layers.AveragePooling2D(8)(keras.layers.Rescaling(1 / 255)(pixels)))
    x = keras.layers.BatchNormalization()(keras.layers.Dense(width, activation="relu")(x))
    return keras.Model(pixels, keras.layers.Dense(5, activation="softmax")(keras.layers.Dropout(0.5)(x)))


TOY = dataclasses.replace(RECIPE, build_model=toy_model)


def noise(rows: int, seed: int, classes: tuple[int, ...] = (0, 1, 2, 3, 4)) -> Faces:
    random = np.random.default_rng(seed)
    labels = np.eye(5, dtype=np.float32)[random.choice(classes, rows)]
    return Faces(random.integers(0, 256, (rows, 48, 48, 1), np.uint8), labels)


TRAIN, EVALUATION = noise(64, 1), noise(32, 2)


Arrays = list[npt.NDArray[Any]]


def state(model: keras.Model) -> Arrays:
    return [np.array(variable.numpy()) for variable in training_variables(model)]


def assert_same(first: Arrays, second: Arrays) -> None:
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


class KilledError(Exception):
    """Stands for the end of the process."""


class Witness(keras.callbacks.Callback):
    """Sees all that the training changes after each epoch; may kill it."""

    def __init__(self, kill_after: int | None) -> None:
        super().__init__()
        self.kill_after = kill_after
        self.states: dict[int, Arrays] = {}

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if epoch == self.kill_after:
            raise KilledError

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.states[epoch + 1] = state(self.model)


@dataclasses.dataclass
class Trained:
    """States after the epochs, counted from 1, and the weights in the end."""

    states: dict[int, Arrays]
    weights: Arrays

    def ends_as(self, other: Trained) -> None:
        for epoch, after in self.states.items():
            assert_same(after, other.states[epoch])
        assert_same(self.weights, other.weights)


def train(
    file: Path | None, settings: Training = SETTINGS, rows: Faces = TRAIN, evaluation: Faces = EVALUATION
) -> Trained:
    witness = Witness(None)
    model = fit(TOY, settings, rows, evaluation, [witness], checkpoint=file)
    return Trained(witness.states, model.get_weights())


def kill(
    file: Path, after: int, settings: Training = SETTINGS, rows: Faces = TRAIN, evaluation: Faces = EVALUATION
) -> None:
    with pytest.raises(KilledError):
        fit(TOY, settings, rows, evaluation, [Witness(after)], checkpoint=file)


@pytest.fixture(scope="module")
def uninterrupted() -> Trained:
    return train(None)


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What people see of a running node."""
    caplog.set_level(logging.INFO, "emotion_ai.progress")
    return lambda: [record.getMessage() for record in caplog.records if record.name == "emotion_ai.progress"]


def test_goes_on_as_if_nothing_had_been(uninterrupted: Trained, said: Callable[[], list[str]], tmp_path: Path) -> None:
    file = tmp_path / "new" / "checkpoint.npz"
    kill(file, 1)
    kill(file, 3)
    before = len(said())
    again = train(file)
    assert list(again.states) == [4]
    again.ends_as(uninterrupted)
    assert said()[before] == "goes on after epoch 3 of 4"
    assert [path.name for path in file.parent.iterdir()] == ["checkpoint.npz"]
    # Killed between its last epoch and the export.
    once_more = train(file)
    assert not once_more.states
    once_more.ends_as(uninterrupted)


def test_patience_and_the_best_weights_survive(tmp_path: Path) -> None:
    # The more it learns of one class, the worse it gets at the others.
    settings = SETTINGS.model_copy(update={"epochs": 12, "patience": 3})
    data = noise(64, 1, (0,)), noise(32, 2, (1, 2))
    expected = train(None, settings, *data)
    last = max(expected.states)
    assert 4 <= last < 12, "the setup: it stops early"
    kill(tmp_path / "checkpoint.npz", last - 1, settings, *data)
    again = train(tmp_path / "checkpoint.npz", settings, *data)
    assert list(again.states) == [last]
    again.ends_as(expected)
    once_more = train(tmp_path / "checkpoint.npz", settings, *data)
    assert not once_more.states
    once_more.ends_as(expected)


def truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


def one_byte_changed(content: bytes) -> bytes:
    at = len(content) // 2
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def emptied(content: bytes) -> bytes:
    return b""


def another_file(content: bytes) -> bytes:
    return b"no checkpoint at all"


@pytest.fixture(scope="module")
def left_behind(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The checkpoint after two epochs."""
    file = tmp_path_factory.mktemp("left") / "checkpoint.npz"
    kill(file, 2)
    return file.read_bytes()


def before_training(width: int) -> keras.Model:
    model = toy_model(width)
    model.compile(FusedAdamW(OneCycle(SETTINGS.learning_rate, 10), SETTINGS.weight_decay))
    model.optimizer.build(model.trainable_variables)
    return model


@pytest.mark.parametrize("damage", [truncated, one_byte_changed, emptied, another_file])
def test_a_broken_one_is_told_and_changes_nothing(
    damage: Callable[[bytes], bytes], left_behind: bytes, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    file = tmp_path / "checkpoint.npz"
    file.write_bytes(damage(left_behind))
    model = before_training(SETTINGS.width)
    before = state(model)
    assert read_checkpoint(file, model) is None
    assert_same(state(model), before)
    [warning] = [record.getMessage() for record in caplog.records if record.name == checkpoints.__name__]
    assert warning.startswith(f"{file}: this checkpoint cannot be used (")
    assert warning.endswith("). The training begins anew.")


def test_that_of_another_model_changes_nothing(
    left_behind: bytes, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    (tmp_path / "checkpoint.npz").write_bytes(left_behind)
    wider = before_training(32)
    before = state(wider)
    assert read_checkpoint(tmp_path / "checkpoint.npz", wider) is None
    assert_same(state(wider), before)
    assert "another model" in caplog.text


def test_a_training_that_cannot_write_goes_on(
    uninterrupted: Trained, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("no folder")
    train(tmp_path / "taken" / "checkpoint.npz").ends_as(uninterrupted)
    assert caplog.text.count("no checkpoint of epoch") == 4


def test_only_the_same_training_has_the_same_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def name(settings: Training = SETTINGS, train: Faces = TRAIN, evaluation: Faces = EVALUATION) -> str:
        return checkpoint_file(tmp_path, RECIPE, settings, train, evaluation).name

    def changed(**values: Any) -> Training:
        return SETTINGS.model_copy(update=values)

    one_pixel, one_label = TRAIN.images.copy(), TRAIN.labels.copy()
    one_pixel[3, 4, 5] ^= 1
    one_label[3] = np.roll(one_label[3], 1)
    names = [
        name(),
        *(name(changed(**{key: value})) for key, value in {"epochs": 5, "seed": 2, "learning_rate": 0.02}.items()),
        name(train=Faces(one_pixel, TRAIN.labels)),
        name(train=Faces(TRAIN.images, one_label)),
        name(train=EVALUATION, evaluation=TRAIN),
    ]
    for content in ("first", "second"):
        (tmp_path / "variables").mkdir(exist_ok=True)
        (tmp_path / "variables" / "variables.index").write_text(content)
        names.append(name(changed(warm_start=str(tmp_path))))
    same = name(SETTINGS.model_copy(), Faces(TRAIN.images.copy(), TRAIN.labels.copy()))
    monkeypatch.setattr(checkpoints, "code_fingerprint", lambda module: f"other code of {module}")
    names.append(name())
    assert len(set(names)) == len(names)
    assert same == names[0]
    assert same.startswith("emotion-")


def test_those_that_nobody_goes_on_with_are_removed(tmp_path: Path) -> None:
    paths = {age: tmp_path / f"emotion-{age}.npz" for age in (1, 29, 31)}
    for days, path in paths.items():
        path.write_text("of other settings")
        os.utime(path, (time.time() - days * 24 * 3600,) * 2)
    kill(tmp_path / "emotion-0.npz", 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["emotion-0.npz", "emotion-1.npz", "emotion-29.npz"]


def test_the_folder_is_that_of_the_run_or_of_the_container(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHECKPOINTS", raising=False)
    assert checkpoint_folder({"training": {}}) is None
    assert checkpoint_folder({"checkpoints": ""}) is None
    monkeypatch.setenv("CHECKPOINTS", "/models/.checkpoints")
    assert checkpoint_folder({"training": {}}) == Path("/models/.checkpoints")
    assert checkpoint_folder({"checkpoints": "artifacts/checkpoints"}) == Path("artifacts/checkpoints")


class Console:
    def node_started(self, node_id: str) -> None:
        pass

    def node_ended(self, run: NodeRun) -> None:
        pass


def run_branch(folder: Path, csv: Path, run_id: str, checkpoints_folder: str) -> dict[str, NodeRun]:
    """The real nodes from CSV to Trainer."""
    (folder / "settings.yaml").write_text("emotion: {training: {epochs: 4, width: 16, batch_size: 8}}")
    settings = load_settings(folder / "settings.yaml", {})
    deployment = Deployment(
        str(folder / "models"), str(SCHEMAS), run_id, "none", lambda *code: "1", BEAM_IN_PROCESS, checkpoints_folder
    )
    nodes = create_branch(EMOTION, Source(str(csv), "1"), settings.emotion, settings.serving, deployment)
    until = [node.id for node in nodes].index("EmotionTrainer")
    pipeline = Pipeline(
        "checkpoints",
        str(folder / "nodes"),
        components=nodes[: until + 1],
        enable_cache=True,
        metadata_connection_config=metadata.sqlite_metadata_connection_config(str(folder / "metadata.sqlite")),
        beam_pipeline_args=list(BEAM_IN_PROCESS),
    )
    return run_pipeline(pipeline, run_id, Console())


def run_until_third_checkpoint(log: Path, arguments: tuple[Any, ...]) -> None:
    """Is killed when that is written and has not got its name."""
    Points(3, log).watch("pipeline.training.checkpoints.os.replace")
    run_branch(*arguments)


def exported(run: NodeRun) -> Arrays:
    [model] = run.outputs["model"]
    reader = tf.train.load_checkpoint(f"{model.uri}/Format-Serving/variables/variables")
    return [reader.get_tensor(key) for key in sorted(reader.get_variable_to_shape_map()) if "model_variables" in key]


def test_a_killed_trainer_exports_the_model_of_an_uninterrupted_one(
    drawn_csvs: tuple[Path, Path], said: Callable[[], list[str]], tmp_path: Path
) -> None:
    folder = tmp_path / "checkpoints"
    arguments = tmp_path, drawn_csvs[1], "killed", str(folder)
    killed = PROCESSES.Process(target=run_until_third_checkpoint, args=(tmp_path / "point", arguments))
    killed.start()
    killed.join()
    assert killed.exitcode == -signal.SIGKILL
    assert len(list(folder.glob("emotion-*.npz"))) == 1
    assert len(list(folder.iterdir())) == 2

    again = run_branch(tmp_path, drawn_csvs[1], "again", str(folder))["EmotionTrainer"]
    assert again.state == "done", again.message
    assert said()[0] == "goes on after epoch 2 of 4"
    assert not list(folder.iterdir())
    uninterrupted = run_branch(tmp_path, drawn_csvs[1], "anew", "")["EmotionTrainer"]
    assert uninterrupted.state == "done", uninterrupted.message
    assert [line.split()[1] for line in said()[1:] if line.startswith("epoch")] == [
        "3/4",
        "4/4",
        "1/4",
        "2/4",
        "3/4",
        "4/4",
    ]
    assert_same(exported(again), exported(uninterrupted))
    logs = [read_training_log(run.outputs["model_run"][0].uri) for run in (again, uninterrupted)]
    assert logs[0] is not None
    assert logs[1] is not None
    assert logs[0].epochs == [1, 2, 3, 4]
    assert logs[0].metrics == logs[1].metrics
