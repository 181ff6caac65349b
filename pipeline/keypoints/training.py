"""Training of the keypoint model: mean squared error over the points that are marked."""

from __future__ import annotations

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.components.tuner.component import TunerFnResult

from pipeline.keypoints.features import HALF_SIZE, IMAGE_SIZE, LABEL, MIRRORED_POINTS, POINTS
from pipeline.keypoints.model import build_model
from pipeline.training.augmentation import AffineRange, erase, mirrors, move_points, random_affine, warp
from pipeline.training.mirror import from_mirror_image
from pipeline.training.recipe import Recipe
from pipeline.training.settings import Strength
from pipeline.training.trainer import fit_and_export
from pipeline.training.tuning import create_tuner

_AFFINE: dict[Strength, AffineRange] = {
    "light": AffineRange(degrees=15, zoom=0.15, stretch=0.08, shear=0.08, shift=0.06),
    "strong": AffineRange(degrees=20, zoom=0.2, stretch=0.1, shear=0.1, shift=0.08),
}
# For each point its twin on the other side of the face, or itself.
_TWINS = {**dict(MIRRORED_POINTS), **{right: left for left, right in MIRRORED_POINTS}}
_TWIN_IDS = [POINTS.index(_TWINS.get(point, point)) for point in POINTS]


def augment(images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor, strength: Strength) -> tuple[tf.Tensor, tf.Tensor]:
    """Moves each face a little and its points with it; strongly, also covers parts; [n, 96, 96, 1] and [n, 30].

    See Recipe.augment.
    """
    maps = random_affine(tf.shape(images)[0], IMAGE_SIZE, _AFFINE[strength], seed)
    points = _from_pixels(move_points(_to_pixels(labels), maps))
    images = warp(images, maps, fill="edge")
    images = erase(images, seed) if strength == "strong" else images
    return images, tf.where(mirrors(maps)[:, tf.newaxis], _swap_sides(points), points)


def unmirror(scaled: tf.Tensor) -> tf.Tensor:
    """The points of images, from those of their `mirror_image`s; both scaled, float32 [n, 30]."""
    return _swap_sides(_from_pixels(from_mirror_image(_to_pixels(scaled), IMAGE_SIZE)))


def _to_pixels(scaled: tf.Tensor) -> tf.Tensor:
    """float32 [n, 30] -> [n, 15, 2]."""
    return tf.reshape((scaled + 1.0) * HALF_SIZE, [-1, len(POINTS), 2])


def _from_pixels(points: tf.Tensor) -> tf.Tensor:
    return tf.reshape(points / HALF_SIZE - 1.0, [-1, 2 * len(POINTS)])


def _swap_sides(scaled: tf.Tensor) -> tf.Tensor:
    """What was the left eye is the right one in a mirror; [n, 30]."""
    pairs = tf.reshape(scaled, [-1, len(POINTS), 2])
    return tf.reshape(tf.gather(pairs, _TWIN_IDS, axis=1), [-1, 2 * len(POINTS)])


def masked_mse(labels: tf.Tensor, predictions: tf.Tensor) -> tf.Tensor:
    """Mean over the coordinates that are not NaN in `labels` of the squared error; both float32 [n, 30].

    The mean is over the whole batch: a row counts by the number of its points.
    """
    return tf.reduce_mean(masked_mse_by_row(labels, predictions))


def masked_mse_by_row(labels: tf.Tensor, predictions: tf.Tensor) -> tf.Tensor:
    """What has `masked_mse` as its mean, float32 [n]: on several devices Keras scales losses of rows only."""
    squares = tf.reduce_sum(_squared_errors(labels, predictions), axis=1)
    rows = tf.cast(tf.shape(labels)[0], tf.float32)
    return tf.math.divide_no_nan(squares * rows, _marked(labels))


def rmse_px(labels: tf.Tensor, predictions: tf.Tensor) -> tf.Tensor:
    """Root of `masked_mse`, in pixels of the 96x96 image."""
    return tf.sqrt(masked_mse(labels, predictions)) * HALF_SIZE


def _squared_errors(labels: tf.Tensor, predictions: tf.Tensor) -> tf.Tensor:
    # The NaN are replaced before the subtraction: after it, their gradient would still be NaN.
    known = tf.math.is_finite(labels)
    return tf.square(tf.where(known, predictions - tf.where(known, labels, 0.0), 0.0))


def _marked(labels: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(tf.cast(tf.math.is_finite(labels), tf.float32))


def mean_error(labels: npt.NDArray[np.float32], predictions: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Mean of what the predictions miss the labels by, [n, 30] -> [30]; 0 where no row has the label (NaN)."""
    marked = np.isfinite(labels)
    errors = np.where(marked, labels - predictions, 0)
    return np.asarray(errors.sum(axis=0) / np.maximum(marked.sum(axis=0), 1), np.float32)


def outputs(scaled: tf.Tensor, sizes: tf.Tensor) -> dict[str, tf.Tensor]:
    """What clients get, both float32 [n, 15, 2], x and y from the centre of the top left pixel.

    Args:
      scaled: the model's output, float32 [n, 30].
      sizes: width and height of the images that were sent, float32 [n, 2].

    Returns:
      'keypoints' in pixels of the image that was sent, 'keypoints_96x96' in those of the image that the model saw.
    """
    seen = _to_pixels(scaled)
    # As tf.image.resize has it: the centre of the first pixel is half a pixel from the edge, in either image.
    sent = (seen + 0.5) * (sizes[:, tf.newaxis] / IMAGE_SIZE) - 0.5
    return {"keypoints": sent, "keypoints_96x96": seen}


RECIPE = Recipe(
    name="keypoints",
    image_size=IMAGE_SIZE,
    label=LABEL,
    build_model=build_model,
    encode_labels=np.asarray,
    augment=augment,
    sampling_weights=lambda labels: np.ones(len(labels)),
    loss=masked_mse_by_row,
    metrics=lambda: [keras.metrics.MeanMetricWrapper(rmse_px, "rmse_px")],
    unmirror=unmirror,
    outputs=outputs,
    offset=mean_error,
    points=_to_pixels,
)


def run_fn(fn_args: FnArgs) -> None:
    """Entry point of TFX's Trainer."""
    fit_and_export(fn_args, RECIPE)


def tuner_fn(fn_args: FnArgs) -> TunerFnResult:
    """Entry point of TFX's Tuner."""
    return create_tuner(fn_args, RECIPE)
