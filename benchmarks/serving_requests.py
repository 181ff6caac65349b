"""What is sent: pictures of the model's own size, each unlike the others."""

from __future__ import annotations

import json

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

from serving.server.servable import Array, SessionOptions
from tests.serving.contract.clients import SIZES, json_value, signatures, tensor
from tests.serving.pictures import picture

# Of the server and of the direct calls: small models are fastest where each call stays within its thread.
SESSION = SessionOptions(intra_op_threads=1, inter_op_threads=1)
PICTURES = 64


def pictures(model: str, count: int) -> list[np.ndarray]:
    return [picture(SIZES[model], seed) for seed in range(count)]


def inputs(model: str, signature: str, rows: int) -> Array:
    """Value of the signature's input for so many pictures."""
    return tensor(pictures(model, rows), signature)


def http_requests(model: str, signature: str) -> list[bytes]:
    """Whole requests, of a picture each."""
    found = []
    for pixels in pictures(model, PICTURES):
        body = json.dumps({"signature_name": signature, "instances": [json_value(pixels, signature)]}).encode()
        head = f"POST /v1/models/{model}:predict HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n"
        found.append(head.encode() + body)
    return found


def grpc_requests(model: str, signature: str) -> list[bytes]:
    """Serialized PredictRequests, of a picture each."""
    found = []
    for pixels in pictures(model, PICTURES):
        request = predict_pb2.PredictRequest()
        request.model_spec.name, request.model_spec.signature_name = model, signature
        value = tensor([pixels], signature)
        request.inputs[signatures(model)[signature].input].CopyFrom(tf.make_tensor_proto(value))
        found.append(request.SerializeToString())
    return found
