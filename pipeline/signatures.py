"""The exported model's signatures, the same four for both models."""

from __future__ import annotations

from collections.abc import Callable

import keras
import tensorflow as tf
import tensorflow_transform as tft

from components.signature_names import SERVING_EXAMPLES, TRANSFORM_FEATURES


class _Servable(tf.Module):
    """Holds what the signatures need.

    Not the Keras model itself: a SavedModel that tracks a Keras 3 model loads in Python, but fails at the first
    request in TensorFlow Serving ("Could not find variable", keras #19274). Its variables alone are enough.
    """

    def __init__(self, model: keras.Model, transform: tft.TFTransformOutput) -> None:
        super().__init__()
        self.model_variables = [variable.value for variable in model.variables]
        self.transform_layer = transform.transform_features_layer()


def export(
    model: keras.Model,
    transform: tft.TFTransformOutput,
    path: str,
    image_size: int,
    outputs: Callable[[tf.Tensor], dict[str, tf.Tensor]],
) -> None:
    """Writes a SavedModel that TensorFlow Serving, TFMA and BulkInferrer can use.

    Signatures:
      serving_default: 'image_bytes' string [n], PNG or JPEG files of any size, decoded and resized here.
      serving_tensor: 'images' float32 [n, size, size], gray values 0..255.
      serving_examples: 'examples' string [n], serialized tf.Examples as FaceCsvExampleGen writes them; only
        'image' is needed.
      transform_features: 'examples' string [n], with labels; gives the transformed features.

    Args:
      model: float32 [n, size, size, 1], gray values 0..255 -> its output.
      transform: the Transform component's output.
      path: folder to write.
      image_size: height and width that the model takes, in pixels.
      outputs: names the tensors that a signature returns, from the model's output.
    """
    servable = _Servable(model, transform)
    raw_features = transform.raw_feature_spec()
    image_feature = {"image": raw_features["image"]}

    def predict(images: tf.Tensor) -> dict[str, tf.Tensor]:
        # First of all: a tensor of another shape must end in an error here, not in a crash within a kernel.
        images = tf.ensure_shape(images, [None, image_size, image_size])
        return outputs(model(images[..., tf.newaxis], training=False))

    def decode(image_bytes: tf.Tensor) -> tf.Tensor:
        image = tf.io.decode_image(image_bytes, channels=1, expand_animations=False)
        resized = tf.image.resize(image, [image_size, image_size], antialias=True)
        return tf.ensure_shape(resized, [image_size, image_size, 1])[..., 0]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")])
    def serving_default(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        return predict(tf.map_fn(decode, image_bytes, fn_output_signature=tf.float32))

    @tf.function(input_signature=[tf.TensorSpec([None, image_size, image_size], tf.float32, name="images")])
    def serving_tensor(images: tf.Tensor) -> dict[str, tf.Tensor]:
        return predict(images)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serving_examples(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        raw = tf.io.parse_example(examples, image_feature)
        pixels = tf.io.decode_raw(servable.transform_layer(raw)["image"], tf.uint8)
        return predict(tf.reshape(tf.cast(pixels, tf.float32), [-1, image_size, image_size]))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def transform_features(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return dict(servable.transform_layer(tf.io.parse_example(examples, raw_features)))

    tf.saved_model.save(
        servable,
        path,
        signatures={
            "serving_default": serving_default,
            "serving_tensor": serving_tensor,
            SERVING_EXAMPLES: serving_examples,
            TRANSFORM_FEATURES: transform_features,
        },
    )
