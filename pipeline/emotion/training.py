"""Training of the emotion model: cross entropy over five classes."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.components.tuner.component import TunerFnResult

from pipeline.emotion.features import CLASSES, IMAGE_SIZE, LABEL
from pipeline.emotion.model import build_model
from pipeline.training.augmentation import AffineRange, erase, mixup, random_affine, warp
from pipeline.training.metrics import MacroF1
from pipeline.training.recipe import Recipe
from pipeline.training.settings import Strength
from pipeline.training.trainer import fit_and_export
from pipeline.training.tuning import create_tuner

_AFFINE: dict[Strength, AffineRange] = {
    "light": AffineRange(degrees=10, zoom=0.1, stretch=0.05, shear=0.05, shift=0.05),
    "strong": AffineRange(degrees=12, zoom=0.12, stretch=0.08, shear=0.08, shift=0.07),
}
# Part of the labels are wrong: no answer should be learned to the last decimal.
_LABEL_SMOOTHING = 0.1
# 0 shows each row equally often, 1 each class.
_CLASS_BALANCE = 0.5


def one_hot(class_ids: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """int64 [n] -> float32 [n, 5]."""
    return np.asarray(np.eye(len(CLASSES), dtype=np.float32)[class_ids])


def sampling_weights(labels: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """How often to show each row, float64 [n]: the rows of rare classes more often; labels float32 [n, 5]."""
    counts = labels.sum(axis=0, dtype=np.float64)
    return np.asarray(counts[labels.argmax(axis=1)] ** -_CLASS_BALANCE)


def augment(images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor, strength: Strength) -> tuple[tf.Tensor, tf.Tensor]:
    """Moves each face a little; strongly, also covers and mixes them; see Recipe.augment; [n, 48, 48, 1] and [n, 5]."""
    maps = random_affine(tf.shape(images)[0], IMAGE_SIZE, _AFFINE[strength], seed)
    images = warp(images, maps, fill="black")
    return mixup(erase(images, seed), labels, seed) if strength == "strong" else (images, labels)


def outputs(probabilities: tf.Tensor, _: tf.Tensor) -> dict[str, tf.Tensor]:
    """What clients get: 'probabilities' float32 [n, 5], 'class_id' int64 [n], 'label' string [n]."""
    class_id = tf.argmax(probabilities, axis=-1)
    return {
        "probabilities": probabilities,
        "class_id": class_id,
        "label": tf.gather(tf.constant(CLASSES), class_id),
    }


RECIPE = Recipe(
    name="emotion",
    image_size=IMAGE_SIZE,
    label=LABEL,
    build_model=build_model,
    encode_labels=one_hot,
    augment=augment,
    sampling_weights=sampling_weights,
    loss=keras.losses.CategoricalCrossentropy(label_smoothing=_LABEL_SMOOTHING),
    metrics=lambda: [keras.metrics.CategoricalAccuracy("accuracy"), MacroF1(len(CLASSES))],
    unmirror=tf.identity,
    outputs=outputs,
    classes=CLASSES,
)


def run_fn(fn_args: FnArgs) -> None:
    """Entry point of TFX's Trainer."""
    fit_and_export(fn_args, RECIPE)


def tuner_fn(fn_args: FnArgs) -> TunerFnResult:
    """Entry point of TFX's Tuner."""
    return create_tuner(fn_args, RECIPE)
