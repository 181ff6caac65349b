"""Random changes of a batch of faces, in TensorFlow's graph: moved, turned, stretched, mirrored."""

from __future__ import annotations

import dataclasses
import math

import tensorflow as tf


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
