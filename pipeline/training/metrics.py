"""Metrics to watch while a model learns."""

from __future__ import annotations

import keras
import tensorflow as tf


class MacroF1(keras.metrics.OneHotMeanIoU):
    """Mean over the classes of F1, 0 for those that are neither there nor predicted.

    It is Keras's metric that adds up a confusion matrix: its `total_cm` is that of the epoch, float32
    [classes, classes], rows truth x columns prediction.
    """

    def __init__(self, classes: int) -> None:
        """For labels and probabilities, both float32 [n, classes]."""
        super().__init__(classes, name="macro_f1", dtype="float32")

    def result(self) -> tf.Tensor:
        """float32 []."""
        matrix = tf.convert_to_tensor(self.total_cm)
        hits = tf.linalg.diag_part(matrix)
        # 2 hits / (predicted + there): the harmonic mean of precision and recall.
        f1 = tf.math.divide_no_nan(2 * hits, tf.reduce_sum(matrix, axis=0) + tf.reduce_sum(matrix, axis=1))
        return tf.reduce_mean(f1)
