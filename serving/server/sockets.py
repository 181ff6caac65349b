"""The ports to listen at. Imports no TensorFlow, so that one that is taken is told at once."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

from serving.errors import UsageError
from serving.server.flags import Flags


@contextlib.contextmanager
def bound_sockets(flags: Flags) -> Iterator[socket.socket | None]:
    """The socket for REST, bound but not listening yet; None where there is to be none.

    gRPC makes its own; here it is only seen whether it will be able to, as it would only say that it has failed.

    Raises:
      UsageError: a port cannot be had.
    """
    with contextlib.ExitStack() as stack:
        if flags.port:
            _bind(flags.host, flags.port, "--port").close()
        if not flags.rest_api_port:
            yield None
        else:
            yield stack.enter_context(_bind(flags.host, flags.rest_api_port, "--rest_api_port"))


def _bind(host: str, port: int, flag: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's algorithm off (40 ms a request) only where the protocol is named.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise UsageError(
            f"{flag}: cannot listen at {host}:{port} ({error.strerror}). Choose another port, or end what uses it."
        ) from None
    return bound
