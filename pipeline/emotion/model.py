"""The deep CNN for emotions."""

from __future__ import annotations

import keras
from keras import layers

from pipeline.emotion.features import CLASSES, IMAGE_SIZE
from pipeline.training.layers import PerImageStandardization, conv_relu, residual_block

# Channels of the stages, each at half the resolution of the one before, in widths.
_STAGES = (1, 2, 4, 4)
_DROPOUT = 0.3


def build_model(width: int) -> keras.Model:
    """Gray values 0..255, float32 [n, 48, 48, 1] -> class probabilities, float32 [n, 5].

    Args:
      width: channels of the first stage.
    """
    pixels = keras.Input((IMAGE_SIZE, IMAGE_SIZE, 1), name="image")
    # Halved at once: at the full resolution few channels would take longer than a whole stage does.
    x = residual_block(conv_relu(PerImageStandardization()(pixels), width, kernel=5, strides=2), width)
    for widths in _STAGES[1:]:
        x = conv_relu(layers.MaxPooling2D()(x), widths * width)
        x = residual_block(x, widths * width)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(_DROPOUT)(x)
    # In float32 also where the rest is computed in half of it.
    probabilities = layers.Dense(len(CLASSES), activation="softmax", dtype="float32", name="probabilities")(x)
    return keras.Model(pixels, probabilities)
