"""The client for TensorFlow Serving's gRPC API. Creating one imports TensorFlow, which takes seconds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import grpc
import numpy as np

from serving.client.interface import Client, Input, Tensor, check_choice
from serving.errors import StatusError

# gRPC itself allows no more.
_MAX_ATTEMPTS = 5


class GrpcClient(Client):
    """Asks over gRPC. Threads may share it.

    UNAVAILABLE, which a refused or broken connection is too, and RESOURCE_EXHAUSTED are tried again, with growing
    pauses.
    """

    def __init__(
        self,
        address: str,
        timeout_s: float = 10.0,
        retries: int = 3,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        """Connects when it is first asked.

        Args:
          address: of the server, HOST:PORT.
          timeout_s: seconds that an answer may take, retries included.
          retries: how often a request is tried again, 4 at most.
          credentials: for TLS; None for none.
        """
        # Here, so that the module can be imported without: the protos of TensorFlow Serving need TensorFlow's.
        import tensorflow as tf
        from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

        self._tf = tf
        self._request = predict_pb2.PredictRequest
        self._timeout_s = timeout_s
        options = _options(retries)
        self._channel = (
            grpc.secure_channel(address, credentials, options)
            if credentials
            else grpc.insecure_channel(address, options)
        )
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)

    def predict(
        self,
        model: str,
        inputs: Mapping[str, Input],
        signature: str = "serving_default",
        *,
        version: int | None = None,
        label: str | None = None,
    ) -> dict[str, Tensor]:
        """See Client."""
        check_choice(version, label)
        request = self._request()
        request.model_spec.name = model
        request.model_spec.signature_name = signature
        if version is not None:
            request.model_spec.version.value = version
        elif label:
            request.model_spec.version_label = label
        for name, value in inputs.items():
            request.inputs[name].CopyFrom(self._tf.make_tensor_proto(value))
        try:
            answer = self._stub.Predict(request, timeout=self._timeout_s)
        except grpc.RpcError as error:
            raise StatusError(error.code().value[0], error.details() or error.code().name) from None
        return {name: _decoded(self._tf.make_ndarray(tensor)) for name, tensor in answer.outputs.items()}

    def close(self) -> None:
        """Closes the connection."""
        self._channel.close()


def _options(retries: int) -> list[tuple[str, Any]]:
    options: list[tuple[str, Any]] = [
        # gRPC first waits a second before it connects again: by then all retries are used up.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 2000),
    ]
    if not retries:
        return [*options, ("grpc.enable_retries", 0)]
    policy = {
        "maxAttempts": min(retries + 1, _MAX_ATTEMPTS),
        "initialBackoff": "0.1s",
        "maxBackoff": "2s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE", "RESOURCE_EXHAUSTED"],
    }
    config = {"methodConfig": [{"name": [{"service": "tensorflow.serving.PredictionService"}], "retryPolicy": policy}]}
    return [*options, ("grpc.service_config", json.dumps(config))]


def _decoded(tensor: Tensor) -> Tensor:
    if tensor.dtype != object:
        return tensor
    strings = np.array([value.decode("utf-8", "replace") for value in tensor.ravel()], object)
    return strings.reshape(tensor.shape)
