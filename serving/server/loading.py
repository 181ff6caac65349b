"""Loads a SavedModel and warms it up."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from google.protobuf.message import DecodeError
from tensorflow_serving.apis import input_pb2, model_pb2, prediction_log_pb2

from serving.errors import StatusError
from serving.server import codes, examples
from serving.server.servable import DEFAULT_SIGNATURE, Servable, SessionOptions
from serving.server.tensors_proto import to_array

# In the folder of a SavedModel.
WARMUP_FILE = Path("assets.extra", "tf_serving_warmup_requests")
# TensorFlow Serving's: a model whose file has more does not load.
MAX_WARMUP_RECORDS = 1000

# Of a TFRecord: its length and a checksum of that; behind the record stands a checksum of the record.
_HEADER, _FOOTER = struct.Struct("<QI"), 4


def load(path: Path, options: SessionOptions) -> Servable:
    """A model that has been loaded and has answered its warm-up requests.

    Raises:
      StatusError: it does not load, or does not answer them.
    """
    servable = Servable(str(path), options)
    try:
        warm_up(servable, path)
    except StatusError:
        servable.close()
        raise
    return servable


def warm_up(servable: Servable, path: Path) -> None:
    """Replays a model's warm-up requests, if it has any.

    Args:
      servable: the model.
      path: of its SavedModel.

    Raises:
      StatusError: one of them is answered with an error, there are too many, or they cannot be read.
    """
    for count, log in enumerate(read_warmup(path), 1):
        if count > MAX_WARMUP_RECORDS:
            file = path / WARMUP_FILE
            raise StatusError(
                codes.INVALID_ARGUMENT, f"Number of warmup records exceeds the maximum ({MAX_WARMUP_RECORDS}): {file}"
            )
        _replay(servable, log)


def read_warmup(path: Path) -> Iterator[prediction_log_pb2.PredictionLog]:
    """A SavedModel's warm-up requests; none where it has no file of them.

    Args:
      path: of the SavedModel.

    Raises:
      StatusError: they cannot be read.
    """
    file = path / WARMUP_FILE
    if not file.exists():
        return
    for record in _records(file.read_bytes()):
        try:
            yield prediction_log_pb2.PredictionLog.FromString(record)
        except DecodeError:
            raise _damaged() from None


def _replay(servable: Servable, log: prediction_log_pb2.PredictionLog) -> None:
    kind = log.WhichOneof("log_type")
    if kind == "predict_log":
        request = log.predict_log.request
        inputs = {name: to_array(name, proto) for name, proto in request.inputs.items()}
        servable.predict(request.model_spec.signature_name or DEFAULT_SIGNATURE, inputs)
    elif kind == "classify_log":
        _run(servable, log.classify_log.request.model_spec, log.classify_log.request.input, examples.CLASSIFY_METHOD)
    elif kind == "regress_log":
        _run(servable, log.regress_log.request.model_spec, log.regress_log.request.input, examples.REGRESS_METHOD)
    elif kind == "multi_inference_log":
        for task in log.multi_inference_log.request.tasks:
            _run(servable, task.model_spec, log.multi_inference_log.request.input, task.method_name)
    else:
        raise StatusError(codes.UNIMPLEMENTED, f"Unsupported log_type for warmup: {kind}")


def _run(servable: Servable, spec: model_pb2.ModelSpec, request: input_pb2.Input, method: str) -> None:
    name = spec.signature_name or DEFAULT_SIGNATURE
    signature = examples.find_signature(servable, name, method)
    signature.run(signature.arrange(examples.to_inputs(request)))


def _records(data: bytes) -> Iterator[bytes]:
    """Those of a TFRecord file. TensorFlow's own reader would start its eager runtime, which nothing here needs."""
    position = 0
    while position < len(data):
        if position + _HEADER.size > len(data):
            raise _damaged()
        length, _ = _HEADER.unpack_from(data, position)
        start = position + _HEADER.size
        position = start + length + _FOOTER
        if position > len(data):
            raise _damaged()
        yield data[start : start + length]


def _damaged() -> StatusError:
    return StatusError(codes.DATA_LOSS, f"The warm-up requests in {WARMUP_FILE} are damaged.")
