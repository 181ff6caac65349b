"""What the data checks cost: FindingsGen and AnomalyGate against the StatisticsGen of the same branch.

    python -m benchmarks.findings [training.csv icml_face_data.csv]

The real executors in one process, after a turn that is not counted; turns alternate, so that both sides meet the same
neighbours on a shared machine. Without files it uses drawn faces.
"""

from __future__ import annotations

import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

TURNS = 5


def seconds(work: Callable[[], None]) -> float:
    started = time.monotonic()
    work()
    return time.monotonic() - started


def measure(csv: Path, name: str, folder: Path) -> None:
    from components.errors import ExplainedError
    from pipeline.tasks import TASKS
    from tests.data_chain import DataChain, read_csv

    [task] = [task for task in TASKS if task.name == name]
    chain = DataChain(folder, task, read_csv(folder, csv, task.csv_format))

    def check() -> None:
        chain.find()
        # Real data have findings that stop where nobody has waived them; the time is the same.
        with contextlib.suppress(ExplainedError):
            chain.gate()

    chain.make_statistics()
    chain.validate()
    check()
    pairs = [(seconds(chain.make_statistics), seconds(check)) for _ in range(TURNS)]
    stats, checks = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(f"{name}: StatisticsGen {stats:.1f} s, FindingsGen and AnomalyGate {checks:.1f} s (median of {TURNS} turns)")
    print(f"{name}: the checks take {checks / stats:.2f} of StatisticsGen's time")


def main() -> None:
    from pipeline.drawn_faces import write_kaggle_csvs

    with tempfile.TemporaryDirectory() as folder:
        csvs = [Path(name) for name in sys.argv[1:]] or write_kaggle_csvs(Path(folder))
        for csv, name in zip(csvs, ("keypoints", "emotion"), strict=True):
            measure(csv, name, Path(folder) / name)


if __name__ == "__main__":
    main()
