"""Ports for servers that are started with a number."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack

# Below those that the kernel hands out: between this look and the server's start nobody else gets one of these.
_FIRST, _LAST = 20_000, 32_000


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nothing listens on."""
    found: list[int] = []
    with ExitStack() as stack:
        while len(found) < count:
            port = random.SystemRandom().randint(_FIRST, _LAST)
            try:
                stack.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            found.append(port)
    return found
