"""The model without a server: `serving.server.servable` alone, in a process of its own.

    python -m benchmarks.serving_direct VERSION_FOLDER

Reads from the standard input, a line each: signature, rows of a call, threads, seconds. Prints the seconds of all calls
within the time, as JSON.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import threading
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from benchmarks.serving_clients import WARM_S
from benchmarks.serving_requests import SESSION, inputs
from serving.server.servable import Array, Servable, Signature


def call_seconds(function: Signature, value: Array, threads: int, seconds: float) -> list[float]:
    took: list[float] = []
    begin = time.perf_counter() + WARM_S

    def work() -> None:
        now = time.perf_counter()
        while now < begin + seconds:
            started = now
            function.run([value])
            now = time.perf_counter()
            if begin < now < begin + seconds:
                took.append(now - started)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return took


def main() -> None:
    path = Path(sys.argv[1])
    servable = Servable(str(path), SESSION)
    # As the server does.
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        signature, rows, threads, seconds = line.split()
        value = inputs(path.parent.name, signature, int(rows))
        took = call_seconds(servable.signatures[signature], value, int(threads), float(seconds))
        print(json.dumps(took), flush=True)


if __name__ == "__main__":
    main()
