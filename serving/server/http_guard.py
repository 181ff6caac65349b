"""What uvicorn does not limit: how long a client may take to send a request, and how long its headers may be."""

from __future__ import annotations

import asyncio
import enum

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

HEAD_TIMEOUT_S = 10.0
BODY_TIMEOUT_S = 60.0
MAX_HEAD_BYTES = 64 * 2**10
_LINGER_S = 2.0


class _Expected(enum.Enum):
    HEAD = 1
    BODY = 2
    NOTHING = 3


class GuardedProtocol(HttpToolsProtocol):
    """Closes connections that are too slow to send a request. uvicorn itself closes those that send no further one."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client has connected."""
        super().connection_made(transport)
        self._expected = _Expected.HEAD
        self._head_bytes = 0
        self._refused = False
        self._timer: asyncio.TimerHandle | None = None
        self._start(HEAD_TIMEOUT_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """It is over."""
        self._stop()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """The first line of a request begins."""
        super().on_message_begin()
        self._expected = _Expected.HEAD
        self._head_bytes = 0

    def on_headers_complete(self) -> None:
        """The headers are there."""
        self._expected = _Expected.BODY
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The body is there."""
        self._expected = _Expected.NOTHING
        super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        """Some bytes are there; most requests come in one go and need no timer."""
        if self._refused:
            return
        before = self._expected
        super().data_received(data)
        if self._expected == _Expected.NOTHING or self.transport.is_closing():
            self._stop()
            return
        if self._expected == _Expected.HEAD:
            self._head_bytes += len(data)
            if self._head_bytes > MAX_HEAD_BYTES:
                self._refuse(431, f"The request's headers are longer than {MAX_HEAD_BYTES} bytes.")
                return
        if self._timer is None or self._expected != before:
            self._stop()
            self._start(HEAD_TIMEOUT_S if self._expected == _Expected.HEAD else BODY_TIMEOUT_S)

    def _start(self, seconds: float) -> None:
        self._timer = self.loop.call_later(seconds, self._refuse, 408, f"No whole request within {seconds:g} s.")

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _refuse(self, status: int, message: str) -> None:
        self._stop()
        # Not into the middle of an answer.
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            body = f'{{"error":"{message}"}}'.encode()
            head = f"content-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
            self.transport.write(STATUS_LINE[status] + head.encode() + body)
        # To close at once would take the answer away from who is still sending.
        self._refused = True
        self.transport.write_eof()
        self._timer = self.loop.call_later(_LINGER_S, self.transport.close)
