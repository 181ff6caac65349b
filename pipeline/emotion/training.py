"""Training of the emotion model: cross entropy over five classes."""

from __future__ import annotations

import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs

from pipeline.emotion.features import CLASSES, IMAGE_SIZE, LABEL
from pipeline.emotion.model import build_model
from pipeline.fitting import Recipe, fit_and_export


def outputs(probabilities: tf.Tensor, _: tf.Tensor) -> dict[str, tf.Tensor]:
    """What clients get: 'probabilities' float32 [n, 5], 'class_id' int64 [n], 'label' string [n]."""
    class_id = tf.argmax(probabilities, axis=-1)
    return {
        "probabilities": probabilities,
        "class_id": class_id,
        "label": tf.gather(tf.constant(CLASSES), class_id),
    }


def run_fn(fn_args: FnArgs) -> None:
    """Entry point of TFX's Trainer."""
    recipe = Recipe(
        image_size=IMAGE_SIZE,
        label=LABEL,
        build_model=build_model,
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        outputs=outputs,
        classes=CLASSES,
    )
    fit_and_export(fn_args, recipe)
