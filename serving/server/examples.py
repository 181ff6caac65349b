"""Classification and regression: tf.Examples in, labels, scores and values out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import input_pb2

from serving.errors import StatusError
from serving.server import codes
from serving.server.servable import Array, Servable, Signature

_INPUTS = tf.saved_model.CLASSIFY_INPUTS
_CLASSES = tf.saved_model.CLASSIFY_OUTPUT_CLASSES
_SCORES = tf.saved_model.CLASSIFY_OUTPUT_SCORES
_OUTPUTS = tf.saved_model.REGRESS_OUTPUTS

CLASSIFY_METHOD = tf.saved_model.CLASSIFY_METHOD_NAME
REGRESS_METHOD = tf.saved_model.REGRESS_METHOD_NAME
_KINDS = {CLASSIFY_METHOD: "classification", REGRESS_METHOD: "regression"}


def find_signature(servable: Servable, name: str, method: str) -> Signature:
    """The signature for Classify or Regress.

    Args:
      servable: the model.
      name: the signature's.
      method: CLASSIFY_METHOD or REGRESS_METHOD.

    Raises:
      StatusError: there is none, or it is for something else.
    """
    signature = servable.signatures.get(name)
    if signature is None:
        raise StatusError(codes.INVALID_ARGUMENT, f"No signature was found with the name: {name}")
    if signature.method != method:
        raise StatusError(
            codes.INVALID_ARGUMENT,
            f"Expected {_KINDS[method]} signature method_name to be {method}. Was: {signature.method}",
        )
    outputs = {_CLASSES, _SCORES} if method == CLASSIFY_METHOD else {_OUTPUTS}
    if list(signature.inputs) != [_INPUTS] or not outputs & set(signature.outputs):
        raise StatusError(
            codes.FAILED_PRECONDITION,
            f"Expected {_KINDS[method]} signature to have the input '{_INPUTS}' and an output among "
            f"{', '.join(sorted(outputs))}.",
        )
    return signature


def to_inputs(request: input_pb2.Input) -> dict[str, Array]:
    """The only input of such a signature: serialized tf.Examples, object [n].

    Raises:
      StatusError: there are no examples.
    """
    if request.WhichOneof("kind") == "example_list_with_context":
        # Concatenated protos are merged when they are parsed.
        context = request.example_list_with_context.context.SerializeToString()
        serialized = [context + example.SerializeToString() for example in request.example_list_with_context.examples]
    else:
        serialized = [example.SerializeToString() for example in request.example_list.examples]
    if not serialized:
        raise StatusError(codes.INVALID_ARGUMENT, "Input is empty.")
    array = np.empty(len(serialized), object)
    array[:] = serialized
    return {_INPUTS: array}


def classifications(outputs: Mapping[str, Array], count: int) -> list[list[tuple[str, np.float32]]]:
    """Of each example, label and score of each class.

    Args:
      outputs: name -> value of the signature's outputs: classes, object [count, k], scores, float32 [count, k], or
        one of them.
      count: examples that were asked for.

    Raises:
      StatusError: the outputs are others.
    """
    classes, scores = outputs.get(_CLASSES), outputs.get(_SCORES)
    for name, array, dtype in ((_CLASSES, classes, np.dtype(object)), (_SCORES, scores, np.dtype(np.float32))):
        if array is None:
            continue
        if array.ndim != 2 or array.dtype != dtype:
            raise StatusError(
                codes.INVALID_ARGUMENT,
                f"Expected {name} Tensor of {dtype.name} and shape [batch_size num_classes] but got {array.dtype.name} "
                f"{list(array.shape)}",
            )
        _check_count(name, array, count)
    if classes is None:
        assert scores is not None, "see find_signature"
        classes = np.full(scores.shape, b"", object)
    elif scores is None:
        scores = np.zeros(classes.shape, np.float32)
    elif classes.shape != scores.shape:
        raise StatusError(codes.INVALID_ARGUMENT, "Tensors class and score should match in dim_size(1).")
    return [
        [(label.decode("utf-8", "replace"), score) for label, score in zip(*row, strict=True)]
        for row in zip(classes.tolist(), scores, strict=True)
    ]


def regressions(outputs: Mapping[str, Array], count: int) -> list[np.float32]:
    """Of each example, its value.

    Args:
      outputs: name -> value of the signature's outputs: outputs, float32 [count] or [count, 1].
      count: examples that were asked for.

    Raises:
      StatusError: the outputs are others.
    """
    array = outputs[_OUTPUTS]
    if array.dtype != np.float32 or array.ndim not in (1, 2) or array.shape[1:] not in ((), (1,)):
        raise StatusError(
            codes.INVALID_ARGUMENT,
            f"Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got {list(array.shape)}",
        )
    _check_count(_OUTPUTS, array, count)
    return list(np.ravel(array))


def _check_count(name: str, array: Array, count: int) -> None:
    if len(array) != count:
        raise StatusError(codes.INVALID_ARGUMENT, f"Expected {name} output batch size of {count}. Got: {len(array)}")
