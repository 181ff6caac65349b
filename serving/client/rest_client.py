"""The client for TensorFlow Serving's REST API."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from http import HTTPStatus
from types import TracebackType
from typing import Any
from urllib.parse import quote

import numpy as np
import requests
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse
from urllib3.connectionpool import ConnectionPool
from urllib3.exceptions import ReadTimeoutError
from urllib3.util.retry import Retry

from serving.client.interface import (
    DEADLINE_EXCEEDED,
    INTERNAL,
    INVALID_ARGUMENT,
    UNAVAILABLE,
    Client,
    Input,
    Tensor,
    check_choice,
)
from serving.errors import StatusError, UsageError

# As gRPC maps them.
_CODES: dict[int, int] = {
    HTTPStatus.BAD_REQUEST: INVALID_ARGUMENT,
    HTTPStatus.UNAUTHORIZED: 16,
    HTTPStatus.FORBIDDEN: 7,
    HTTPStatus.NOT_FOUND: 5,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: 8,
    HTTPStatus.PRECONDITION_FAILED: 9,
    HTTPStatus.TOO_MANY_REQUESTS: 8,
    HTTPStatus.NOT_IMPLEMENTED: 12,
    HTTPStatus.SERVICE_UNAVAILABLE: UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT: DEADLINE_EXCEEDED,
}

# How urllib3 begins a message.
_CONNECTION = re.compile(r"^(<.*?>|\w+\(.*?\)): ")


class RestClient(Client):
    """Asks over HTTP. Not to be shared by threads.

    Refused and broken connections and the statuses 429 and 503 are tried again, with growing pauses; what ran into a
    time-out is not, as that would only add to the load.
    """

    def __init__(self, base_url: str, timeout_s: float = 10.0, retries: int = 3) -> None:
        """Connects when it is first asked.

        Args:
          base_url: of the server, http://HOST:PORT; a path before /v1 may follow.
          timeout_s: seconds that a try may take to connect, and then between two pieces of the answer.
          retries: how often a request is tried again.

        Raises:
          UsageError: the URL is none.
        """
        if not base_url.startswith(("http://", "https://")):
            raise UsageError(f"{base_url}: no URL of a server. Begin it with http:// or https://.")
        self._base_url = base_url.rstrip("/")
        self._timeout_s = timeout_s
        self._session = requests.Session()
        adapter = HTTPAdapter(max_retries=_retry(retries))
        self._session.mount("http://", adapter)
        self._session.mount("https://", adapter)

    def predict(
        self,
        model: str,
        inputs: Mapping[str, Input],
        signature: str = "serving_default",
        *,
        version: int | None = None,
        label: str | None = None,
    ) -> dict[str, Tensor]:
        """See Client. REST does not name the output of a signature with a single one: it is 'outputs' here."""
        check_choice(version, label)
        which = f"/versions/{version}" if version is not None else f"/labels/{quote(label, '')}" if label else ""
        body = {"signature_name": signature, "inputs": {name: _to_json(value) for name, value in inputs.items()}}
        outputs = self._post(f"/v1/models/{quote(model, '')}{which}:predict", body)["outputs"]
        named = outputs if isinstance(outputs, dict) else {"outputs": outputs}
        return {name: _to_tensor(value) for name, value in named.items()}

    def close(self) -> None:
        """Closes the connections."""
        self._session.close()

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        url = f"{self._base_url}{path}"
        try:
            response = self._session.post(url, json=body, timeout=self._timeout_s)
        except requests.Timeout:
            raise StatusError(DEADLINE_EXCEEDED, f"{url}: no answer within {self._timeout_s:g} s") from None
        except requests.RequestException as error:
            raise StatusError(UNAVAILABLE, f"{url}: {_reason(error)}") from error
        try:
            answer = response.json()
        except requests.JSONDecodeError:
            answer = None
        if response.ok and isinstance(answer, dict) and "outputs" in answer:
            return answer
        message = answer.get("error") if isinstance(answer, dict) else None
        raise StatusError(
            INTERNAL if response.ok else _CODES.get(response.status_code, INTERNAL),
            str(message or f"{url}: status {response.status_code} without an answer of TensorFlow Serving's REST API"),
        )


class _Retry(Retry):
    """Does not try again what ran into a time-out: urllib3 counts that as any other broken connection."""

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        _pool: ConnectionPool | None = None,
        _stacktrace: TracebackType | None = None,
    ) -> _Retry:
        if isinstance(error, ReadTimeoutError):
            raise error.with_traceback(_stacktrace)
        return super().increment(method, url, response, error, _pool, _stacktrace)


def _retry(retries: int) -> _Retry:
    return _Retry(
        total=retries,
        status_forcelist=(HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE),
        allowed_methods=None,  # POST too: a prediction changes nothing on the server
        backoff_factor=0.1,
        backoff_jitter=0.1,
        backoff_max=2,
        raise_on_status=False,  # the last answer has the server's message
    )


def _reason(error: requests.RequestException) -> str:
    """What went wrong, without the layers around it."""
    cause: BaseException = error
    while inner := getattr(cause, "reason", None) or (cause.args and cause.args[0]):
        if not isinstance(inner, BaseException):
            break
        cause = inner
    return _CONNECTION.sub("", str(cause))


def _to_json(value: Input) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    return [{"b64": base64.b64encode(file).decode("ascii")} for file in value]


def _to_tensor(value: Any) -> Tensor:
    tensor = np.array(value)
    if tensor.dtype.kind == "f":
        return tensor.astype(np.float32)
    return tensor.astype(object) if tensor.dtype.kind == "U" else tensor
