"""Fits a recipe's model: one cycle of the learning rate, stopped by `eval`, best weights kept."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path

import keras
import tensorflow as tf

from pipeline.training.batches import evaluation_batches, evaluation_steps, steps_per_epoch, training_batches
from pipeline.training.checkpoints import Checkpoint, read_checkpoint
from pipeline.training.devices import (
    bytes_per_image,
    compiles,
    computing_in,
    dtype_policy,
    fitted_to,
    let_memory_grow,
    list_gpus,
)
from pipeline.training.faces import Faces
from pipeline.training.loop import run_epochs
from pipeline.training.monitoring import Curves
from pipeline.training.optimizer import FusedAdamW
from pipeline.training.recipe import Recipe
from pipeline.training.schedule import OneCycle
from pipeline.training.settings import Training
from pipeline.training.strategies import check_batch_size, create_strategy, deal_batches, split_batches
from pipeline.training.warm_start import load_weights

# What a person wants to see of a running node; the console listens.
progress = logging.getLogger("emotion_ai.progress")


def fit(
    recipe: Recipe,
    settings: Training,
    train: Faces,
    evaluation: Faces,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    checkpoint: Path | None = None,
    strategy: tf.distribute.Strategy | None = None,
) -> keras.Model:
    """The model with its best weights.

    Args:
      recipe: the model and how to learn it.
      settings: how long and how fast.
      train: rows to fit the weights to.
      evaluation: rows that pick the best epoch and stop the training.
      callbacks: further ones of Keras.
      checkpoint: file to go on from if it is there, and to write at each epoch's end; None for neither.
      strategy: of tf.distribute; None for that of the settings.

    Raises:
      InputError: there is no such model to begin with as the settings name, or the batches cannot be dealt out evenly.
    """
    # Layers are numbered, and TensorFlow adds up gradients in the order of names: a model that comes second in its
    # process would differ in the last digits. What a Tuner's trial has left is of no use any more, either.
    keras.utils.clear_session()
    let_memory_grow()
    strategy = strategy or create_strategy(settings.strategy)
    with strategy.scope():
        return _fit(recipe, settings, train, evaluation, callbacks, checkpoint)


def _fit(
    recipe: Recipe,
    settings: Training,
    train: Faces,
    evaluation: Faces,
    callbacks: Sequence[keras.callbacks.Callback],
    checkpoint: Path | None,
) -> keras.Model:
    keras.utils.set_random_seed(settings.seed)
    strategy = tf.distribute.get_strategy()
    replicas = strategy.num_replicas_in_sync
    gpus = list_gpus()[: None if replicas > 1 else 1]
    with computing_in(dtype_policy(gpus)):
        model = recipe.build_model(settings.width)
    settings = fitted_to(gpus, settings, len(train.images), bytes_per_image(model))
    check_batch_size(strategy, settings.batch_size)
    steps = steps_per_epoch(len(train.images), settings.batch_size)
    schedule = OneCycle(settings.learning_rate, steps * settings.epochs)
    optimizer = FusedAdamW(schedule, settings.weight_decay)
    model.compile(optimizer=optimizer, loss=recipe.loss, metrics=recipe.metrics(), jit_compile=compiles(gpus, replicas))
    model.summary(print_fn=logging.getLogger(__name__).info)
    if settings.warm_start is not None:
        load_weights(model, settings.warm_start)
        progress.info("begins with the weights of %s", settings.warm_start)
    model.optimizer.build(model.trainable_variables)
    saved = read_checkpoint(checkpoint, model) if checkpoint else None
    first_epoch = saved.epochs if saved else 0
    if saved:
        progress.info("goes on after epoch %d of %d", first_epoch, settings.epochs)
        for callback in callbacks:
            if isinstance(callback, Curves):
                callback.replay(saved.history, schedule, steps)
        if saved.stopped or first_epoch == settings.epochs:
            model.set_weights(saved.best_weights)
            return model
    stopping = keras.callbacks.EarlyStopping("val_loss", patience=settings.patience, restore_best_weights=True)
    batches = training_batches(train, recipe, settings, first_epoch)
    run_epochs(
        model,
        split_batches(strategy, batches.repeat()),
        deal_batches(strategy, evaluation_batches(evaluation, settings.batch_size, replicas).repeat()),
        steps,
        evaluation_steps(len(evaluation.images), settings.batch_size),
        range(first_epoch, settings.epochs),
        [
            stopping,
            _EpochProgress(settings.epochs),
            *callbacks,
            *([Checkpoint(checkpoint, stopping, saved)] if checkpoint else []),
        ],
    )
    return model


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
