"""Transform of the emotion data."""

from __future__ import annotations

import tensorflow as tf

from pipeline.emotion.features import CLASS_COLUMN, CLASSES, LABEL

Features = dict[str, tf.Tensor]


def preprocessing_fn(inputs: Features) -> Features:
    """Class names to class ids; pixels stay bytes (the model scales them).

    Args:
      inputs: raw features: 'image' string [n] (48*48 uint8 values), 'emotion' string [n], and others.

    Returns:
      'image' as it came, and the class id int64 [n], an index into CLASSES.
    """
    is_class = tf.equal(inputs[CLASS_COLUMN][:, tf.newaxis], tf.constant(CLASSES))
    return {"image": inputs["image"], LABEL: tf.argmax(is_class, axis=1)}
