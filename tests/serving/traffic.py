"""Requests without a pause, in threads of their own, while something else goes on."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from types import TracebackType


class Traffic:
    """A context in which every function is called again and again, each in a thread.

    Attributes:
      calls: how many have come back.
      failures: what those have raised that have not; a thread ends with its first one.
    """

    def __init__(self, *asks: Callable[[], None]) -> None:
        self.calls = 0
        self.failures: list[str] = []
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(ask,), daemon=True) for ask in asks]

    def __enter__(self) -> Traffic:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, ask: Callable[[], None]) -> None:
        while not self._stop.is_set():
            try:
                ask()
            except BaseException:
                self.failures.append(traceback.format_exc())
                return
            with self._lock:
                self.calls += 1
