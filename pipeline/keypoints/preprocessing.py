"""Transform of the keypoint data."""

from __future__ import annotations

import math

import tensorflow as tf

from pipeline.keypoints.features import BANDS, COORDINATES, HALF_SIZE, LABEL, MARKED_POINTS
from pipeline.slicing import band_features

Features = dict[str, tf.Tensor | tf.SparseTensor]


def preprocessing_fn(inputs: Features) -> dict[str, tf.Tensor]:
    """Coordinates to [-1, 1], missing ones to NaN; pixels stay bytes (the model scales them).

    Args:
      inputs: raw features: 'image' string [n] (96*96 uint8 values), the 30 coordinates in pixels as sparse
        float32 [n, 1] without the missing ones, and others.

    Returns:
      'image' as it came; 'scaled_keypoints' float32 [n, 30]; and what the evaluation is sliced by: the bands, string
      [n], and the number of marked points, int64 [n].
    """
    points = tf.concat([_dense(inputs[name]) for name in COORDINATES], axis=1)
    marked_coordinates = tf.reduce_sum(tf.cast(tf.math.is_finite(points), tf.int64), axis=1)
    return {
        "image": inputs["image"],
        LABEL: points / HALF_SIZE - 1.0,
        MARKED_POINTS: marked_coordinates // 2,
        **band_features(inputs, BANDS),
    }


def _dense(values: tf.SparseTensor) -> tf.Tensor:
    """float32 [n, 1] with NaN where there is no value."""
    one_column = tf.SparseTensor(values.indices, values.values, tf.stack([values.dense_shape[0], 1]))
    return tf.ensure_shape(tf.sparse.to_dense(one_column, default_value=math.nan), [None, 1])
