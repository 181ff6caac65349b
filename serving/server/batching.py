"""Runs requests in worker threads, several of them in one call of the model where that is switched on."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import queue
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from serving.errors import StatusError
from serving.server import codes
from serving.server.servable import Array


@dataclasses.dataclass(frozen=True)
class BatchOptions:
    """How requests are put together.

    Attributes:
      max_rows: of one call of the model; a request that has more is run by itself. 0: each request is.
      wait_s: how long a call waits to be filled.
      max_waiting_rows: further requests are refused.
      threads: calls that run at the same time.
    """

    max_rows: int
    wait_s: float
    max_waiting_rows: int
    threads: int


class Function(Protocol):
    """What is run: a model's signature."""

    batchable: bool

    def run(self, values: Sequence[Array]) -> list[Array]:
        """See servable.Signature."""


class Lease(Protocol):
    """What keeps a model loaded."""

    def release(self) -> None:
        """Ends that."""


@dataclasses.dataclass(frozen=True)
class Timing:
    """Of a request: in the queue, and in the call of the model that has answered it."""

    waited_s: float
    ran_s: float


Answer = tuple[list[Array], Timing]

# Requests with the same key fit together; None: this one is run by itself.
_Key = tuple[Function, tuple[tuple[int, ...], ...] | None]


@dataclasses.dataclass
class _Request:
    function: Function
    values: list[Array]
    rows: int
    lease: Lease
    future: asyncio.Future[Answer]
    arrived: float


class Batcher:
    """Takes requests from an event loop and answers them there.

    The workers take their next call from the queue themselves: they would stand still while the loop is busy with
    HTTP if it had to hand it to them.
    """

    def __init__(self, options: BatchOptions, loop: asyncio.AbstractEventLoop) -> None:
        self._options = options
        self._loop = loop
        self._lock = threading.Lock()
        self._queues: dict[_Key, deque[_Request]] = {}
        self._waiting_rows = 0
        self._idle = 0
        # Whether to go on, for each idle worker that has something to do, and in the end for all.
        self._wake: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, name=f"model-{number}", daemon=True)
            for number in range(options.threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, function: Function, values: list[Array], lease: Lease) -> asyncio.Future[Answer]:
        """The future answer to a request; who cancels it does not get it any more.

        Args:
          function: what to run.
          values: of its inputs, in its order.
          lease: released when the model has run, or will not any more.

        Raises:
          StatusError: too many requests wait.
        """
        rows, key = self._fitting(function, values)
        future: asyncio.Future[Answer] = self._loop.create_future()
        request = _Request(function, values, rows, lease, future, time.perf_counter())
        with self._lock:
            if self._waiting_rows and self._waiting_rows + rows > self._options.max_waiting_rows:
                raise StatusError(
                    codes.UNAVAILABLE,
                    f"The batch scheduling queue to which this task was submitted is full; {self._waiting_rows} rows "
                    f"are waiting.",
                )
            self._queues.setdefault(key, deque()).append(request)
            self._waiting_rows += rows
            wakes = self._idle > 0
            self._idle -= wakes
        if wakes:
            self._wake.put(True)
        return future

    def close(self) -> None:
        """Ends the workers when they have run what they are running."""
        for _ in self._threads:
            self._wake.put(False)

    def _fitting(self, function: Function, values: list[Array]) -> tuple[int, _Key]:
        rows = {len(value) if value.ndim else 1 for value in values}
        count = max(rows, default=1)
        if (
            function.batchable
            and len(rows) == 1
            and 0 < count < self._options.max_rows
            and all(value.ndim for value in values)
        ):
            return count, (function, tuple(value.shape[1:] for value in values))
        return max(count, 1), (function, None)

    def _work(self) -> None:
        while True:
            batch, wait_s = self._take()
            if batch:
                self._answer(batch)
            elif not self._sleep(wait_s):
                return

    def _sleep(self, wait_s: float | None) -> bool:
        """Waits to be woken; returns whether to go on."""
        try:
            return self._wake.get(timeout=wait_s)
        except queue.Empty:
            pass
        with self._lock:
            try:
                # Who has woken this worker just now has already counted it as busy.
                return self._wake.get_nowait()
            except queue.Empty:
                self._idle -= 1
                return True

    def _take(self) -> tuple[list[_Request], float | None]:
        """The requests of the next call; or none, the worker counts as idle, and how long it is to wait."""
        now = time.perf_counter()
        with self._lock:
            wait_s: float | None = None
            # The oldest first, so that none starves.
            for key in sorted(self._queues, key=lambda key: self._queues[key][0].arrived):
                waiting = self._queues[key]
                missing_s = waiting[0].arrived + self._options.wait_s - now
                if missing_s > 0 and key[1] is not None and _rows(waiting) < self._options.max_rows:
                    wait_s = missing_s if wait_s is None else min(wait_s, missing_s)
                    continue
                batch = [waiting.popleft()]
                rows = batch[0].rows
                while waiting and key[1] is not None and rows + waiting[0].rows <= self._options.max_rows:
                    batch.append(waiting.popleft())
                    rows += batch[-1].rows
                if not waiting:
                    del self._queues[key]
                self._waiting_rows -= rows
                return batch, None
            self._idle += 1
            return [], wait_s

    def _answer(self, batch: list[_Request]) -> None:
        # Nobody waits any more for what has been cancelled or has timed out.
        live = [request for request in batch if not request.future.done()]
        results: list[tuple[_Request, Answer | StatusError]] = []
        try:
            if live:
                results = _run(live)
        finally:
            for request in batch:
                request.lease.release()
        if results:
            # It fails when the loop has been closed: then nobody waits.
            try:
                self._loop.call_soon_threadsafe(_resolve, results)
            except RuntimeError:
                return


