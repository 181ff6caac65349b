"""The ResNet for keypoints."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from pipeline.keypoints.features import HALF_SIZE, IMAGE_SIZE, POINTS
from pipeline.training.layers import PerImageStandardization, conv, conv_relu, residual_block

_STEM = 16
# Channels of the stages, each at half the resolution of the one before, in widths.
_STAGES = (1, 2, 3)


def build_model(width: int) -> keras.Model:
    """Gray values 0..255, float32 [n, 96, 96, 1] -> coordinates scaled to [-1, 1], float32 [n, 30].

    A ResNet whose stages are added up again at the resolution of the first one (Lin et al., "Feature pyramid networks
    for object detection", 2017), and a map for each point, whose centre of mass the point is.

    Args:
      width: channels of the first stage.
    """
    pixels = keras.Input((IMAGE_SIZE, IMAGE_SIZE, 1), name="image")
    x = conv_relu(PerImageStandardization()(pixels), _STEM, kernel=5, strides=2)
    stages = []
    for widths in _STAGES:
        x = residual_block(x, widths * width, strides=2)
        stages.append(x)
    y = conv(stages.pop(), width, kernel=1)
    while stages:
        finer = conv(stages.pop(), width, kernel=1)
        y = layers.Activation("relu")(layers.Add()([layers.UpSampling2D()(y), finer]))
    y = conv_relu(y, width)
    # In float32 also where the rest is computed in half of it: the points would move in steps of a quarter of a pixel.
    maps = layers.Dense(len(POINTS), dtype="float32", name="maps")(y)
    return keras.Model(pixels, CentresOfMass(name="scaled_keypoints")(maps))


class CentresOfMass(layers.Layer):
    """Where the softmax of each map has its centre of mass, in coordinates scaled to [-1, 1].

    After Sun et al., "Integral human pose regression" (2018): finer than the map's cells, and learned by the plain
    mean squared error of the coordinates.
    """

    def __init__(self, name: str) -> None:
        """Computes in float32."""
        super().__init__(name=name, dtype="float32")

    def call(self, maps: tf.Tensor) -> tf.Tensor:
        """float32 [n, size, size, points] -> float32 [n, 2 * points], x and y of each."""
        size, points = maps.shape[1], maps.shape[3]
        mass = tf.nn.softmax(tf.transpose(tf.reshape(maps, [-1, size * size, points]), [0, 2, 1]))
        # Of the cells' centres, in pixels of the image from the centre of its first one.
        ruler = (np.arange(size, dtype=np.float32) + 0.5) * (IMAGE_SIZE / size) - 0.5
        places = np.stack(np.meshgrid(ruler, ruler), axis=-1).reshape(-1, 2) / HALF_SIZE - 1.0
        # One product of matrices for both coordinates of all maps.
        centres = tf.reshape(mass, [-1, size * size]) @ tf.constant(places, tf.float32)
        return tf.reshape(centres, [-1, 2 * points])
