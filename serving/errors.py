"""The two kinds of errors: a person's mistake, and an answer to a request."""

from __future__ import annotations


class UsageError(Exception):
    """Something that a person can mend; the text names the file or flag, what is wrong, and what to do."""


class StatusError(Exception):
    """An answer to a request that is an error.

    Attributes:
      code: of google.rpc.Code, which gRPC and TensorFlow share (3 is INVALID_ARGUMENT).
      message: for the client.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
