"""One of several workers that train a model: `python -m pipeline.training.worker`, with TF_CONFIG in its environment.

The Trainer starts the chief. The others are started by people, or by what runs the machines, each in the place where it
is to work; they get settings and data from the chief, and need no files of their own.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import importlib
import io
import json
import logging
import os
import shutil
import signal
import sys
import tarfile
import tempfile
import threading
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from components.errors import ExplainedError
from pipeline.training.faces import Faces
from pipeline.training.fit import fit, progress
from pipeline.training.monitoring import monitors
from pipeline.training.recipe import Recipe
from pipeline.training.settings import Training
from pipeline.training.strategies import TF_CONFIG, create_strategy, read_cluster

# In the folder of a job.
_JOB, _ROWS, _CHECKPOINT, _WARM_START = "job.json", "rows.npz", "checkpoint.npz", "warm_start"
# What the chief leaves there for the Trainer.
WEIGHTS, ERROR = "weights.npz", "error.txt"

_INT32_BYTES = 4


@dataclasses.dataclass(frozen=True)
class Job:
    """A training for several workers.

    Attributes:
      recipe: the module that has it as RECIPE.
      settings: of the training.
      train: rows to learn from.
      evaluation: rows that stop the training.
      run_folder: for TensorBoard.
      checkpoint: file to go on from and to write; None for neither.
    """

    recipe: str
    settings: Training
    train: Faces
    evaluation: Faces
    run_folder: str
    checkpoint: str | None

    def write(self, folder: Path) -> None:
        """Puts all that workers need into a folder, also the files that the job names."""
        np.savez(
            folder / _ROWS,
            train_images=self.train.images,
            train_labels=self.train.labels,
            evaluation_images=self.evaluation.images,
            evaluation_labels=self.evaluation.labels,
        )
        if self.settings.warm_start is not None:
            shutil.copytree(self.settings.warm_start, folder / _WARM_START)
        if self.checkpoint is not None and Path(self.checkpoint).exists():
            shutil.copy(self.checkpoint, folder / _CHECKPOINT)
        job = {
            "recipe": self.recipe,
            "settings": self.settings.model_dump(),
            "run_folder": self.run_folder,
            "checkpoint": self.checkpoint,
        }
        (folder / _JOB).write_text(json.dumps(job))

    @classmethod
    def read(cls, folder: Path, is_chief: bool) -> Job:
        """What `write` has left; workers other than the chief write into this folder only."""
        job: dict[str, Any] = json.loads((folder / _JOB).read_text())
        with np.load(folder / _ROWS) as rows:
            train = Faces(rows["train_images"], rows["train_labels"])
            evaluation = Faces(rows["evaluation_images"], rows["evaluation_labels"])
        settings = Training.model_validate(job["settings"])
        run_folder, checkpoint = job["run_folder"], job["checkpoint"]
        if not is_chief:
            run_folder, checkpoint = str(folder / "run"), checkpoint and str(folder / _CHECKPOINT)
            if settings.warm_start is not None:
                settings = settings.model_copy(update={"warm_start": str(folder / _WARM_START)})
        return cls(job["recipe"], settings, train, evaluation, run_folder, checkpoint)


def main() -> None:
    """Trains along, and says how it goes on stdout; ends with 1 where it fails."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.training.worker", description=__doc__)
    parser.add_argument("job", nargs="?", type=Path, help="folder of the job, which the Trainer gives to the chief")
    folder: Path | None = parser.parse_args().job
    # TensorFlow waits for the other workers in C++, where Python would not see a Ctrl-C.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    progress.setLevel(logging.INFO)
    progress.addHandler(logging.StreamHandler(sys.stdout))
    progress.propagate = False
    if folder:
        _end_with_trainer()
    try:
        _work(folder)
    except ExplainedError as error:
        _fail(folder, str(error))
    except tf.errors.OpError as error:
        _fail(
            folder, f"A worker of the training has gone, or cannot be reached any more: {error.message.splitlines()[0]}"
        )


def _work(folder: Path | None) -> None:
    cluster = read_cluster(os.environ.get(TF_CONFIG))
    if not cluster.is_chief:
        progress.info(
            "worker %s waits for the others: %s", cluster.addresses[cluster.index], ", ".join(cluster.addresses)
        )
    strategy = create_strategy("multi_worker")
    progress.info("%d workers have come, %d devices", len(cluster.addresses), strategy.num_replicas_in_sync)
    with tempfile.TemporaryDirectory() as place:
        received = _from_chief(strategy, _packed(folder) if folder else b"")
        with tarfile.open(fileobj=io.BytesIO(received)) as archive:
            archive.extractall(place, filter="data")
        job = Job.read(Path(place), cluster.is_chief)
        recipe: Recipe = importlib.import_module(job.recipe).RECIPE
        model = fit(
            recipe,
            job.settings,
            job.train,
            job.evaluation,
            monitors(recipe, job.settings, job.train, job.evaluation, job.run_folder),
            Path(job.checkpoint) if job.checkpoint else None,
            strategy,
        )
    weights = model.get_weights()
    if folder:
        np.savez(folder / WEIGHTS, *weights)
    checksum = functools.reduce(lambda checksum, weight: zlib.crc32(weight.tobytes(), checksum), weights, 0)
    progress.info("weights %08x, the same on every worker", checksum)


def _packed(folder: Path) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.add(folder, ".")
    return packed.getvalue()


def _from_chief(strategy: tf.distribute.Strategy, data: bytes) -> bytes:
    """The chief's bytes, on every worker; the others have none to give."""
    padded = data + bytes(-len(data) % _INT32_BYTES)
    # Collectives know no bytes. All else is empty, so that what is gathered is the chief's.
    gathered = strategy.gather(tf.constant(np.frombuffer(padded, np.int32)), axis=0)
    return bytes(gathered.numpy().tobytes())


def _end_with_trainer() -> None:
    """Ends this process when the Trainer has gone, however it went: it holds the other end of stdin."""

    def wait() -> None:
        # Not by sys.stdin, whose lock a thread that waits would hold at this process's own end: Python aborts then.
        os.read(0, 1)
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def _fail(folder: Path | None, why: str) -> None:
    if folder:
        (folder / ERROR).write_text(why)
    sys.exit(why)


if __name__ == "__main__":
    main()
