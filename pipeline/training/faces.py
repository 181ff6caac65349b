"""The Trainer's rows, decoded once and held in memory."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tensorflow_transform as tft
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx_bsl.tfxio import dataset_options

from pipeline.training.recipe import Recipe

_READ_BATCH = 1024


@dataclasses.dataclass(frozen=True)
class Faces:
    """Rows to learn from.

    Attributes:
      images: uint8 [n, size, size, 1]: a quarter of the memory of what the model takes.
      labels: float32 [n, outputs], as the loss takes them.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.float32]

    def spread(self, number: int) -> Faces:
        """So many of the rows, evenly from the first to the last; all where there are no more."""
        rows = np.linspace(0, len(self.images) - 1, min(number, len(self.images))).astype(int)
        return Faces(self.images[rows], self.labels[rows])


def read_faces(fn_args: FnArgs, files: list[str], transform: tft.TFTransformOutput, recipe: Recipe) -> Faces:
    """All rows of a split, in the order of the files.

    Args:
      fn_args: TFX's arguments.
      files: patterns of the split's files.
      transform: the Transform component's output.
      recipe: names the label.
    """
    options = dataset_options.TensorFlowDatasetOptions(
        batch_size=_READ_BATCH, num_epochs=1, shuffle=False, drop_final_batch=False
    )
    images: list[npt.NDArray[np.uint8]] = []
    labels: list[npt.NDArray[Any]] = []
    size = recipe.image_size
    batches = fn_args.data_accessor.tf_dataset_factory(files, options, transform.transformed_metadata.schema)
    for features in batches:
        images.append(tf.io.decode_raw(features["image"], tf.uint8).numpy().reshape(-1, size, size, 1))
        labels.append(features[recipe.label].numpy())
    return Faces(np.concatenate(images), recipe.encode_labels(np.concatenate(labels)))
