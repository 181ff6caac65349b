"""Training as both models go through it: read, fit with early stopping, keep the best weights, export."""

from __future__ import annotations

import dataclasses
import logging
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
from pydantic import ValidationError
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx_bsl.tfxio import dataset_options

from components.errors import InputError
from pipeline.signatures import Outputs, export
from pipeline.training_settings import Training
from pipeline.yaml_files import describe_problem

# What a person wants to see of a running node; the console listens.
progress = logging.getLogger("emotion_ai.progress")

_READ_BATCH = 1024
_SHUFFLE_BUFFER = 20_000
_PREFETCHED_BATCHES = 2


@dataclasses.dataclass(frozen=True)
class Recipe:
    """What differs between two trainings.

    Attributes:
      image_size: height and width of the images in pixels.
      label: name of the transformed feature to learn.
      build_model: returns the Keras model: float32 [n, size, size, 1], gray values 0..255 -> its output.
      loss: Keras loss of (label, output).
      metrics: names or functions of Keras metrics to watch.
      outputs: what the exported signatures make of the model's output.
      classes: names by class id, of a model whose output is their probabilities.
    """

    image_size: int
    label: str
    build_model: Callable[[], keras.Model]
    loss: str | Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    metrics: list[str | Callable[[tf.Tensor, tf.Tensor], tf.Tensor]]
    outputs: Outputs
    classes: tuple[str, ...] = ()


def fit_and_export(fn_args: FnArgs, recipe: Recipe) -> None:
    """Fits the recipe's model on `train`, stops by `eval`, exports the best weights as a SavedModel.

    Args:
      fn_args: TFX's arguments; `custom_config` holds the settings as `training`.
      recipe: the model and how to learn it.

    Raises:
      InputError: the settings are wrong, which can only be where a run was given others than it was compiled with.
    """
    settings = _read_settings(fn_args.custom_config)
    keras.utils.set_random_seed(settings.seed)
    transform = tft.TFTransformOutput(fn_args.transform_output)
    train = _faces(fn_args, fn_args.train_files, transform, recipe)
    evaluation = _faces(fn_args, fn_args.eval_files, transform, recipe)
    # A final batch of odd size is wasted work to oneDNN, and can crash it.
    batches = train.shuffle(_SHUFFLE_BUFFER, seed=settings.seed).batch(settings.batch_size, drop_remainder=True)
    # The cosine comes down to 0 with the last step; counting the rows also fills the cache.
    rows = int(train.reduce(np.int64(0), lambda count, _: count + 1))
    steps = rows // settings.batch_size * settings.epochs
    schedule = keras.optimizers.schedules.CosineDecay(settings.learning_rate, steps)
    model = recipe.build_model()
    model.compile(optimizer=keras.optimizers.Adam(schedule), loss=recipe.loss, metrics=recipe.metrics)
    model.summary(print_fn=logging.getLogger(__name__).info)
    model.fit(
        batches.map(_to_float).prefetch(_PREFETCHED_BATCHES),
        validation_data=evaluation.batch(settings.batch_size).map(_to_float).prefetch(_PREFETCHED_BATCHES),
        epochs=settings.epochs,
        verbose=0,
        callbacks=[
            keras.callbacks.EarlyStopping("val_loss", patience=settings.patience, restore_best_weights=True),
            keras.callbacks.TensorBoard(fn_args.model_run_dir),
            _EpochProgress(settings.epochs),
        ],
    )
    export(model, transform, fn_args.serving_model_dir, recipe.image_size, recipe.outputs, recipe.classes)


def _read_settings(custom_config: Any) -> Training:
    try:
        return Training.model_validate((custom_config or {}).get("training"))
    except (ValidationError, AttributeError) as error:
        problems = error.errors() if isinstance(error, ValidationError) else []
        what = "; ".join(describe_problem(problem) for problem in problems) or "expected a JSON object"
        raise InputError(
            f"training settings: {what}. They look like "
            '{"training": {"epochs": 12, "batch_size": 32, "learning_rate": 0.002, "patience": 5, "seed": 1}}.'
        ) from None


def _faces(fn_args: FnArgs, files: list[str], transform: tft.TFTransformOutput, recipe: Recipe) -> tf.data.Dataset:
    """(image uint8 [size, size, 1], label) of every row, decoded once and kept in memory as bytes."""
    options = dataset_options.TensorFlowDatasetOptions(
        batch_size=_READ_BATCH, num_epochs=1, shuffle=False, drop_final_batch=False
    )
    rows = fn_args.data_accessor.tf_dataset_factory(files, options, transform.transformed_metadata.schema)

    def decode(features: dict[str, tf.Tensor]) -> tuple[tf.Tensor, tf.Tensor]:
        pixels = tf.io.decode_raw(features["image"], tf.uint8)
        return tf.reshape(pixels, [-1, recipe.image_size, recipe.image_size, 1]), features[recipe.label]

    # tf.data's tuner wakes up at doubling intervals of up to 5 s and more, and the end of each epoch waits for it.
    fixed = tf.data.Options()
    fixed.autotune.enabled = False
    return rows.map(decode).unbatch().cache().with_options(fixed)


def _to_float(images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    return tf.cast(images, tf.float32), labels


class _EpochProgress(keras.callbacks.Callback):
    """Says one line at the end of each epoch."""

    def __init__(self, epochs: int) -> None:
        super().__init__()
        self._epochs = epochs

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self._started = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        values = "  ".join(f"{name} {value:.4f}" for name, value in (logs or {}).items())
        seconds = time.monotonic() - self._started
        progress.info("epoch %d/%d  %s  (%.1f s)", epoch + 1, self._epochs, values, seconds)
