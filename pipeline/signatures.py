"""The exported model's signatures, the same for both models; a model with classes has one more."""

from __future__ import annotations

import functools
from collections.abc import Callable

import keras
import tensorflow as tf
import tensorflow_transform as tft

from components.signature_names import CLASSIFY, SERVING_EXAMPLES, TRANSFORM_FEATURES
from pipeline.image_decoding import UNREADABLE, decode_images

# What clients get from the model's output for images that were sent with these sizes: (output, width and height in
# pixels, float32 [n, 2]) -> name -> tensor [n, ...].
Outputs = Callable[[tf.Tensor, tf.Tensor], dict[str, tf.Tensor]]
# float32 [n, size, size, 1], gray values 0..255 -> the model's output, [n, ...].
Score = Callable[[tf.Tensor], tf.Tensor]


class _Servable(tf.Module):
    """Holds what the signatures need.

    Not the Keras model itself: a SavedModel that tracks a Keras 3 model loads in Python, but fails at the first
    request in TensorFlow Serving ("Could not find variable", keras #19274). Its variables alone are enough.
    """

    def __init__(self, model: keras.Model) -> None:
        super().__init__()
        self.model_variables = [variable.value for variable in model.variables]


def export(
    model: keras.Model,
    score: Score,
    transform: tft.TFTransformOutput,
    path: str,
    image_size: int,
    outputs: Outputs,
    classes: tuple[str, ...] = (),
) -> None:
    """Writes a SavedModel that TensorFlow Serving, TFMA and BulkInferrer can use.

    Signatures:
      serving_default: 'image_bytes' string [n], PNG or JPEG files of any size, decoded and resized here. One more
        output is 'error', string [n]: empty, or why this image could not be read; its numbers are -1 then. Where no
        image can be read the whole request is an error.
      serving_tensor: 'images' float32 [n, size, size], gray values 0..255.
      serving_tensor_uint8: 'images' uint8 [n, size, size], a quarter of the bytes.
      serving_examples: 'examples' string [n], serialized tf.Examples as FaceCsvExampleGen writes them; only
        'image' is needed.
      classify: only with classes; 'inputs' string [n], the same Examples -> 'classes' string [n, classes] and
        'scores' float32 [n, classes], for TensorFlow Serving's Classify.
      transform_features: 'examples' string [n], with labels; gives the transformed features.

    Args:
      model: whose weights are exported.
      score: what the model makes of images; it may run the model more than once.
      transform: the Transform component's output.
      path: folder to write.
      image_size: height and width that the model takes, in pixels.
      outputs: names the tensors that a signature returns, from what `score` gives.
      classes: names by class id, of a model whose output is their probabilities.
    """
    servable = _Servable(model)
    # Not a part of the servable: a layer would be traced and saved once more as a Keras model, which takes longer than
    # all signatures. What the transformation looks up in tables or files would have to be; ours computes only, and
    # TensorFlow refuses to save what refers to a table that is not tracked.
    transform_layer = transform.transform_features_layer()
    raw_features = transform.raw_feature_spec()
    image_feature = {"image": raw_features["image"]}

    # Without a search for Python's `if` and `for` over tensors, of which there are none, ...
    graph = functools.partial(tf.function, autograph=False)
    # ... and with the model's graph built only once, exporting takes a third of the time.
    score_once_built = graph(
        lambda images: score(images),
        input_signature=[tf.TensorSpec([None, image_size, image_size, 1], tf.float32)],
    )

    def run(images: tf.Tensor) -> tf.Tensor:
        # First of all: a tensor of another shape must end in an error here, not in a crash within a kernel.
        images = tf.ensure_shape(images, [None, image_size, image_size])
        return score_once_built(images[..., tf.newaxis])

    def predict(images: tf.Tensor) -> dict[str, tf.Tensor]:
        return outputs(run(images), tf.fill([tf.shape(images)[0], 2], float(image_size)))

    def faces(examples: tf.Tensor) -> tf.Tensor:
        raw = tf.io.parse_example(examples, image_feature)
        pixels = tf.io.decode_raw(transform_layer(raw)["image"], tf.uint8)
        return tf.reshape(tf.cast(pixels, tf.float32), [-1, image_size, image_size])

    @graph(input_signature=[tf.TensorSpec([None], tf.string, name="image_bytes")])
    def serving_default(image_bytes: tf.Tensor) -> dict[str, tf.Tensor]:
        images, sizes, read = decode_images(image_bytes, image_size)
        answers = {name: _where(read, value) for name, value in outputs(run(images), sizes).items()}
        return {**answers, "error": tf.where(read, "", UNREADABLE)}

    @graph(input_signature=[tf.TensorSpec([None, image_size, image_size], tf.float32, name="images")])
    def serving_tensor(images: tf.Tensor) -> dict[str, tf.Tensor]:
        return predict(images)

    @graph(input_signature=[tf.TensorSpec([None, image_size, image_size], tf.uint8, name="images")])
    def serving_tensor_uint8(images: tf.Tensor) -> dict[str, tf.Tensor]:
        return predict(tf.cast(images, tf.float32))

    @graph(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serving_examples(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return predict(faces(examples))

    @graph(input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])
    def classify(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        scores = run(faces(inputs))
        return {"classes": tf.repeat([classes], tf.shape(scores)[0], axis=0), "scores": scores}

    @graph(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def transform_features(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        return dict(transform_layer(tf.io.parse_example(examples, raw_features)))

    signatures = {
        "serving_default": serving_default,
        "serving_tensor": serving_tensor,
        "serving_tensor_uint8": serving_tensor_uint8,
        SERVING_EXAMPLES: serving_examples,
        TRANSFORM_FEATURES: transform_features,
    }
    if classes:
        signatures[CLASSIFY] = classify
    tf.saved_model.save(servable, path, signatures=signatures)
    if classes:
        _say_that_it_classifies(path)


def _where(read: tf.Tensor, value: tf.Tensor) -> tf.Tensor:
    """`value` [n, ...] with nothing (strings) or -1 (numbers: NaN is not JSON) in the rows that were not read."""
    nothing = tf.constant("" if value.dtype == tf.string else -1, value.dtype)
    rows = tf.reshape(read, tf.concat([tf.shape(read), tf.ones([tf.rank(value) - 1], tf.int32)], axis=0))
    return tf.where(rows, value, nothing)


def _say_that_it_classifies(path: str) -> None:
    """Names the method of the signature as the Classify API wants it; Keras and TF 2 call each one 'predict'."""
    signatures = tf.compat.v1.saved_model.signature_def_utils
    updater = signatures.MethodNameUpdater(path)
    updater.replace_method_name(signature_key=CLASSIFY, method_name=tf.saved_model.CLASSIFY_METHOD_NAME)
    updater.save()
