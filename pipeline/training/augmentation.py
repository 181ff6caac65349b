"""Random changes of a batch of faces, in TensorFlow's graph: moved, turned, stretched, mirrored, covered, mixed."""

from __future__ import annotations

import dataclasses
import math
from typing import Literal

import tensorflow as tf

# Part of the images of which `erase` covers something, and its least and greatest height and width as a part of the
# image's.
_ERASED, _ERASED_SIZE = 0.3, (0.1, 0.45)
# Of the beta distribution: most pictures keep 90 % and more of themselves.
_MIXUP_ALPHA = 0.2
# Numbers of the random streams of a batch; that of its seed itself moves it.
_ERASING, _MIXING = 1, 2


Fill = Literal["black", "edge"]


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


def warp(images: tf.Tensor, maps: tf.Tensor, fill: Fill) -> tf.Tensor:
    """The images that the maps make of these, interpolated linearly.

    TensorFlow's ImageProjectiveTransform takes three times as long.

    Args:
      images: uint8 [n, size, size, 1].
      maps: as of `random_affine`.
      fill: what lies outside: black, or as the pixel at the edge.

    Returns:
      float32, the same shape.
    """
    size = images.shape[1]
    pixels = tf.cast(tf.pad(tf.reshape(images, [-1]), [[0, size + 1]]), tf.int32)
    # Each pixel with the one to its right, and those with the ones below: one look-up finds all four.
    pairs = pixels[:-1] + pixels[1:] * 2**8
    return _interpolate(pairs[:-size] + pairs[size:] * 2**16, maps, size, fill)


# By XLA, which makes one loop of it.
@tf.function(autograph=False, jit_compile=True)
def _interpolate(squares: tf.Tensor, maps: tf.Tensor, size: int, fill: Fill) -> tf.Tensor:
    """`warp` for the four bytes of each pixel and its neighbours, int32 [n * size * size]."""
    n = tf.shape(maps)[0]
    ruler = tf.range(size, dtype=tf.float32)
    factors = maps[:, :, :, tf.newaxis, tf.newaxis]
    x, y = (factors[:, i, 0] * ruler + (factors[:, i, 1] * ruler[:, tf.newaxis] + factors[:, i, 2]) for i in range(2))
    # Of the pixel to the left and above: never the last one, so that there is one to the right and below.
    column, row = (tf.clip_by_value(tf.cast(places, tf.int32), 0, size - 2) for places in (x, y))
    to_right, down = (
        tf.clip_by_value(places - tf.cast(first, tf.float32), 0, 1) for places, first in ((x, column), (y, row))
    )
    found = tf.gather(squares, (tf.range(n)[:, tf.newaxis, tf.newaxis] * size + row) * size + column)
    left, right, low_left, low_right = (
        tf.cast(tf.bitwise.right_shift(found, shift) & 255, tf.float32) for shift in (0, 8, 16, 24)
    )
    high, low = left + (right - left) * to_right, low_left + (low_right - low_left) * to_right
    values = high + (low - high) * down
    if fill == "black":
        values = tf.where((tf.minimum(x, y) >= -0.5) & (tf.maximum(x, y) <= size - 0.5), values, 0.0)
    return values[..., tf.newaxis]


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
