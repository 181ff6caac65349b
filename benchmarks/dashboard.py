"""How fast the dashboard answers: the list of 200 runs, and the page of a run with 100,000 examples.

    python -m benchmarks.dashboard

A real store of ML Metadata and real TFRecords in a temporary folder, a real server in a process of its own. The first
answers are cold: nothing is kept yet.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import requests

RUNS, EXAMPLES, TURNS = 200, 100_000, 5
LARGE = f"run-{RUNS}"
SERVE = (
    "import sys; from dashboard.connection import connection_config; from dashboard.server import serve; "
    "serve(connection_config(sys.argv[1]), port=0, say=lambda text: print(text, flush=True))"
)


def build(folder: Path) -> Path:
    """The store of RUNS runs; only the last has all the examples."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    from dashboard.faces import read_faces
    from pipeline.drawn_faces import write_kaggle_csvs
    from pipeline.tasks import EMOTION, KEYPOINTS
    from tests.dashboard.branches import BranchMaker
    from tests.dashboard.stores import StoreBuilder

    keypoints_csv, emotions_csv = write_kaggle_csvs(folder, keypoint_rows=60, emotion_rows=1000)
    keypoints, emotion = BranchMaker(folder, KEYPOINTS, keypoints_csv), BranchMaker(folder, EMOTION, emotions_csv)
    builder = StoreBuilder(folder / "metadata.sqlite")
    for number in range(1, RUNS):
        builder.add_run(f"run-{number}", [*emotion.nodes(number), *keypoints.nodes(number)])
    multiply(Path(emotion.examples.uri), EXAMPLES)
    # The rows from before are kept in memory.
    read_faces.cache_clear()
    builder.add_run(LARGE, [*emotion.nodes(RUNS), *keypoints.nodes(RUNS)])
    return builder.path


def multiply(examples: Path, number: int) -> None:
    """Repeats the examples below a folder, with new row numbers, until there are as many."""
    import tensorflow as tf

    files = sorted(examples.glob("Split-*/data_tfrecord-*"))
    rows = {path: list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator()) for path in files}
    times = -(-number // sum(map(len, rows.values())))
    step = 1 + max(
        tf.train.Example.FromString(row).features.feature["row"].int64_list.value[0]
        for of_file in rows.values()
        for row in of_file
    )
    for path, of_file in rows.items():
        with tf.io.TFRecordWriter(str(path)) as writer:
            for turn in range(times):
                for row in of_file:
                    example = tf.train.Example.FromString(row)
                    example.features.feature["row"].int64_list.value[0] += turn * step
                    writer.write(example.SerializeToString())


def seconds(address: str) -> tuple[float, int]:
    """Time until the whole answer is there, and its length in bytes."""
    started = time.monotonic()
    answer = requests.get(address, timeout=120)
    answer.raise_for_status()
    return time.monotonic() - started, len(answer.content)


def measure(address: str) -> None:
    first, _ = seconds(f"{address}/")
    # Its import begins after the first answer, and the next run's page waits for it.
    imported, _ = seconds(f"{address}/runs/run-1")
    later = statistics.median(seconds(f"{address}/")[0] for _ in range(TURNS))
    print(f"list of {RUNS} runs: {first * 1000:.0f} ms at first, then {later * 1000:.0f} ms (median of {TURNS})")
    print(f"first page of a run, with TensorFlow's import: {imported:.1f} s")
    cold, size = seconds(f"{address}/runs/{LARGE}")
    again = statistics.median(seconds(f"{address}/runs/{LARGE}")[0] for _ in range(TURNS))
    print(
        f"page of a run with {EXAMPLES:,} examples: {cold:.2f} s at first, then {again * 1000:.0f} ms; {size:,} bytes"
    )
    _, report = seconds(f"{address}/runs/{LARGE}/report.html")
    print(f"its report: {report:,} bytes")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", SERVE, str(build(Path(folder)))]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout
            try:
                measure(server.stdout.readline().split()[1])
            finally:
                server.terminate()


if __name__ == "__main__":
    main()
