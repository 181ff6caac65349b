"""The deep CNN for emotions."""

from __future__ import annotations

import keras
from keras import layers

from pipeline.emotion.features import CLASSES, IMAGE_SIZE

# Channels of the stem and of the stages, each stage at half the resolution of the one before. Multiples of 16:
# oneDNN corrupts memory with some other widths on AVX-512 machines.
STEM = 16
STAGES = (32, 64, 96)
# Keras's 0.99 needs more steps than a short training has before its averages are worth anything.
BATCH_NORM_MOMENTUM = 0.9


def build_model() -> keras.Model:
    """Gray values 0..255, float32 [n, 48, 48, 1] -> class probabilities, float32 [n, 5]."""
    pixels = keras.Input((IMAGE_SIZE, IMAGE_SIZE, 1), name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1)(pixels)
    x = layers.MaxPooling2D()(_conv(x, STEM))
    for channels in STAGES:
        x = _conv(_conv(x, channels), channels)
        x = layers.MaxPooling2D()(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.3)(x)
    return keras.Model(pixels, layers.Dense(len(CLASSES), activation="softmax", name="probabilities")(x))


def _conv(x: keras.KerasTensor, channels: int) -> keras.KerasTensor:
    x = layers.Conv2D(channels, 3, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM)(x)
    return layers.Activation("relu")(x)
