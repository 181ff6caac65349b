"""What the checks ask: something that answers requests as TensorFlow Serving does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from components.servable_check.requests import INPUTS, Array
from serving.errors import StatusError
from serving.server import codes
from serving.server.loading import load
from serving.server.servable import SessionOptions

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
    """Runs the model in this process as the local model server does, and so as TensorFlow Serving does."""

    def __init__(self, model_path: str) -> None:
        """Loads the model and replays its warm-up requests.

        Raises:
          RequestError: either does not succeed.
        """
        self._memory_before = resident_mb(os.getpid())
        try:
            self._servable = load(Path(model_path), SessionOptions())
        except StatusError as error:
            raise _request_error(error) from error

    def predict(self, signature: str, array: Array) -> dict[str, Array]:
        """See Server."""
        name, _ = INPUTS[signature]
        try:
            return self._servable.predict(signature, {name: array})
        except StatusError as error:
            raise _request_error(error) from error

    def memory_mb(self) -> float:
        """By how much this process has grown."""
        return resident_mb(os.getpid()) - self._memory_before

    def close(self) -> None:
        """Frees the model."""
        self._servable.close()


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


def _request_error(error: StatusError) -> RequestError:
    return RequestError(codes.name(error.code), error.message)
