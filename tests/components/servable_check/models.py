"""Small SavedModels with the signatures of `pipeline.signatures`, good and bad."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from pipeline.image_decoding import decode_images

SIZE = 12
KEY = "probabilities"


class Weights(tf.Module):
    """What a good model holds: variables."""

    def __init__(self) -> None:
        super().__init__()
        generator = tf.random.Generator.from_seed(1)
        self.kernel = tf.Variable(generator.normal([3, 3, 1, 16], stddev=0.1))
        self.dense = tf.Variable(generator.normal([16, 5]))

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        features = tf.nn.relu(tf.nn.conv2d(images[..., tf.newaxis] / 255, self.kernel, 1, "SAME"))
        return tf.nn.softmax(tf.reduce_mean(features, [1, 2]) @ self.dense)


class KerasHolder(tf.Module):
    """The trap: it holds a Keras 3 model."""

    def __init__(self) -> None:
        super().__init__()
        self.model = keras.Sequential(
            [keras.Input((SIZE, SIZE)), keras.layers.Flatten(), keras.layers.Dense(5, activation="softmax")]
        )

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        return self.model(images)


def save(
    path: Path,
    holder: tf.Module,
    guarded: bool = True,
    fragile: bool = False,
    tensor_input: str = "images",
    left_out: str | None = None,
) -> Path:
    """Writes a SavedModel.

    Args:
      path: its folder.
      holder: images -> probabilities.
      guarded: whether a tensor of a wrong shape is an error.
      fragile: whether one bad image fails all others.
      tensor_input: name of serving_tensor's input.
      left_out: a signature that is not there.
    """

    def predict(images: tf.Tensor) -> dict[str, tf.Tensor]:
        if guarded:
            images = tf.ensure_shape(images, [None, SIZE, SIZE])
        return {KEY: holder(images)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")])
    def serving_default(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        if fragile:
            images = tf.map_fn(lambda file: decode_images([file], SIZE)[0][0], image_bytes, tf.float32)
            return {**predict(images), "error": tf.fill([tf.shape(images)[0]], "")}
        images, _, read = decode_images(image_bytes, SIZE)
        return {**predict(images), "error": tf.where(read, "", "unreadable")}

    @tf.function(input_signature=[tf.TensorSpec([None, SIZE, SIZE], tf.float32, name=tensor_input)])
    def serving_tensor(images: tf.Tensor) -> dict[str, tf.Tensor]:
        return predict(images)

    @tf.function(input_signature=[tf.TensorSpec([None, SIZE, SIZE], tf.uint8, name="images")])
    def serving_tensor_uint8(images: tf.Tensor) -> dict[str, tf.Tensor]:
        return predict(tf.cast(images, tf.float32))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serving_examples(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        raw = tf.io.parse_example(examples, {"image": tf.io.FixedLenFeature([], tf.string)})
        pixels = tf.io.decode_raw(raw["image"], tf.uint8)
        return predict(tf.reshape(tf.cast(pixels, tf.float32), [-1, SIZE, SIZE]))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])
    def classify(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        scores = serving_examples(inputs)[KEY]
        return {"classes": tf.repeat([["a", "b", "c", "d", "e"]], tf.shape(scores)[0], axis=0), "scores": scores}

    signatures = {
        "serving_default": serving_default,
        "serving_tensor": serving_tensor,
        "serving_tensor_uint8": serving_tensor_uint8,
        "serving_examples": serving_examples,
        "classify": classify,
    }
    signatures.pop(left_out or "", None)
    tf.saved_model.save(holder, str(path), signatures=signatures)
    return path


def examples(count: int) -> tuple[list[bytes], npt.NDArray[np.float32]]:
    """Serialized tf.Examples with the rows 1, 2, ..., and their images, float32 [count, SIZE, SIZE]."""
    images = np.random.default_rng(1).integers(0, 256, (count, SIZE, SIZE), np.uint8)

    def serialized(row: int, image: npt.NDArray[np.uint8]) -> bytes:
        example = tf.train.Example()
        example.features.feature["image"].bytes_list.value.append(image.tobytes())
        for name, value in (("height", SIZE), ("width", SIZE), ("row", row)):
            example.features.feature[name].int64_list.value.append(value)
        return example.SerializeToString()

    return [serialized(row, image) for row, image in enumerate(images, 1)], images.astype(np.float32)
