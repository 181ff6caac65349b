"""A training that begins with the weights of an exported model."""

from __future__ import annotations

import functools
import logging
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from components.errors import InputError
from pipeline.drawn_faces.dataset import draw_emotion_faces
from pipeline.emotion.training import RECIPE, one_hot
from pipeline.keypoints.training import RECIPE as KEYPOINTS_RECIPE
from pipeline.signatures import export
from pipeline.tasks import EMOTION
from pipeline.training.faces import Faces
from pipeline.training.fit import fit
from pipeline.training.warm_start import load_weights, weights_index
from tests.pipeline.training.small_training import small_training
from tests.serving.models import transform_of_no_rows

SETTINGS = small_training(epochs=6, learning_rate=0.005, patience=6)
HAPPY, SURPRISE = 3, 5


class Losses(keras.callbacks.Callback):
    """Of each epoch; and how many steps the optimizer had made when the training began."""

    def __init__(self) -> None:
        super().__init__()
        self.steps_before: int | None = None
        self.losses: list[float] = []

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self.steps_before = int(self.model.optimizer.iterations.numpy())

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.losses.append((logs or {})["val_loss"])


@pytest.fixture(scope="module")
def faces() -> Faces:
    """Happy and surprised ones."""
    images, codes = draw_emotion_faces(200, seed=1)
    chosen = np.isin(codes, (HAPPY, SURPRISE))
    return Faces(images[chosen][..., np.newaxis], one_hot(np.where(codes[chosen] == HAPPY, 3, 4)))


@pytest.fixture(scope="module")
def trained(faces: Faces) -> keras.Model:
    return fit(RECIPE, SETTINGS, faces, faces)


@pytest.fixture(scope="module")
def version(trained: keras.Model, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As the Trainer exports it and the Pusher copies it."""
    folder = tmp_path_factory.mktemp("emotion_ai")
    export(
        trained,
        functools.partial(RECIPE.predict, trained),
        transform_of_no_rows(EMOTION, folder / "transform"),
        str(folder / "1795380312"),
        RECIPE.image_size,
        RECIPE.outputs,
        RECIPE.classes,
    )
    return folder / "1795380312"


def test_all_weights_and_averages_are_taken_over(trained: keras.Model, version: Path) -> None:
    keras.utils.set_random_seed(7)
    model = RECIPE.build_model(SETTINGS.width)
    [seed] = [variable for variable in model.variables if variable.path.endswith("seed_generator_state")]
    own_seed = seed.numpy().tolist()
    load_weights(model, str(version))
    assert len(model.get_weights()) == len(trained.get_weights())
    for found, expected in zip(model.get_weights(), trained.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected)
    averages = [weight.numpy() for weight in model.weights if weight.path.endswith("moving_mean")]
    assert all(np.any(average) for average in averages)
    assert seed.numpy().tolist() == own_seed


def test_begins_better_than_a_cold_training(faces: Faces, version: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "emotion_ai.progress")
    cold, warm = Losses(), Losses()
    # As for fine-tuning: at the rate of a whole training four steps lead anywhere.
    settings = SETTINGS.model_copy(update={"epochs": 1, "learning_rate": 0.0005})
    fit(RECIPE, settings, faces, faces, [cold])
    assert "begins with" not in caplog.text
    fit(RECIPE, settings.model_copy(update={"warm_start": str(version)}), faces, faces, [warm])
    assert f"begins with the weights of {version}" in caplog.text
    assert warm.losses[0] < cold.losses[0] - 1
    assert warm.steps_before == 0


def test_another_width_or_task_is_refused_before_any_training(faces: Faces, version: Path) -> None:
    losses = Losses()
    wider = SETTINGS.model_copy(update={"width": 32, "warm_start": str(version)})
    with pytest.raises(InputError, match=r"^setting warm_start: .*1795380312: its model has another width") as error:
        fit(RECIPE, wider, faces, faces, [losses])
    assert "\n" not in str(error.value)
    assert losses.steps_before is None
    keypoints = KEYPOINTS_RECIPE.build_model(SETTINGS.width)
    before = keypoints.get_weights()
    with pytest.raises(InputError, match="another task"):
        load_weights(keypoints, str(version))
    assert all(np.array_equal(one, other) for one, other in zip(keypoints.get_weights(), before, strict=True))


def test_what_is_no_exported_model_is_refused(version: Path, tmp_path: Path) -> None:
    class Other(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = tf.Variable([1.0])

    tf.saved_model.save(Other(), str(tmp_path / "other"))
    broken = shutil.copytree(version, tmp_path / "broken")
    weights_index(str(broken)).write_bytes(b"nothing")
    unfinished = shutil.copytree(version, tmp_path / "unfinished")
    for path in (unfinished / "variables").glob("variables.data*"):
        path.unlink()
    model = RECIPE.build_model(SETTINGS.width)
    for folder, words in (
        ("missing", "there is no SavedModel"),
        ("other", "it was not written by this pipeline"),
        ("broken", r"its weights cannot be read \("),
        ("unfinished", r"its weights cannot be read \("),
    ):
        with pytest.raises(InputError, match=f"^setting warm_start: {tmp_path / folder}: {words}") as error:
            load_weights(model, str(tmp_path / folder))
        assert "models/NAME/1795380312" in str(error.value)
        assert "\n" not in str(error.value)
