"""Image files to gray pixels, as part of an exported model's graph: no file, however broken, fails its neighbours."""

from __future__ import annotations

import tensorflow as tf

# About the sensor of a current phone; a file of a few kB can claim, and take, far more memory than that.
MAX_PIXELS = 64 * 2**20
UNREADABLE = f"not a PNG or JPEG image, damaged, or larger than {MAX_PIXELS >> 20} megapixels"

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
# A 1x1 PNG: with it in each batch, never all of them are unreadable.
_BLANK = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108000000003a7e9b5500"
    "00000a49444154789c636000000002000148afa4710000000049454e44ae426082"
)


def decode_images(image_bytes: tf.Tensor, size: int) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Decodes PNG and JPEG files of any size and resizes them.

    Args:
      image_bytes: string [n], files.
      size: height and width to resize to, in pixels.

    Returns:
      Gray values 0..255, float32 [n, size, size]; width and height of the files' images in pixels, float32 [n, 2];
      whether they were read, bool [n]. The other two hold zeros where not.

    Raises:
      tf.errors.InvalidArgumentError: not one of the images can be read.
    """
    # A dataset leaves out what it cannot decode, but setting it up costs as much as decoding five faces.
    images, sizes, read = tf.cond(
        tf.equal(tf.size(image_bytes), 1),
        lambda: _decode_one(image_bytes, size),
        lambda: _decode_many(image_bytes, size),
    )
    return (
        tf.ensure_shape(images, [None, size, size]),
        tf.ensure_shape(sizes, [None, 2]),
        tf.ensure_shape(read, [None]),
    )


def _decode_one(image_bytes: tf.Tensor, size: int) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    image, dimensions = _decode(image_bytes[0], size)
    return image[tf.newaxis], dimensions[tf.newaxis], tf.constant([True])


def _decode_many(image_bytes: tf.Tensor, size: int) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    count = tf.size(image_bytes, out_type=tf.int64)
    numbered = (tf.range(count + 1), tf.concat([image_bytes, [_BLANK]], axis=0))
    decoded = (
        tf.data.Dataset.from_tensor_slices(numbered)
        .map(lambda index, file: (index, *_decode(file, size)))
        .ignore_errors()
        .batch(count + 1)
    )
    options = tf.data.Options()
    options.autotune.enabled = False  # starts a thread
    indices, images, sizes = (tensor[:-1] for tensor in decoded.with_options(options).get_single_element())

    def in_place(values: tf.Tensor) -> tf.Tensor:
        shape = tf.concat([[count], tf.shape(values, tf.int64)[1:]], axis=0)
        return tf.scatter_nd(indices[:, tf.newaxis], values, shape)

    some = tf.logical_or(tf.size(indices) > 0, tf.equal(count, 0))
    with tf.control_dependencies([tf.debugging.Assert(some, [f"No image can be read: {UNREADABLE}"])]):
        read = in_place(tf.ones_like(indices)) > 0
    return in_place(images), in_place(sizes), read


def _decode(file: tf.Tensor, size: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Gray values 0..255, float32 [size, size], and the width and height that the file's image has, float32 [2]."""
    width, height = _dimensions(file)
    pixels = tf.cast(width, tf.int64) * tf.cast(height, tf.int64)
    fits = tf.debugging.Assert(tf.logical_and(pixels > 0, pixels <= MAX_PIXELS), [f"image_bytes: {UNREADABLE}"])
    # Before the memory for the pixels is taken.
    with tf.control_dependencies([fits]):
        image = tf.io.decode_image(tf.identity(file), channels=1, expand_animations=False)
    resized = tf.ensure_shape(_resize(image, size), [size, size, 1])
    return resized[..., 0], tf.cast(tf.stack([width, height]), tf.float32)


def _dimensions(file: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Width and height as the header says, int32; 0 where it is neither a PNG's nor a JPEG's."""

    def png() -> tf.Tensor:
        # The IHDR chunk is the first: https://www.w3.org/TR/png-3/#11IHDR. Where it is cut off, zeros stand for it.
        header = tf.strings.join([tf.strings.substr(file, 0, 24), b"\0" * 24])
        return tf.io.decode_raw(tf.strings.substr(header, 16, 8), tf.int32, little_endian=False)

    def jpeg() -> tf.Tensor:
        return tf.image.extract_jpeg_shape(file)[1::-1]

    starts_png = tf.equal(tf.strings.substr(file, 0, len(_PNG)), _PNG)
    starts_jpeg = tf.equal(tf.strings.substr(file, 0, len(_JPEG)), _JPEG)
    dimensions = tf.case([(starts_png, png), (starts_jpeg, jpeg)], default=lambda: tf.zeros([2], tf.int32))
    return dimensions[0], dimensions[1]


def _resize(image: tf.Tensor, size: int) -> tf.Tensor:
    """uint8 [height, width, 1] -> float32 [size, size, 1]."""
    # The area method works on bytes; the other one first makes a float32 copy of the whole photo.
    return tf.cond(
        tf.reduce_min(tf.shape(image)[:2]) > 4 * size,
        lambda: tf.image.resize(image, [size, size], method="area"),
        lambda: tf.image.resize(image, [size, size], antialias=True),
    )
