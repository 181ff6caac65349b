"""Transform of the emotion data."""

from __future__ import annotations

import tensorflow as tf

from pipeline.emotion.features import BANDS, CLASS_COLUMN, CLASSES, LABEL
from pipeline.slicing import band_features

Features = dict[str, tf.Tensor]


def preprocessing_fn(inputs: Features) -> Features:
    """Class names to class ids; pixels stay bytes (the model scales them).

    Args:
      inputs: raw features: 'image' string [n] (48*48 uint8 values), 'emotion' string [n], and others.

    Returns:
      'image' as it came; the class id int64 [n], an index into CLASSES; and what the evaluation is sliced by: the
      class name and the bands, string [n].
    """
    is_class = tf.equal(inputs[CLASS_COLUMN][:, tf.newaxis], tf.constant(CLASSES))
    return {
        "image": inputs["image"],
        LABEL: tf.argmax(is_class, axis=1),
        CLASS_COLUMN: inputs[CLASS_COLUMN],
        **band_features(inputs, BANDS),
    }
