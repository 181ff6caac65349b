"""Transform of the keypoint data."""

from __future__ import annotations

import math

import tensorflow as tf

from pipeline.keypoints.features import COORDINATES, HALF_SIZE, LABEL

Features = dict[str, tf.Tensor | tf.SparseTensor]


def preprocessing_fn(inputs: Features) -> dict[str, tf.Tensor]:
    """Coordinates to [-1, 1], missing ones to NaN; pixels stay bytes (the model scales them).

    Args:
      inputs: raw features: 'image' string [n] (96*96 uint8 values), the 30 coordinates in pixels as sparse
        float32 [n, 1] without the missing ones, and others.

    Returns:
      'image' as it came, and 'scaled_keypoints' float32 [n, 30].
    """
    columns = [_dense(inputs[name]) for name in COORDINATES]
    return {"image": inputs["image"], LABEL: tf.concat(columns, axis=1) / HALF_SIZE - 1.0}


def _dense(values: tf.SparseTensor) -> tf.Tensor:
    """float32 [n, 1] with NaN where there is no value."""
    one_column = tf.SparseTensor(values.indices, values.values, tf.stack([values.dense_shape[0], 1]))
    return tf.ensure_shape(tf.sparse.to_dense(one_column, default_value=math.nan), [None, 1])
