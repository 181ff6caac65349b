"""The codes of google.rpc.Code that the server answers with, and what becomes of them over HTTP."""

from __future__ import annotations

from google.rpc import code_pb2

OK = code_pb2.OK
UNKNOWN = code_pb2.UNKNOWN
INVALID_ARGUMENT = code_pb2.INVALID_ARGUMENT
DEADLINE_EXCEEDED = code_pb2.DEADLINE_EXCEEDED
NOT_FOUND = code_pb2.NOT_FOUND
RESOURCE_EXHAUSTED = code_pb2.RESOURCE_EXHAUSTED
FAILED_PRECONDITION = code_pb2.FAILED_PRECONDITION
UNIMPLEMENTED = code_pb2.UNIMPLEMENTED
INTERNAL = code_pb2.INTERNAL
UNAVAILABLE = code_pb2.UNAVAILABLE
DATA_LOSS = code_pb2.DATA_LOSS

# As TensorFlow Serving maps them; those that are not here are errors of the server.
_HTTP = {
    OK: 200,
    code_pb2.CANCELLED: 499,
    INVALID_ARGUMENT: 400,
    DEADLINE_EXCEEDED: 504,
    NOT_FOUND: 404,
    code_pb2.ALREADY_EXISTS: 409,
    code_pb2.PERMISSION_DENIED: 403,
    RESOURCE_EXHAUSTED: 429,
    FAILED_PRECONDITION: 400,
    code_pb2.ABORTED: 409,
    code_pb2.OUT_OF_RANGE: 400,
    UNIMPLEMENTED: 501,
    UNAVAILABLE: 503,
    code_pb2.UNAUTHENTICATED: 401,
}

_MAX_MESSAGE = 1000
# Each request is counted under one: protobuf would look it up anew.
_NAMES: dict[int, str] = {number: name for name, number in code_pb2.Code.items()}


def name(code: int) -> str:
    """Such as INVALID_ARGUMENT."""
    return _NAMES[code]


def shortened(message: str) -> str:
    """An error's message as clients get it: it may quote what they have sent, and gRPC has it in a header."""
    return message if len(message) <= _MAX_MESSAGE else f"{message[:_MAX_MESSAGE]}..."


def http_status(code: int) -> int:
    """The status of an HTTP response with this code."""
    return _HTTP.get(code, 500)
