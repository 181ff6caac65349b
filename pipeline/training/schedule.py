"""How the learning rate goes up and down."""

from __future__ import annotations

import math

import keras
import tensorflow as tf

# Part of the steps on the way up, and where it begins, as a part of the peak.
_WARM_UP = 0.25
_START = 0.04


class OneCycle(keras.optimizers.schedules.LearningRateSchedule):
    """Up along a line for a quarter of the steps, then down to 0 along a cosine.

    After Smith & Topin, "Super-convergence: very fast training of neural networks using large learning rates" (2018).
    """

    def __init__(self, peak: float, steps: int) -> None:
        """For a training of `steps` steps."""
        self._peak = peak
        self._steps = steps

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        """The rate of a step, float32 []."""
        done = tf.cast(step, tf.float32) / self._steps
        up = _START + (1 - _START) * done / _WARM_UP
        down = (1 + tf.cos(math.pi * (done - _WARM_UP) / (1 - _WARM_UP))) / 2
        return self._peak * tf.where(done < _WARM_UP, up, down)

    def get_config(self) -> dict[str, float]:
        """As Keras wants it."""
        return {"peak": self._peak, "steps": self._steps}
