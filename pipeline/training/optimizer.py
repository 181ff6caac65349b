"""AdamW, by one of TensorFlow's kernels for each weight."""

from __future__ import annotations

import keras
import tensorflow as tf


class FusedAdamW(keras.optimizers.Adam):
    """Keras's AdamW with one operation for what takes a dozen there, each through memory.

    Loshchilov & Hutter, "Decoupled weight decay regularization" (2019). What decays are kernels; scales and offsets,
    which have one dimension, do not.
    """

    def __init__(
        self, learning_rate: keras.optimizers.schedules.LearningRateSchedule | float, weight_decay: float
    ) -> None:
        """For a training.

        Args:
          learning_rate: of each step.
          weight_decay: part of a kernel that a step takes away, in learning rates.
        """
        super().__init__(learning_rate)
        self._decay = weight_decay

    def update_step(self, gradient: tf.Tensor, variable: tf.Variable, learning_rate: tf.Tensor) -> None:
        """One step of one weight; called by Keras, under a strategy on each device."""
        if len(variable.shape) > 1:
            variable.assign(variable * (1 - learning_rate * self._decay))
        index = self._get_variable_index(variable)
        steps = tf.cast(self.iterations + 1, tf.float32)
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[index].value.handle,
            v=self._velocities[index].value.handle,
            beta1_power=self.beta_1**steps,
            beta2_power=self.beta_2**steps,
            lr=learning_rate,
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=gradient,
        )
