"""Requests to the serving signatures, made from test Examples, and the warm-up file of them."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from components.signature_names import CLASSIFY
from serving.server.loading import WARMUP_FILE

# Signature -> name and type of its only input.
INPUTS = {
    "serving_default": ("image_bytes", tf.string),
    "serving_tensor": ("images", tf.float32),
    "serving_tensor_uint8": ("images", tf.uint8),
    "serving_examples": ("examples", tf.string),
    CLASSIFY: ("inputs", tf.string),
}
MODEL_NAME = "model"

_WARMUP_BATCHES = (1, 8)

Array = npt.NDArray[np.generic]


def serving_inputs(examples: Sequence[bytes]) -> dict[str, Array]:
    """The same images as each of the signatures wants them.

    Args:
      examples: serialized tf.Examples with `image`, `height` and `width`, see FaceCsvExampleGen.

    Returns:
      Signature -> its input: PNG files, object [n]; gray values 0..255, float32 or uint8 [n, height, width]; the
      Examples themselves, object [n].
    """
    pixels = [_pixels(tf.train.Example.FromString(example).features.feature) for example in examples]
    return {
        "serving_default": strings([tf.io.encode_png(image[..., np.newaxis]).numpy() for image in pixels]),
        "serving_tensor": np.stack(pixels).astype(np.float32),
        "serving_tensor_uint8": np.stack(pixels),
        "serving_examples": strings(examples),
        CLASSIFY: strings(examples),
    }


def serving_signatures(model_path: str) -> list[str]:
    """What a SavedModel is to be asked: all INPUTS, but `classify` only where it has it, as those with classes do."""
    found = read_graph(model_path).signature_def
    return [signature for signature in INPUTS if signature != CLASSIFY or signature in found]


def read_graph(model_path: str) -> meta_graph_pb2.MetaGraphDef:
    """The graph with the tag 'serve' of a SavedModel; an empty one where there is none."""
    path = os.path.join(model_path, tf.saved_model.SAVED_MODEL_FILENAME_PB)
    if tf.io.gfile.exists(path):
        with tf.io.gfile.GFile(path, "rb") as file:
            model = saved_model_pb2.SavedModel.FromString(file.read())
        for graph in model.meta_graphs:
            if tf.saved_model.SERVING in graph.meta_info_def.tags:
                return graph
    return meta_graph_pb2.MetaGraphDef()


def strings(values: Sequence[bytes]) -> Array:
    """Bytes as an object array [n]; NumPy's own bytes lose zeros at their ends."""
    array = np.empty(len(values), object)
    array[:] = values
    return array


def predict_request(signature: str, array: Array) -> predict_pb2.PredictRequest:
    """A request to one signature with its only input, whatever its shape."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = MODEL_NAME
    request.model_spec.signature_name = signature
    name, dtype = INPUTS[signature]
    request.inputs[name].CopyFrom(tf.make_tensor_proto(array, dtype, array.shape))
    return request


def write_warmup(examples: Sequence[bytes], model_path: str) -> None:
    """Gives a SavedModel warm-up requests: of one image and of several, for each signature.

    Args:
      examples: serialized tf.Examples, at least one.
      model_path: the SavedModel. A file that is there is replaced, not written into: it may be a hard link.
    """
    signatures = serving_signatures(model_path)
    path = os.path.join(model_path, WARMUP_FILE)
    tf.io.gfile.makedirs(os.path.dirname(path))
    if tf.io.gfile.exists(path):
        tf.io.gfile.remove(path)
    with tf.io.TFRecordWriter(path) as writer:
        for size in _WARMUP_BATCHES:
            inputs = serving_inputs([examples[i % len(examples)] for i in range(size)])
            for signature in signatures:
                log = prediction_log_pb2.PredictionLog()
                # The server takes the model's name from where it is served: the requests are good for any name.
                log.predict_log.request.CopyFrom(predict_request(signature, inputs[signature]))
                writer.write(log.SerializeToString())


def _pixels(feature: dict[str, tf.train.Feature]) -> npt.NDArray[np.uint8]:
    height, width = (feature[name].int64_list.value[0] for name in ("height", "width"))
    return np.frombuffer(feature["image"].bytes_list.value[0], np.uint8).reshape(height, width)
