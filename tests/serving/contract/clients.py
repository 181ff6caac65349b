"""Requests to a server, and what the signatures of both models take and give."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import grpc
import numpy as np
import numpy.typing as npt
import requests
import tensorflow as tf
from tensorflow_serving.apis import (
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tests.serving.pictures import Gray, b64, encoded, example

TIMEOUT_S = 30
# Of two answers to the same picture: servers batch as they like, and sums of another order differ in the last digits.
SAME = {"rtol": 1e-5, "atol": 1e-5}

EMOTION, KEYPOINTS = "emotion_ai", "facial_keypoints"
SIZES = {EMOTION: 48, KEYPOINTS: 96}
MODELS = tuple(SIZES)
CLASSES = ("Angry", "Disgust", "Sad", "Happy", "Surprise")

Array = npt.NDArray[Any]

_EMOTION_OUTPUTS = {"probabilities": "DT_FLOAT", "class_id": "DT_INT64", "label": "DT_STRING"}
_KEYPOINTS_OUTPUTS = {"keypoints": "DT_FLOAT", "keypoints_96x96": "DT_FLOAT"}
OUTPUTS = {EMOTION: _EMOTION_OUTPUTS, KEYPOINTS: _KEYPOINTS_OUTPUTS}
# The outputs that are compared between answers.
NUMBERS = {EMOTION: "probabilities", KEYPOINTS: "keypoints"}
NUMBERS_SHAPE = {EMOTION: (5,), KEYPOINTS: (15, 2)}
LABELS = ("stable", "canary")


@dataclasses.dataclass(frozen=True)
class Signature:
    """A signature that Predict is asked for; `dims` are its input's, where -1 is any number."""

    name: str
    input: str
    dtype: str
    dims: tuple[str, ...]


def signatures(model: str) -> dict[str, Signature]:
    """Those of a model that clients are to use."""
    images = ("-1", str(SIZES[model]), str(SIZES[model]))
    found = (
        Signature("serving_default", "image_bytes", "DT_STRING", ("-1",)),
        Signature("serving_tensor", "images", "DT_FLOAT", images),
        Signature("serving_tensor_uint8", "images", "DT_UINT8", images),
        Signature("serving_examples", "examples", "DT_STRING", ("-1",)),
    )
    return {signature.name: signature for signature in found}


# (model, signature) of all of them.
ALL_SIGNATURES = [(model, name) for model in MODELS for name in signatures(model)]


def json_value(pixels: Gray, signature: str) -> Any:
    """A picture as the signature takes it in JSON."""
    if signature == "serving_default":
        return b64(encoded(pixels))
    if signature == "serving_examples":
        return b64(example(pixels))
    return pixels.tolist()


def tensor(pictures: list[Gray], signature: str) -> Array:
    """Pictures as the signature takes them over gRPC."""
    if signature in ("serving_default", "serving_examples"):
        make = encoded if signature == "serving_default" else example
        return np.array([make(pixels) for pixels in pictures], object)
    return np.stack(pictures).astype(np.float32 if signature == "serving_tensor" else np.uint8)


def of_version(version: int | str | None) -> str:
    """Part of a path: of a version by number or by label, or of the newest."""
    if version is None:
        return ""
    return f"/versions/{version}" if isinstance(version, int) else f"/labels/{version}"


class Rest:
    """The REST API."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self.session = requests.Session()

    def get(self, path: str) -> requests.Response:
        return self.session.get(self.url + path, timeout=TIMEOUT_S)

    def post(self, path: str, body: object) -> requests.Response:
        """Posts text as it is, anything else as JSON."""
        if isinstance(body, (str, bytes)):
            return self.session.post(self.url + path, data=body, timeout=TIMEOUT_S)
        return self.session.post(self.url + path, json=body, timeout=TIMEOUT_S)

    def call(self, model: str, body: object, *, method: str = "predict", version: int | str | None = None) -> Any:
        """The JSON of the answer to a request that must succeed."""
        response = self.post(f"/v1/models/{model}{of_version(version)}:{method}", body)
        assert response.status_code == 200, response.text
        assert response.headers["Content-Type"].startswith("application/json")
        return response.json()

    def rows(
        self, model: str, instances: list[Any], *, signature: str | None = None, version: int | str | None = None
    ) -> list[dict[str, Any]]:
        """Predictions in row format."""
        body = {"instances": instances} | ({"signature_name": signature} if signature else {})
        answer = self.call(model, body, version=version)
        assert list(answer) == ["predictions"]
        assert len(answer["predictions"]) == len(instances)
        return list(answer["predictions"])

    def numbers(self, model: str, pictures: list[Gray], *, version: int | str | None = None) -> Array:
        """The model's numbers for pictures, float64 [n, ...]."""
        rows = self.rows(model, [json_value(pixels, "serving_default") for pixels in pictures], version=version)
        return np.array([row[NUMBERS[model]] for row in rows])


def assert_refused(response: requests.Response, status: int, *words: str) -> str:
    """Checks an answer that is an error.

    Args:
      response: the answer.
      status: its HTTP status.
      words: one of them must stand in the message, whatever the case.

    Returns:
      The message.
    """
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"].startswith("application/json")
    answer = response.json()
    assert list(answer) == ["error"]
    message: str = answer["error"]
    assert message
    assert not words or any(word.lower() in message.lower() for word in words), message
    return message


class Grpc:
    """PredictionService and ModelService."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.predictions = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        self.models = model_service_pb2_grpc.ModelServiceStub(channel)

    def predict(
        self,
        model: str,
        inputs: Mapping[str, Array],
        *,
        signature: str = "",
        version: int | str | None = None,
        only: tuple[str, ...] = (),
    ) -> predict_pb2.PredictResponse:
        """Raises grpc.RpcError where the answer is an error."""
        request = predict_pb2.PredictRequest(output_filter=only)
        choose(request.model_spec, model, signature, version)
        for name, value in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
        return self.predictions.Predict(request, timeout=TIMEOUT_S)

    def outputs(self, model: str, pictures: list[Gray], signature: str, version: int | str | None = None) -> Any:
        """Name -> array of the outputs for pictures."""
        name = signatures(model)[signature].input
        response = self.predict(model, {name: tensor(pictures, signature)}, signature=signature, version=version)
        return {key: tf.make_ndarray(value) for key, value in response.outputs.items()}


def choose(spec: Any, model: str, signature: str = "", version: int | str | None = None) -> None:
    """Fills a ModelSpec; a version that is text is a label."""
    spec.name, spec.signature_name = model, signature
    if isinstance(version, int):
        spec.version.value = version
    elif version is not None:
        spec.version_label = version
