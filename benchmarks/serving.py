"""What the local server costs over the model itself: throughput and latency, in the same run.

    python -m benchmarks.serving MODELS_FOLDER [emotion_ai|facial_keypoints]

MODELS_FOLDER has <model name>/<version>/, as the pipeline's `models/`; the newest version is measured.

*Direct* is the same SavedModel in the same session class (`serving.server.servable`) with the same threads of a
session, in a process that does nothing else and calls the model without a pause:
- "of direct": calls of BATCH_ROWS rows from one thread, as a program would that has the pictures at hand;
- "of all CPUs": the same from as many threads at once as there are CPUs. No server can reach that: it would have to
  read requests and write answers, and its clients to send and read them, in no time;
- "of direct's p99": calls of one row from one thread.

The server may put up to BATCH_ROWS rows into a call, and does not wait for them. Its clients send one picture a
request, over connections that stay open, from a process of their own on the same CPUs: what they cost counts against
the server. The server and the direct process are both there all the time, but only one has work at a time; their turns
alternate, so that all meet the same neighbours on a shared machine. The table has the medians of the turns; "CPU ms" is
what the process with the model takes for an image, which neighbours change least.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pickle
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from benchmarks.serving_clients import WARM_S

TURNS = 4
SECONDS = 1.5
CLIENTS = (1, 8, 32)
BATCH_ROWS = 8
THREADS = os.cpu_count() or 1

BATCHING = """max_batch_size {{ value: {rows} }}
batch_timeout_micros {{ value: 0 }}
num_batch_threads {{ value: {threads} }}
"""


Key = TypeVar("Key")


@dataclasses.dataclass(frozen=True)
class Way:
    """A way to send pictures."""

    name: str
    kind: str
    signature: str


WAYS = (
    Way("REST, image as base64", "http", "serving_default"),
    Way("REST, gray values as JSON", "http", "serving_tensor"),
    Way("gRPC, image bytes", "grpc", "serving_default"),
    Way("gRPC, float32 tensor", "grpc", "serving_tensor"),
    Way("gRPC, uint8 tensor", "grpc", "serving_tensor_uint8"),
)


@dataclasses.dataclass(frozen=True)
class Calls:
    """Direct calls of so many rows from so many threads."""

    signature: str
    rows: int
    threads: int


def direct_calls(signature: str) -> tuple[Calls, Calls, Calls]:
    return Calls(signature, 1, 1), Calls(signature, BATCH_ROWS, 1), Calls(signature, BATCH_ROWS, THREADS)


@dataclasses.dataclass(frozen=True)
class Result:
    """Of one turn."""

    images_per_s: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float


def result(seconds: list[float], cpu_s: float, rows: int = 1) -> Result:
    """Of the seconds of all calls of so many rows in a turn, and the processor's time for these and the warm-up."""
    p50, p99 = np.percentile(seconds, [50, 99]) * 1e3
    rate = len(seconds) * rows / SECONDS
    return Result(rate, p50, p99, cpu_s / (rate * (WARM_S + SECONDS)) * 1e3)


def cpu_seconds(process: subprocess.Popen[Any]) -> float:
    """What a process has used of the processor so far."""
    user, system = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def medians(found: dict[Key, list[Result]]) -> dict[Key, Result]:
    return {
        key: Result(*(statistics.median(values) for values in zip(*map(dataclasses.astuple, turns), strict=True)))
        for key, turns in found.items()
    }


