"""Pieces that both models are built from."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import layers

# Keras's 0.99 needs more steps than a short training has before its averages are worth anything; 0.97 is too slow for
# weights that move as fast as they do in the few steps of a fine-tuning.
_BATCH_NORM_MOMENTUM = 0.9
# In gray values.
_LEAST_DEVIATION = 1.0


class PerImageStandardization(layers.Layer):
    """Each image to mean 0 and standard deviation 1, so that light and contrast do not matter."""

    def __init__(self) -> None:
        """Computes in float32 also where the rest is computed in half of it: float16 ends below 255 squared."""
        super().__init__(dtype="float32")

    def call(self, images: tf.Tensor) -> tf.Tensor:
        """Float [n, h, w, 1] -> the same shape."""
        # tf.image's own allows less than a gray value, and blows up what rounding leaves of a flat picture.
        deviation = tf.maximum(tf.math.reduce_std(images, axis=[1, 2, 3], keepdims=True), _LEAST_DEVIATION)
        return (images - tf.reduce_mean(images, axis=[1, 2, 3], keepdims=True)) / deviation


class FusedBatchNormalization(layers.BatchNormalization):
    """Keras's layer, by TensorFlow's fused kernel while training.

    Keras 3 computes it from a dozen elementwise operations, each through memory: a whole training step of our nets
    takes 1.3 to 1.5 times as long on a CPU.
    """

    def call(self, inputs: tf.Tensor, training: bool | None = None, mask: Any = None) -> tf.Tensor:
        """Float [n, h, w, channels] -> the same shape."""
        if not training:
            return super().call(inputs, training=False)
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs,
            scale=tf.cast(self.gamma, tf.float32),
            offset=tf.cast(self.beta, tf.float32),
            epsilon=self.epsilon,
            is_training=True,
        )
        for average, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            average.assign(average * self.momentum + value * (1 - self.momentum))
        return outputs


def conv(x: keras.KerasTensor, channels: int, kernel: int = 3, strides: int = 1) -> keras.KerasTensor:
    """Convolution and batch normalisation."""
    x = layers.Conv2D(
        channels, kernel, strides=strides, padding="same", use_bias=False, kernel_initializer="he_normal"
    )(x)
    return FusedBatchNormalization(momentum=_BATCH_NORM_MOMENTUM)(x)


def conv_relu(x: keras.KerasTensor, channels: int, kernel: int = 3, strides: int = 1) -> keras.KerasTensor:
    """Convolution, batch normalisation and what is positive of it."""
    return layers.Activation("relu")(conv(x, channels, kernel, strides))


def residual_block(x: keras.KerasTensor, channels: int, strides: int = 1) -> keras.KerasTensor:
    """Two 3x3 convolutions and a shortcut around them.

    After He et al., "Deep Residual Learning for Image Recognition" (2015), with the shortcut of He et al., "Bag of
    Tricks for Image Classification" (2019): where the resolution is halved it averages, and loses nothing.
    """
    shortcut = x
    if strides > 1:
        shortcut = conv(layers.AveragePooling2D(strides)(x), channels, kernel=1)
    y = conv_relu(x, channels, strides=strides)
    return layers.Activation("relu")(layers.Add()([conv(y, channels), shortcut]))
