"""Random changes of a batch of faces, in TensorFlow's graph: moved, turned, stretched, mirrored, covered, mixed."""

from __future__ import annotations

import dataclasses
import math

import tensorflow as tf

# Part of the images of which `erase` covers something, and its least and greatest height and width as a part of the
# image's.
_ERASED, _ERASED_SIZE = 0.3, (0.1, 0.45)
# Of the beta distribution: most pictures keep 90 % and more of themselves.
_MIXUP_ALPHA = 0.2
# Numbers of the random streams of a batch; that of its seed itself moves it.
_ERASING, _MIXING = 1, 2


@dataclasses.dataclass(frozen=True)
class AffineRange:
    """How far a face may be moved; each amount is drawn evenly from -x to x.

    Attributes:
      degrees: of the turn.
      zoom: logarithm of the factor.
      stretch: logarithm of the factor between width and height.
      shear: angle between the axes, in radians away from 90 degrees.
      shift: along each axis, as a part of the image's size.
    """

    degrees: float
    zoom: float
    stretch: float
    shear: float
    shift: float


def random_affine(n: int | tf.Tensor, size: int, ranges: AffineRange, seed: tf.Tensor) -> tf.Tensor:
    """Maps from the pixels of n changed images to those of the images they are made from.

    Every second one mirrors, at random.

    Args:
      n: how many.
      size: height and width of the images in pixels.
      ranges: how far they go.
      seed: int64 [2].

    Returns:
      float32 [n, 2, 3]; (x, y) in the source = M[:, :, :2] @ (x, y) + M[:, :, 2], in pixels from the centre of the
      top left one.
    """
    amounts = tf.unstack(tf.random.stateless_uniform([7, n], seed, minval=-1.0))
    angle = amounts[0] * math.radians(ranges.degrees)
    zoom = tf.exp(amounts[1] * ranges.zoom)
    stretch = tf.exp(amounts[2] * ranges.stretch / 2)
    sheared = angle + amounts[3] * ranges.shear
    shift = tf.stack(amounts[4:6], axis=1) * ranges.shift * size
    mirror = tf.sign(amounts[6])
    linear = tf.stack(
        [
            tf.stack([mirror * zoom * stretch * tf.cos(angle), -zoom / stretch * tf.sin(sheared) * mirror], axis=1),
            tf.stack([zoom * stretch * tf.sin(angle), zoom / stretch * tf.cos(sheared)], axis=1),
        ],
        axis=1,
    )
    # The centre of the changed image comes from near the centre of the source.
    centre = (size - 1) / 2
    offset = centre + shift - tf.reduce_sum(linear, axis=2) * centre
    return tf.concat([linear, offset[..., tf.newaxis]], axis=2)


def mirrors(maps: tf.Tensor) -> tf.Tensor:
    """Which of `random_affine`'s maps mirror, bool [n]."""
    return tf.linalg.det(maps[:, :, :2]) < 0


def warp(images: tf.Tensor, maps: tf.Tensor, fill: str) -> tf.Tensor:
    """The images that the maps make of these, interpolated linearly.

    Args:
      images: float32 [n, size, size, 1].
      maps: as of `random_affine`.
      fill: what lies outside: 'CONSTANT' (black) or 'NEAREST' (the pixel at the edge).
    """
    last_row = tf.zeros([tf.shape(maps)[0], 2])
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.concat([tf.reshape(maps, [-1, 6]), last_row], axis=1),
        output_shape=tf.shape(images)[1:3],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode=fill,
    )


def move_points(points: tf.Tensor, maps: tf.Tensor) -> tf.Tensor:
    """Where points of the source images are in those that `warp` makes; float32 [n, points, 2], NaN stays NaN."""
    linear, offset = maps[:, :, :2], maps[:, tf.newaxis, :, 2]
    return tf.einsum("nij,npj->npi", tf.linalg.inv(linear), points - offset)


def erase(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Covers a rectangle of some of the images with their mean gray, so that no part of a face is relied on alone.

    After Zhong et al., "Random erasing data augmentation" (2017).

    Args:
      images: float32 [n, size, size, 1].
      seed: int64 [2], that of the batch.
    """
    n, size = tf.shape(images)[0], images.shape[1]
    drawn = tf.random.stateless_uniform([5, n, 1], tf.random.experimental.stateless_fold_in(seed, _ERASING))
    height, width = (_ERASED_SIZE[0] + (_ERASED_SIZE[1] - _ERASED_SIZE[0]) * part for part in tf.unstack(drawn[:2]))
    middle_y, middle_x, chance = tf.unstack(drawn[2:])
    centres = (tf.range(size, dtype=tf.float32) + 0.5) / size
    rows = (tf.abs(centres - middle_y) < height / 2) & (chance < _ERASED)
    columns = tf.abs(centres - middle_x) < width / 2
    covered = rows[:, :, tf.newaxis, tf.newaxis] & columns[:, tf.newaxis, :, tf.newaxis]
    return tf.where(covered, tf.reduce_mean(images, axis=[1, 2], keepdims=True), images)


def mixup(images: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Each image with a little of another one shining through, and as much of its label.

    After Zhang et al., "mixup: beyond empirical risk minimization" (2017).

    Args:
      images: float32 [n, size, size, 1].
      labels: probabilities of the classes, float32 [n, classes].
      seed: int64 [2], that of the batch.

    Returns:
      The same shapes.
    """
    mixing = tf.random.experimental.stateless_fold_in(seed, _MIXING)
    # What two of the gamma distribution are of their sum is of the beta distribution.
    one, other = tf.unstack(tf.random.stateless_gamma([2, tf.shape(images)[0]], mixing, _MIXUP_ALPHA))
    share = tf.math.divide_no_nan(tf.maximum(one, other), one + other)[:, tf.newaxis]
    mixed = share[..., tf.newaxis, tf.newaxis]
    # The rows stand in a random order: the row before is any other one.
    return (
        mixed * images + (1 - mixed) * tf.roll(images, 1, axis=0),
        share * labels + (1 - share) * tf.roll(labels, 1, axis=0),
    )
