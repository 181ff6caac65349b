"""Batches to learn from: sampled, shuffled and augmented by the seed alone, so that a training can go on anywhere."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from pipeline.training.faces import Faces
from pipeline.training.recipe import Recipe
from pipeline.training.settings import Training

_PREFETCHED_BATCHES = 4
# tf.data would search all that a function calls for Python's `if` and `for` over tensors, of which there are none: this
# takes longer than to trace it.
_without_autograph = tf.autograph.experimental.do_not_convert


def steps_per_epoch(rows: int, batch_size: int) -> int:
    """Whole batches in an epoch; at least one, however few rows there are."""
    return max(1, rows // batch_size)


def training_batches(faces: Faces, recipe: Recipe, settings: Training, first_epoch: int = 0) -> tf.data.Dataset:
    """The batches of all epochs from `first_epoch` on, one after the other.

    What an epoch holds depends on the seed and the epoch's number only. Rows appear by their sampling weight: with
    equal ones each appears exactly once (but for those that fill no whole batch).

    Args:
      faces: all rows.
      recipe: its sampling weights and augmentation.
      settings: seed, epochs, how strongly to augment, and rows in each batch. A final batch of odd size is not made: it
        is wasted work to oneDNN, and can crash it.
      first_epoch: number of the first one, from 0.

    Returns:
      Dataset of (images float32 [batch, size, size, 1], labels float32 [batch, outputs]).
    """
    rows, batch_size = len(faces.images), settings.batch_size
    steps = steps_per_epoch(rows, batch_size)
    drawn = max(rows, batch_size)
    weights = recipe.sampling_weights(faces.labels)
    shares = tf.constant(np.cumsum(weights / weights.sum()))
    images, labels = tf.constant(faces.images), tf.constant(faces.labels)

    @_without_autograph
    def rows_of(epoch: tf.Tensor) -> tf.data.Dataset:
        of_epoch = tf.stack([tf.constant(settings.seed, tf.int64), epoch])
        # Systematic sampling: evenly spaced positions on the cumulated shares, so that chance moves each row's count
        # by one at most.
        offset = tf.random.stateless_uniform([], of_epoch, dtype=tf.float64)
        positions = (tf.range(drawn, dtype=tf.float64) + offset) / drawn
        indices = tf.minimum(tf.searchsorted(shares, positions, side="right"), rows - 1)
        order = tf.random.experimental.stateless_shuffle(indices, of_epoch)
        batches = tf.reshape(order[: steps * batch_size], [steps, batch_size])
        return tf.data.Dataset.zip(
            tf.data.Dataset.range(epoch * steps, (epoch + 1) * steps), tf.data.Dataset.from_tensor_slices(batches)
        )

    @_without_autograph
    def load(step: tf.Tensor, indices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        of_step = tf.stack([tf.constant(settings.seed, tf.int64), step])
        return recipe.augment(tf.gather(images, indices), tf.gather(labels, indices), of_step, settings.augmentation)

    batches = tf.data.Dataset.range(first_epoch, settings.epochs).flat_map(rows_of).map(load)
    return _quick_to_end(batches.prefetch(_PREFETCHED_BATCHES))


def evaluation_steps(rows: int, batch_size: int) -> int:
    """Batches of an evaluation, the last one may not be whole."""
    return math.ceil(rows / batch_size)


def evaluation_batches(faces: Faces, batch_size: int, replicas: int = 1) -> tf.data.Dataset:
    """Each row once, in order, as it is.

    Args:
      faces: all rows.
      batch_size: greatest number of rows for all replicas in a step.
      replicas: devices that share the work. Each step has a batch for each of them, none without a row: the batches are
        of nearly equal size.

    Returns:
      Dataset of `evaluation_steps` * replicas batches, shapes as of `training_batches`.
    """
    rows = len(faces.images)
    count = evaluation_steps(rows, batch_size) * replicas
    images, labels = tf.constant(faces.images), tf.constant(faces.labels)

    @_without_autograph
    def load(batch: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        first, end = batch * rows // count, (batch + 1) * rows // count
        return tf.cast(images[first:end], tf.float32), labels[first:end]

    return _quick_to_end(tf.data.Dataset.range(count).map(load).prefetch(_PREFETCHED_BATCHES))


def _quick_to_end(batches: tf.data.Dataset) -> tf.data.Dataset:
    # tf.data's tuner wakes up at doubling intervals of up to 5 s and more, and the end of each epoch waits for it.
    options = tf.data.Options()
    options.autotune.enabled = False
    return batches.with_options(options)
