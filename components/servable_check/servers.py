"""What the checks ask: something that answers requests as TensorFlow Serving does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np
import tensorflow as tf
from google.rpc import code_pb2
from tensorflow.core.protobuf import config_pb2, meta_graph_pb2

from components.servable_check.requests import INPUTS, Array, read_warmup, serving_signatures

_MAX_MESSAGE = 300


class RequestError(Exception):
    """The answer to a request is an error; the text is its code and the first line of its message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {(message.splitlines() or [''])[0][:_MAX_MESSAGE].rstrip('.')}")


class Server(Protocol):
    """A loaded model that has replayed its warm-up requests."""

    def predict(self, signature: str, array: Array) -> dict[str, Array]:
        """One request.

        Args:
          signature: its name.
          array: value of its only input.

        Returns:
          Name -> value of the outputs.

        Raises:
          RequestError: the answer is an error.
        """

    def memory_mb(self) -> float:
        """Memory that serving the model takes at present, in MB of 10^6 bytes."""


class SessionServer:
    """Loads and runs the graph of a SavedModel in a TensorFlow session, as TensorFlow Serving does.

    Not tf.saved_model.load: that restores the Python objects, and so hides that the graph alone lacks something.
    """

    def __init__(self, model_path: str) -> None:
        """Loads the model and replays its warm-up requests.

        Raises:
          RequestError: either does not succeed.
        """
        self._memory_before = resident_mb(os.getpid())
        self._session = tf.compat.v1.Session(graph=tf.Graph())
        try:
            with self._session.graph.as_default():
                graph: meta_graph_pb2.MetaGraphDef = tf.compat.v1.saved_model.load(
                    self._session, [tf.saved_model.SERVING], model_path
                )
        except tf.errors.OpError as error:
            raise _request_error(error) from error
        self._outputs, self._functions = {}, {}
        for signature in serving_signatures(model_path):
            definition, (name, _) = graph.signature_def[signature], INPUTS[signature]
            self._outputs[signature] = list(definition.outputs)
            # Session.run would compare shapes itself, in Python. The server leaves that to the graph.
            self._functions[signature] = self._session._make_callable_from_options(
                config_pb2.CallableOptions(
                    feed=[definition.inputs[name].name],
                    fetch=[definition.outputs[output].name for output in self._outputs[signature]],
                )
            )
        for log in read_warmup(model_path):
            request = log.predict_log.request
            signature = request.model_spec.signature_name
            self.predict(signature, tf.make_ndarray(request.inputs[INPUTS[signature][0]]))

    def predict(self, signature: str, array: Array) -> dict[str, Array]:
        """See Server."""
        try:
            values = self._functions[signature](array)
        except tf.errors.OpError as error:
            raise _request_error(error) from error
        return {name: np.asarray(value) for name, value in zip(self._outputs[signature], values, strict=True)}

    def memory_mb(self) -> float:
        """By how much this process has grown."""
        return resident_mb(os.getpid()) - self._memory_before

    def close(self) -> None:
        """Frees the model."""
        self._session.close()


@contextmanager
def session_server(model_path: str) -> Iterator[Server]:
    """A SessionServer, closed in the end."""
    server = SessionServer(model_path)
    try:
        yield server
    finally:
        server.close()


class OpenServer(Protocol):
    """Starts a server with a SavedModel; raises RequestError where that does not load or warm up."""

    def __call__(self, model_path: str) -> AbstractContextManager[Server]: ...


def resident_mb(process: int) -> float:
    """Memory that a process holds, in MB."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _request_error(error: tf.errors.OpError) -> RequestError:
    return RequestError(code_pb2.Code.Name(error.error_code), error.message)