def _rows(requests: deque[_Request]) -> int:
    return sum(request.rows for request in requests)


def _run(batch: list[_Request]) -> list[tuple[_Request, Answer | StatusError]]:
    if len(batch) == 1:
        return [(batch[0], _attempt(batch[0].function, batch[0].values, batch[0].arrived))]
    function = batch[0].function
    try:
        merged = [np.concatenate(parts) for parts in zip(*(request.values for request in batch), strict=True)]
        started = time.perf_counter()
        outputs = function.run(merged)
        ran_s = time.perf_counter() - started
    except Exception:  # whatever it is: see _attempt
        # One of them may be to blame: each for itself, so that the error is that one's alone.
        return [(request, _attempt(function, request.values, request.arrived)) for request in batch]
    ends = list(itertools.accumulate(request.rows for request in batch))
    if any(output.ndim == 0 or len(output) != ends[-1] for output in outputs):
        # Not by rows, whatever the signature says.
        function.batchable = False
        return [(request, _attempt(function, request.values, request.arrived)) for request in batch]
    return [
        (
            request,
            (
                [output[end - request.rows : end] for output in outputs],
                Timing(waited_s=started - request.arrived, ran_s=ran_s),
            ),
        )
        for request, end in zip(batch, ends, strict=True)
    ]


def _attempt(function: Function, values: Sequence[Array], arrived: float) -> Answer | StatusError:
    started = time.perf_counter()
    try:
        outputs = function.run(values)
    except StatusError as error:
        return error
    except MemoryError:
        return StatusError(codes.RESOURCE_EXHAUSTED, "Out of memory.")
    except Exception as error:  # whatever it is, the request must be answered, and the worker live
        return StatusError(codes.INTERNAL, f"{type(error).__name__}: {error}")
    return outputs, Timing(waited_s=started - arrived, ran_s=time.perf_counter() - started)


def _resolve(results: list[tuple[_Request, Answer | StatusError]]) -> None:
    for request, result in results:
        if request.future.done():
            continue
        if isinstance(result, StatusError):
            request.future.set_exception(result)
        else:
            request.future.set_result(result)
