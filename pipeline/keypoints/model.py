"""The ResNet for keypoints."""

from __future__ import annotations

import keras
from keras import layers

from pipeline.keypoints.features import COORDINATES, IMAGE_SIZE

# Channels of the stages, each at half the resolution of the one before. Multiples of 16: oneDNN corrupts
# memory with some other widths on AVX-512 machines.
STAGES = (32, 48, 64, 96)
# Keras's 0.99 needs more steps than a short training has before its averages are worth anything.
BATCH_NORM_MOMENTUM = 0.9


def build_model() -> keras.Model:
    """Gray values 0..255, float32 [n, 96, 96, 1] -> coordinates scaled to [-1, 1], float32 [n, 30].

    After He et al., "Deep Residual Learning for Image Recognition" (2015): each stage is a residual block with
    a projection shortcut (it halves the resolution) and one with an identity shortcut.
    """
    pixels = keras.Input((IMAGE_SIZE, IMAGE_SIZE, 1), name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1)(pixels)
    x = _conv(x, 16, kernel=5, strides=2)
    x = layers.Activation("relu")(x)
    for channels in STAGES:
        x = _residual(x, channels, strides=2)
        x = _residual(x, channels)
    x = layers.GlobalAveragePooling2D()(x)
    # From zero, all points begin at the image's centre instead of far outside of it.
    points = layers.Dense(len(COORDINATES), kernel_initializer="zeros", name="scaled_keypoints")(x)
    return keras.Model(pixels, points)


def _residual(x: keras.KerasTensor, channels: int, strides: int = 1) -> keras.KerasTensor:
    shortcut = x if strides == 1 else _conv(x, channels, kernel=1, strides=strides)
    x = layers.Activation("relu")(_conv(x, channels, strides=strides))
    return layers.Activation("relu")(layers.Add()([_conv(x, channels), shortcut]))


def _conv(x: keras.KerasTensor, channels: int, kernel: int = 3, strides: int = 1) -> keras.KerasTensor:
    x = layers.Conv2D(channels, kernel, strides=strides, padding="same", use_bias=False)(x)
    return layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM)(x)
