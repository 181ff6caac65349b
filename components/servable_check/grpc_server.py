"""A real TensorFlow Serving process."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_service_pb2_grpc,
    prediction_service_pb2_grpc,
)

from components.servable_check.requests import MODEL_NAME, Array, predict_request
from components.servable_check.servers import RequestError, Server, resident_mb

_LOAD_S, _REQUEST_S, _STOP_S = 120, 30, 10
_STATE = get_model_status_pb2.ModelVersionStatus.State


class ServerGoneError(Exception):
    """The server has ended by itself."""


class GrpcServer:
    """Talks to a `tensorflow_model_server`, which replays the warm-up requests by itself."""

    def __init__(self, process: subprocess.Popen[bytes], channel: grpc.Channel) -> None:
        self._process = process
        self._predictions = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        self._models = model_service_pb2_grpc.ModelServiceStub(channel)

    def wait_until_available(self) -> None:
        """Returns when the model is loaded.

        Raises:
          RequestError: it does not load, or not in time.
          ServerGoneError: the server has ended.
        """
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = MODEL_NAME
        deadline = time.monotonic() + _LOAD_S
        while time.monotonic() < deadline:
            self._check_alive()
            try:
                versions = self._models.GetModelStatus(request, timeout=_REQUEST_S).model_version_status
            except grpc.RpcError:
                # It does not listen yet.
                versions = []
            for version in versions:
                if version.state == _STATE.AVAILABLE:
                    return
                if version.state == _STATE.END:
                    raise RequestError("END", version.status.error_message)
            time.sleep(0.1)
        raise RequestError("DEADLINE_EXCEEDED", f"the server has not loaded the model within {_LOAD_S} s")

    def predict(self, signature: str, array: Array) -> dict[str, Array]:
        """See Server.

        Raises:
          ServerGoneError: the server has ended.
        """
        try:
            response = self._predictions.Predict(predict_request(signature, array), timeout=_REQUEST_S)
        except grpc.RpcError as error:
            if error.code() == grpc.StatusCode.UNAVAILABLE:
                # The connection ends a moment before the process does.
                time.sleep(1)
            self._check_alive()
            raise RequestError(error.code().name, error.details()) from error
        return {name: tf.make_ndarray(value) for name, value in response.outputs.items()}

    def memory_mb(self) -> float:
        """What the whole server holds."""
        return resident_mb(self._process.pid)

    def _check_alive(self) -> None:
        if self._process.poll() is not None:
            raise ServerGoneError(f"the model server has ended with status {self._process.returncode}")


@contextmanager
def grpc_server(binary: str, model_path: str) -> Iterator[Server]:
    """Starts a model server and stops it in the end.

    Args:
      binary: path of `tensorflow_model_server`.
      model_path: local SavedModel.

    Raises:
      RequestError: the model does not load.
      ServerGoneError: the server has ended.
    """
    with tempfile.TemporaryDirectory() as folder:
        base_path, socket = Path(folder, "models"), Path(folder, "socket")
        base_path.mkdir()
        (base_path / "1").symlink_to(Path(model_path).resolve())
        # A socket of the file system: the server's ports are open to the whole network, and may be taken.
        command = [
            binary,
            f"--model_name={MODEL_NAME}",
            f"--model_base_path={base_path}",
            f"--grpc_socket_path={socket}",
            "--port=0",
        ]
        process = subprocess.Popen(command)
        try:
            with grpc.insecure_channel(f"unix:{socket}") as channel:
                server = GrpcServer(process, channel)
                server.wait_until_available()
                yield server
        finally:
            process.terminate()
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
