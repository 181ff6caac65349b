"""What differs between two trainings."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from pipeline.signatures import Outputs
from pipeline.training.mirror import mirror_image
from pipeline.training.settings import Strength

Loss = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A model and how to learn it.

    Attributes:
      name: of the task, a package below `pipeline`.
      image_size: height and width of the images in pixels.
      label: name of the transformed feature to learn.
      build_model: width (channels of the first stage) -> Keras model: float32 [n, size, size, 1], gray values 0..255
        -> its output, float32 [n, outputs].
      encode_labels: values of the feature `label`, as they are stored -> what the loss takes, float32 [n, outputs].
      augment: (images uint8 [n, size, size, 1], labels float32 [n, outputs], seed int64 [2], how strongly) -> images,
        in float32, and labels, changed at random; the same seed gives the same change.
      sampling_weights: encoded labels -> how often to show each row, float64 [n], in any unit.
      loss: of (encoded labels, output).
      metrics: makes the metrics to watch. Objects: from a name Keras would make one only when a step is traced, which
        is too late under a strategy of several devices.
      unmirror: the model's output for `mirror_image`s -> what it would be for the images as they are.
      outputs: what the exported signatures make of the model's output.
      offset: (encoded labels float32 [n, outputs], the output for their images) -> what to add to each output, float32
        [outputs]. Of a model that learns from faces and their mirror images alike: where marks are not alike on both
        sides, but all of them a pixel to the right, say, the two halves of what it sees contradict each other, and it
        keeps to the middle. What is missing then is the same in all faces.
      classes: names by class id, of a model whose output is their probabilities.
      points: encoded labels or output -> (x, y) in pixels from the centre of the top left one, float32 [n, points, 2],
        of a model whose output they are.
    """

    name: str
    image_size: int
    label: str
    build_model: Callable[[int], keras.Model]
    encode_labels: Callable[[npt.NDArray[Any]], npt.NDArray[np.float32]]
    augment: Callable[[tf.Tensor, tf.Tensor, tf.Tensor, Strength], tuple[tf.Tensor, tf.Tensor]]
    sampling_weights: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float64]]
    loss: keras.losses.Loss | Loss
    metrics: Callable[[], list[keras.metrics.Metric]]
    unmirror: Callable[[tf.Tensor], tf.Tensor]
    outputs: Outputs
    offset: Callable[[npt.NDArray[np.float32], npt.NDArray[np.float32]], npt.NDArray[np.float32]] | None = None
    classes: tuple[str, ...] = ()
    points: Callable[[tf.Tensor], tf.Tensor] | None = None

    def predict(self, model: keras.Model, images: tf.Tensor) -> tf.Tensor:
        """The model's output averaged with that for the mirror images; float32 [n, size, size, 1] -> [n, outputs]."""
        # In one batch: two calls would take a single image half as long again, and a graph twice as long to build.
        outputs = model(tf.concat([images, mirror_image(images)], axis=0), training=False)
        straight, mirrored = tf.split(outputs, 2)
        return (straight + self.unmirror(mirrored)) / 2
