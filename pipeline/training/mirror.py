"""The second look: a face in the mirror, which an exported model answers for together with the face itself."""

from __future__ import annotations

import tensorflow as tf

# Of the image's size, cut off at each side before the rest is enlarged.
_MARGIN = 1 / 48


def mirror_image(images: tf.Tensor) -> tf.Tensor:
    """The images mirrored, and seen from a little nearer; float32 [n, size, size, 1] -> the same shape.

    What a net makes of two looks that differ in more than their sides errs less alike: their mean is better than with a
    plain mirror image, at the same cost.
    """
    size = images.shape[1]
    margin = round(_MARGIN * size)
    inner = images[:, margin : size - margin, margin : size - margin]
    return tf.image.resize(tf.reverse(inner, axis=[2]), [size, size])


def from_mirror_image(points: tf.Tensor, size: int) -> tf.Tensor:
    """Where points of `mirror_image` are in the image itself.

    Args:
      points: (x, y) in pixels from the centre of the top left one, float32 [n, points, 2].
      size: height and width of the images in pixels.

    Returns:
      The same shape.
    """
    margin = round(_MARGIN * size)
    # tf.image.resize aligns the images' edges: half a pixel from the centre of the first one.
    x, y = tf.unstack(margin + (points + 0.5) * ((size - 2 * margin) / size) - 0.5, axis=2)
    return tf.stack([size - 1 - x, y], axis=2)
