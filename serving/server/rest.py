"""The REST API, as a plain ASGI application: a framework would cost as much time as the model takes for an image."""

from __future__ import annotations

import re
import time
import zlib
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import unquote

import orjson
from google.protobuf import json_format
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2

from serving.errors import StatusError
from serving.server import codes, examples, metrics
from serving.server.examples_json import parse_examples
from serving.server.servable import DEFAULT_SIGNATURE, Array, Servable, Signature
from serving.server.service import Service, Spec
from serving.server.status import status_response
from serving.server.tensors_json import (
    dump_error,
    dump_outputs,
    dump_results,
    parse_inputs,
    parse_object,
    signature_name,
)

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_VERSION = r"(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
_POST = re.compile(rf"/v1/models/(?P<name>[^/:]+){_VERSION}:(?P<method>classify|regress|predict)", re.IGNORECASE)
_GET = re.compile(rf"/v1/models(?:/(?P<name>[^/:]+))?{_VERSION}(?P<metadata>/metadata)?", re.IGNORECASE)

_JSON = b"application/json"
# Of a body that is too large, this many times the limit is read before the answer: who is still sending does not read.
_DRAINED = 4
_METHODS = {"classify": examples.CLASSIFY_METHOD, "regress": examples.REGRESS_METHOD}


class _TooLargeError(Exception):
    """A body is larger than allowed."""


class _GoneError(Exception):
    """The client has left."""


