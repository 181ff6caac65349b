"""Training of the keypoint model: mean squared error over the points that are marked."""

from __future__ import annotations

import tensorflow as tf
from tfx.components.trainer.fn_args_utils import FnArgs

from pipeline.fitting import Recipe, fit_and_export
from pipeline.keypoints.features import HALF_SIZE, IMAGE_SIZE, LABEL, POINTS
from pipeline.keypoints.model import build_model


def masked_mse(labels: tf.Tensor, predictions: tf.Tensor) -> tf.Tensor:
    """Mean over the coordinates that are not NaN in `labels` of the squared error; both float32 [n, 30].

    The mean is over the whole batch: a row counts by the number of its points.
    """
    squares = _squared_errors(labels, predictions)
    return tf.math.divide_no_nan(tf.reduce_sum(squares), _marked(labels))


def rmse_px(labels: tf.Tensor, predictions: tf.Tensor) -> tf.Tensor:
    """Root of `masked_mse`, in pixels of the 96x96 image."""
    return tf.sqrt(masked_mse(labels, predictions)) * HALF_SIZE


def _squared_errors(labels: tf.Tensor, predictions: tf.Tensor) -> tf.Tensor:
    # The NaN are replaced before the subtraction: after it, their gradient would still be NaN.
    known = tf.math.is_finite(labels)
    return tf.square(tf.where(known, predictions - tf.where(known, labels, 0.0), 0.0))


def _marked(labels: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(tf.cast(tf.math.is_finite(labels), tf.float32))


def outputs(scaled: tf.Tensor, sizes: tf.Tensor) -> dict[str, tf.Tensor]:
    """What clients get, both float32 [n, 15, 2], x and y from the centre of the top left pixel.

    Args:
      scaled: the model's output, float32 [n, 30].
      sizes: width and height of the images that were sent, float32 [n, 2].

    Returns:
      'keypoints' in pixels of the image that was sent, 'keypoints_96x96' in those of the image that the model saw.
    """
    seen = tf.reshape((scaled + 1.0) * HALF_SIZE, [-1, len(POINTS), 2])
    # As tf.image.resize has it: the centre of the first pixel is half a pixel from the edge, in either image.
    sent = (seen + 0.5) * (sizes[:, tf.newaxis] / IMAGE_SIZE) - 0.5
    return {"keypoints": sent, "keypoints_96x96": seen}


def run_fn(fn_args: FnArgs) -> None:
    """Entry point of TFX's Trainer."""
    recipe = Recipe(
        image_size=IMAGE_SIZE,
        label=LABEL,
        build_model=build_model,
        loss=masked_mse,
        metrics=[rmse_px],
        outputs=outputs,
    )
    fit_and_export(fn_args, recipe)
