"""A training on several workers, as the Trainer sees it: a process of its own, the chief, and others elsewhere."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import keras
import numpy as np

import pipeline
from components.errors import ExplainedError, InputError
from pipeline.training import worker
from pipeline.training.faces import Faces
from pipeline.training.fit import progress
from pipeline.training.recipe import Recipe
from pipeline.training.settings import Training
from pipeline.training.strategies import TF_CONFIG, Cluster, read_cluster

# Other machines may have to be started first, and to load an image.
_JOIN_S = 900.0


def fit_with_workers(
    recipe: Recipe,
    settings: Training,
    train: Faces,
    evaluation: Faces,
    run_folder: str,
    checkpoint: Path | None,
    join_s: float = _JOIN_S,
) -> keras.Model:
    """What `fit` does, with the workers of TF_CONFIG.

    The chief is a process of its own: TensorFlow joins others at a process's start only, and this one may have run
    other nodes before.

    Args:
      recipe: the model and how to learn it.
      settings: how long and how fast.
      train: rows to fit the weights to.
      evaluation: rows that pick the best epoch and stop the training.
      run_folder: for TensorBoard.
      checkpoint: as of `fit`.
      join_s: how long to wait for the other workers.

    Raises:
      InputError: TF_CONFIG is wrong, or not the chief's.
      ExplainedError: a worker did not come, or was lost.
    """
    cluster = read_cluster(os.environ.get(TF_CONFIG))
    if not cluster.is_chief:
        raise InputError(
            f"environment variable {TF_CONFIG}: this is worker {cluster.index}, and the pipeline runs on the chief. "
            f"Start `python -m {worker.__name__}` here instead."
        )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        job = worker.Job(
            f"pipeline.{recipe.name}.training",
            settings,
            train,
            evaluation,
            run_folder,
            str(checkpoint) if checkpoint else None,
        )
        job.write(folder)
        _run_chief(folder, cluster, join_s)
        with np.load(folder / worker.WEIGHTS) as weights:
            model = recipe.build_model(settings.width)
            model.set_weights([weights[key] for key in weights.files])
    return model


def _run_chief(folder: Path, cluster: Cluster, join_s: float) -> None:
    others = cluster.addresses[1:]
    progress.info("waits for %d workers: %s", len(others), ", ".join(others))
    root = str(Path(pipeline.__file__).parent.parent)
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    chief = subprocess.Popen(
        [sys.executable, "-m", worker.__name__, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    )
    late = threading.Event()

    def give_up() -> None:
        late.set()
        chief.kill()

    patience = threading.Timer(join_s, give_up)
    patience.start()
    try:
        assert chief.stdout is not None
        for line in chief.stdout:
            # Its first word comes when all are there.
            patience.cancel()
            progress.info("%s", line.rstrip())
        status = chief.wait()
    finally:
        patience.cancel()
        chief.kill()
        chief.wait()
    if late.is_set():
        absent = [address for address in others if not _listens(address)]
        raise ExplainedError(
            f"After {join_s:g} s these workers had not come: {', '.join(absent or others)}. Start "
            f"`python -m {worker.__name__}` on each, with the same cluster in {TF_CONFIG}; they and this one must be "
            "able to reach each other at these addresses."
        )
    if status:
        error = folder / worker.ERROR
        raise ExplainedError(
            error.read_text() if error.exists() else f"The chief of the training ended with {status}; see the log."
        )


def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=2).close()
    except OSError:
        return False
    return True
