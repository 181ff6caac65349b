"""Trainings on one device and on two, to compare; a process of its own, as TensorFlow splits a CPU at its start only.

    python -m tests.pipeline.training.two_replicas FOLDER

FOLDER gets the weights of each training, in a file with its name.
"""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from pipeline.keypoints.training import RECIPE
from pipeline.training.faces import Faces
from pipeline.training.fit import fit
from pipeline.training.recipe import Recipe
from pipeline.training.settings import Training
from tests.pipeline.training.small_training import small_training

SETTINGS = small_training(batch_size=8, strategy="mirrored")


def faces(rows: int, seed: int, marked: float = 0.5) -> Faces:
    """Noise with points, so many of them marked."""
    random = np.random.default_rng(seed)
    labels = random.uniform(-1, 1, (rows, 30)).astype(np.float32)
    labels[random.uniform(size=labels.shape) > marked] = np.nan
    return Faces(random.integers(0, 256, (rows, 96, 96, 1), np.uint8), labels)


def no_batch_norm(width: int) -> keras.Model:
    """A model whose step does not depend on how a batch is dealt out; the real ones' statistics are those of a part."""
    pixels = keras.Input((96, 96, 1))
    x = keras.layers.Rescaling(1 / 255)(keras.layers.AveragePooling2D(8)(pixels))
    x = keras.layers.Dense(width, activation="relu")(keras.layers.Flatten()(x))
    return keras.Model(pixels, keras.layers.Dense(30)(x))


# All points marked: where they are not, each part of a batch has a mean of its own.
TRAIN, EVALUATION = faces(32, 1), faces(21, 2)
ALL_MARKED = faces(32, 1, marked=1.0), faces(21, 2, marked=1.0)
PLAIN = dataclasses.replace(RECIPE, build_model=no_batch_norm)


def main(folder: Path) -> None:
    """Trains and saves."""
    [cpu] = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

    def train(name: str, recipe: Recipe, settings: Training, train: Faces, evaluation: Faces) -> None:
        history = keras.callbacks.History()
        model = fit(recipe, settings, train, evaluation, [history])
        losses = np.array([history.history["loss"], history.history["val_loss"]])
        np.savez(folder / f"{name}.npz", losses, *model.get_weights())

    train("plain_one", PLAIN, SETTINGS.model_copy(update={"strategy": "one_device"}), *ALL_MARKED)
    train("plain_two", PLAIN, SETTINGS, *ALL_MARKED)
    train("real_two", RECIPE, SETTINGS, TRAIN, EVALUATION)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
