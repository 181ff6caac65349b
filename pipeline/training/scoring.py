"""The answers of a trained model, as they are exported."""

from __future__ import annotations

import functools
import logging

import keras
import numpy as np
import tensorflow as tf

from pipeline.signatures import Score
from pipeline.training.batches import evaluation_batches
from pipeline.training.faces import Faces
from pipeline.training.recipe import Recipe

_BATCH = 256
# Rows to measure the mean error on: it is known to a tenth of a pixel by then, and all rows would take seconds.
_MEASURED_FACES = 512


def score_of(recipe: Recipe, model: keras.Model, train: Faces) -> Score:
    """The mean over each face and its mirror image, moved by what it misses the labels by on average.

    Args:
      recipe: of the model.
      model: trained.
      train: rows, of which some are enough to measure that on; see Recipe.offset.
    """
    predict: Score = functools.partial(recipe.predict, model)
    if recipe.offset is None:
        return predict
    measured = train.spread(_MEASURED_FACES)
    run = tf.function(predict, autograph=False)
    outputs = np.concatenate([run(images).numpy() for images, _ in evaluation_batches(measured, _BATCH)])
    offset = recipe.offset(measured.labels, outputs)
    logging.getLogger(__name__).info("offset of the output: %s", offset)
    return lambda images: predict(images) + offset