class Direct:
    """The process with the model alone."""

    def __init__(self, path: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.serving_direct", str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def measure(self, calls: Calls) -> Result:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(f"{calls.signature} {calls.rows} {calls.threads} {SECONDS}\n")
        self._process.stdin.flush()
        before = cpu_seconds(self._process)
        took = json.loads(self._process.stdout.readline())
        return result(took, cpu_seconds(self._process) - before, calls.rows)

    def close(self) -> None:
        self._process.terminate()
        self._process.wait()


def measure(model: str, path: Path) -> None:
    from benchmarks.serving_requests import SESSION, grpc_requests, http_requests
    from tests.serving.local_server import local_server

    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "batching.config").write_text(BATCHING.format(rows=BATCH_ROWS, threads=THREADS))
        files = {}
        for number, way in enumerate(WAYS):
            make = http_requests if way.kind == "http" else grpc_requests
            files[way] = folder / str(number)
            files[way].write_bytes(pickle.dumps(make(model, way.signature)))
        flags = (
            f"--model_name={model}",
            f"--model_base_path={path.parent}",
            "--enable_batching",
            f"--batching_parameters_file={folder / 'batching.config'}",
            f"--tensorflow_intra_op_parallelism={SESSION.intra_op_threads}",
            f"--tensorflow_inter_op_parallelism={SESSION.inter_op_threads}",
        )
        server = stack.enter_context(local_server(folder, {model: 1}, *flags))
        direct = stack.enter_context(contextlib.closing(Direct(path)))

        def ask(way: Way, clients: int) -> Result:
            address = server.rest.removeprefix("http://") if way.kind == "http" else server.grpc
            command = [sys.executable, "-m", "benchmarks.serving_clients", way.kind, *address.split(":")]
            arguments = [str(clients), str(SECONDS), str(files[way])]
            before = cpu_seconds(server.process)
            took = json.loads(subprocess.run([*command, *arguments], stdout=subprocess.PIPE, check=True).stdout)
            return result(took, cpu_seconds(server.process) - before)

        alone: dict[Calls, list[Result]] = {}
        served: dict[tuple[Way, int], list[Result]] = {}
        for turn in range(TURNS + 1):
            for way in WAYS:
                for calls in direct_calls(way.signature):
                    alone.setdefault(calls, []).append(direct.measure(calls))
                for clients in CLIENTS:
                    served.setdefault((way, clients), []).append(ask(way, clients))
            if turn == 0:
                # Each size of a batch is slow when it comes for the first time.
                alone.clear()
                served.clear()
            print(f"turn {turn} of {TURNS}", file=sys.stderr, flush=True)
    print_table(model, medians(alone), medians(served))


def print_table(model: str, direct: dict[Calls, Result], served: dict[tuple[Way, int], Result]) -> None:
    print(f"\n{model}: medians of {TURNS} turns of {SECONDS:g} s, {THREADS} CPUs")
    print(f"{'':38} images/s  of direct  of all CPUs   CPU ms   p50 ms   p99 ms  of direct's p99")
    for calls, found in direct.items():
        name = f"direct, {calls.signature}, {calls.rows} x {calls.threads}"
        print(
            f"{name:38} {found.images_per_s:8,.0f} {'':23} {found.cpu_ms:8.2f} {found.p50_ms:8.2f} {found.p99_ms:8.2f}"
        )
    for (way, clients), found in served.items():
        one, one_thread, all_threads = (direct[calls] for calls in direct_calls(way.signature))
        line = f"{f'{way.name}, {clients} clients':38} {found.images_per_s:8,.0f}"
        line += f" {found.images_per_s / one_thread.images_per_s:10.2f}"
        line += f" {found.images_per_s / all_threads.images_per_s:12.2f}"
        line += f" {found.cpu_ms:8.2f} {found.p50_ms:8.2f} {found.p99_ms:8.2f}"
        if clients == 1:
            line += f" {found.p99_ms / one.p99_ms:16.2f}"
        print(line, flush=True)


def main() -> None:
    folder = Path(sys.argv[1]).resolve()
    for model in sys.argv[2:] or ("emotion_ai", "facial_keypoints"):
        versions = (int(path.name) for path in (folder / model).iterdir() if path.name.isdecimal())
        measure(model, folder / model / str(max(versions)))


if __name__ == "__main__":
    main()