class RestApi:
    """Answers below /v1/, and where the metrics are; hands everything else on."""

    def __init__(
        self, service: Service, others: App, max_body: int, timeout_s: float, metrics_path: str | None
    ) -> None:
        """Makes the application.

        Args:
          service: answers the requests.
          others: for all other paths.
          max_body: bytes of a request's body.
          timeout_s: for running the model.
          metrics_path: where the metrics are; None for nowhere.
        """
        self._service = service
        self._others = others
        self._max_body = max_body
        self._timeout_s = timeout_s
        self._metrics_path = metrics_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        path: str = scope["path"]
        if scope["type"] == "http" and path[:4].lower() == "/v1/":
            await self._answer(scope, receive, send)
        elif scope["type"] == "http" and path == self._metrics_path:
            await _respond(send, 200, self._service.metrics.page(), metrics.CONTENT_TYPE.encode())
        else:
            await self._others(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            body = await _read(scope, receive, self._max_body)
            status, answer = await self._process(scope["method"], scope["raw_path"].decode("latin-1"), body)
        except _GoneError:
            return
        except _TooLargeError:
            message = f"The request's body is larger than {self._max_body / 2**20:g} MiB (--max_request_mb)."
            await _respond(send, 413, dump_error(message), _JSON, close=True)
            return
        except StatusError as error:
            status, answer = codes.http_status(error.code), dump_error(error.message)
        except Exception as error:  # a bug, but one request must not leave without an answer
            status, answer = 500, dump_error(f"Internal error: {type(error).__name__}: {error}")
        await _respond(send, status, answer, _JSON)

    async def _process(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        malformed = StatusError(codes.INVALID_ARGUMENT, f"Malformed request: {method} {path}")
        if method == "POST":
            match = _POST.fullmatch(path)
            if match is None:
                raise malformed
            api = match["method"].lower()
            return await self._run(_spec(match), api, body)
        match = _GET.fullmatch(path) if method == "GET" else None
        if match is None:
            raise malformed
        if not match["name"]:
            raise StatusError(codes.INVALID_ARGUMENT, "Missing model name in request.")
        if match["metadata"]:
            return 200, self._metadata(_spec(match))
        return 200, self._status(_spec(match))

    async def _run(self, spec: Spec, api: str, body: bytes) -> tuple[int, bytes]:
        started = time.perf_counter()
        code = codes.INTERNAL
        try:
            answer = await (self._predict(spec, body) if api == "predict" else self._infer(spec, api, body))
            code = codes.OK
        except StatusError as error:
            code = error.code
            raise
        finally:
            self._service.record(spec, api, "REST", code, started)
        return 200, answer

    async def _predict(self, spec: Spec, body: bytes) -> bytes:
        document = parse_object(body)
        name = signature_name(document, DEFAULT_SIGNATURE)
        by_rows = False

        def prepare(servable: Servable) -> tuple[Signature, Mapping[str, Array]]:
            nonlocal by_rows
            signature = servable.signatures.get(name)
            if signature is None:
                raise StatusError(
                    codes.INVALID_ARGUMENT, f'Serving signature name: "{name}" not found in signature def'
                )
            inputs, by_rows = parse_inputs(document, body, signature.inputs)
            return signature, inputs

        served = await self._service.predict(spec, prepare, "Predict", self._timeout_s)
        return dump_outputs(served.outputs, by_rows)

    async def _infer(self, spec: Spec, api: str, body: bytes) -> bytes:
        document = parse_object(body)
        name = signature_name(document, DEFAULT_SIGNATURE)
        request = parse_examples(document)
        served, count = await self._service.infer(spec, name, request, _METHODS[api], self._timeout_s)
        if api == "classify":
            return dump_results(examples.classifications(served.outputs, count))
        return dump_results(examples.regressions(served.outputs, count))

    def _status(self, spec: Spec) -> bytes:
        statuses = self._service.versions.statuses(spec.name, spec.version, spec.label)
        return orjson.dumps(_as_dict(status_response(statuses)))

    def _metadata(self, spec: Spec) -> bytes:
        lease = self._service.versions.lease(spec.name, spec.version, spec.label)
        try:
            signatures = get_model_metadata_pb2.SignatureDefMap(signature_def=lease.loaded.definitions)
            return orjson.dumps(
                {
                    "model_spec": {"name": spec.name, "signature_name": "", "version": str(lease.version)},
                    "metadata": {"signature_def": _as_dict(signatures)},
                }
            )
        finally:
            lease.release()


def _spec(match: re.Match[str]) -> Spec:
    version = None
    if match["version"]:
        # Only digits are there; but not more than an int64 has.
        if len(match["version"]) > 19 or int(match["version"]) >= 2**63:
            raise StatusError(codes.INVALID_ARGUMENT, f"Failed to convert version: {match['version']} to numeric.")
        version = int(match["version"])
    label = match["label"]
    return Spec(unquote(match["name"]), version, None if label is None else unquote(label))


def _as_dict(
    message: get_model_status_pb2.GetModelStatusResponse | get_model_metadata_pb2.SignatureDefMap,
) -> dict[str, Any]:
    as_dict: dict[str, Any] = json_format.MessageToDict(
        message, including_default_value_fields=True, preserving_proto_field_name=True
    )
    return as_dict


async def _read(scope: Scope, receive: Receive, limit: int) -> bytes:
    """A request's body, as large as allowed."""
    for name, value in scope["headers"]:
        if name == b"content-length" and int(value) > _DRAINED * limit:
            raise _TooLargeError
    message = await receive()
    body: bytes = message.get("body", b"")
    if message["type"] == "http.disconnect":
        raise _GoneError
    if message.get("more_body") or len(body) > limit:
        chunks, size = [body], len(body)
        while message.get("more_body") and size <= _DRAINED * limit:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _GoneError
            size += len(message.get("body", b""))
            if size <= limit:
                chunks.append(message.get("body", b""))
            else:
                chunks.clear()
        if size > limit:
            raise _TooLargeError
        body = b"".join(chunks)
    for name, value in scope["headers"]:
        if name == b"content-encoding" and value.lower() != b"identity":
            return _decompress(body, value, limit)
    return body


def _decompress(body: bytes, encoding: bytes, limit: int) -> bytes:
    if encoding.lower() != b"gzip":
        raise StatusError(codes.INVALID_ARGUMENT, f"Content-Encoding {encoding.decode('latin-1')} is not supported.")
    decompressor = zlib.decompressobj(wbits=31)
    try:
        plain = decompressor.decompress(body, limit + 1)
    except zlib.error as error:
        raise StatusError(codes.INVALID_ARGUMENT, f"The request's body is not in gzip format: {error}") from None
    if len(plain) > limit:
        raise _TooLargeError
    if not decompressor.eof:
        raise StatusError(codes.INVALID_ARGUMENT, "The request's body ends in the middle of its gzip data.")
    return plain


async def _respond(send: Send, status: int, body: bytes, content_type: bytes, close: bool = False) -> None:
    headers = [(b"content-type", content_type), (b"content-length", str(len(body)).encode())]
    if close:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
