"""What a killed training goes on from: one file, written whole at the end of each epoch.

Keras's BackupAndRestore is not enough for a model that is the same as that of an uninterrupted training: it leaves out
the state of the random numbers (dropout) and all that EarlyStopping remembers, and writes over the file it needs.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import os
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from pipeline.deployment import CHECKPOINTS_VARIABLE
from pipeline.fingerprint import code_fingerprint, file_fingerprint
from pipeline.training.faces import Faces
from pipeline.training.recipe import Recipe
from pipeline.training.settings import Training
from pipeline.training.warm_start import weights_index

Arrays = list[npt.NDArray[Any]]

_log = logging.getLogger(__name__)

# Nobody goes on with a training that was killed longer ago.
_FORGOTTEN_AFTER_S = 30 * 24 * 3600
# What EarlyStopping remembers, beside the best weights.
_REMEMBERED = ("best", "best_epoch", "wait", "stopped_epoch")


@dataclasses.dataclass(frozen=True)
class Saved:
    """A training after some epochs.

    Attributes:
      variables: values of `training_variables`.
      best_weights: values of the model's weights after its best epoch.
      remembered: attributes of EarlyStopping.
      history: the losses and metrics of each finished epoch.
    """

    variables: Arrays
    best_weights: Arrays
    remembered: dict[str, float | None]
    history: list[dict[str, float]]

    @property
    def epochs(self) -> int:
        """How many are finished."""
        return len(self.history)

    @property
    def stopped(self) -> bool:
        """Whether EarlyStopping has ended the training."""
        return bool(self.remembered["stopped_epoch"])


def checkpoint_folder(custom_config: dict[str, Any]) -> Path | None:
    """The folder of all checkpoints; None where a killed training begins anew.

    Args:
      custom_config: the Trainer's. Where all of it is a parameter of the run, as on Kubeflow, an environment variable
        of the container names the folder.
    """
    folder = custom_config.get("checkpoints") or os.environ.get(CHECKPOINTS_VARIABLE)
    return Path(folder) if folder else None


def checkpoint_file(folder: Path, recipe: Recipe, settings: Training, train: Faces, evaluation: Faces) -> Path:
    """Where the checkpoint of a training is, under a name that no training with another result has.

    Args:
      folder: of all checkpoints.
      recipe: the model and how to learn it.
      settings: how long, how fast and on what.
      train: rows to learn from.
      evaluation: rows that stop the training.

    Raises:
      InputError: there is no model to begin with at `settings.warm_start`.
    """
    digest = hashlib.sha256(settings.model_dump_json().encode())
    digest.update(code_fingerprint(f"pipeline.{recipe.name}.training").encode())
    if settings.warm_start is not None:
        # It holds a checksum of each weight.
        digest.update(file_fingerprint(weights_index(settings.warm_start)).encode())
    for array in (train.images, train.labels, evaluation.images, evaluation.labels):
        digest.update(str(array.shape).encode())
        digest.update(np.ascontiguousarray(array).data)
    return folder / f"{recipe.name}-{digest.hexdigest()[:16]}.npz"


def training_variables(model: keras.Model) -> list[keras.Variable]:
    """All that a step of the training changes: weights, averages, random numbers, the optimizer's state.

    Args:
      model: compiled; its optimizer is built.
    """
    return [*model.variables, *model.optimizer.variables]


def read_checkpoint(file: Path, model: keras.Model) -> Saved | None:
    """What a training has left, put into the model and its optimizer; None where there is nothing to go on from.

    Args:
      file: of `checkpoint_file`.
      model: compiled; its optimizer is built.
    """
    variables = training_variables(model)
    try:
        saved = _read(file)
        if [value.shape for value in saved.variables] != [tuple(variable.shape) for variable in variables]:
            raise ValueError("it is that of another model")
    except FileNotFoundError:
        return None
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        _log.warning("%s: this checkpoint cannot be used (%s). The training begins anew.", file, error)
        return None
    for variable, value in zip(variables, saved.variables, strict=True):
        variable.assign(value)
    return saved


def remove_checkpoint(file: Path) -> None:
    """Removes a checkpoint and what kills in the middle of writing it have left."""
    for path in file.parent.glob(f"{file.name}*"):
        path.unlink(missing_ok=True)


class Checkpoint(keras.callbacks.Callback):
    """Writes the checkpoint; stands after the EarlyStopping in the list of callbacks."""

    def __init__(self, file: Path, stopping: keras.callbacks.EarlyStopping, saved: Saved | None) -> None:
        """For one training.

        Args:
          file: of `checkpoint_file`.
          stopping: with restore_best_weights.
          saved: what this training goes on from.
        """
        super().__init__()
        self._file, self._stopping, self._saved = file, stopping, saved
        self._history = list(saved.history) if saved else []

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Reminds EarlyStopping, which has just forgotten everything."""
        _remove_forgotten(self._file.parent)
        if self._saved:
            self._stopping.best_weights = self._saved.best_weights
            for name, value in self._saved.remembered.items():
                setattr(self._stopping, name, value)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Writes; a training that cannot is better than none."""
        self._history.append({name: float(value) for name, value in (logs or {}).items()})
        saved = Saved(
            [variable.numpy() for variable in training_variables(self.model)],
            self._stopping.best_weights,
            {name: getattr(self._stopping, name) for name in _REMEMBERED},
            self._history,
        )
        try:
            _write(self._file, saved)
        except OSError as error:
            _log.warning("%s: no checkpoint of epoch %d could be written (%s).", self._file, epoch + 1, error)


def _write(file: Path, saved: Saved) -> None:
    """Writes aside first: a kill at any time leaves the checkpoint of the epoch before."""
    file.parent.mkdir(parents=True, exist_ok=True)
    state = {"remembered": saved.remembered, "history": saved.history}
    arrays = {
        **{f"variable_{i}": value for i, value in enumerate(saved.variables)},
        **{f"best_{i}": value for i, value in enumerate(saved.best_weights)},
    }
    with tempfile.NamedTemporaryFile(prefix=f"{file.name}.", dir=file.parent, delete=False) as aside:
        try:
            np.savez(aside, state=np.array(json.dumps(state)), **arrays)
            aside.flush()
            # Else a machine that loses its power could have renamed a file that it has not written.
            os.fsync(aside.fileno())
            os.replace(aside.name, file)
        except OSError:
            os.unlink(aside.name)
            raise


def _read(file: Path) -> Saved:
    """A file as `_write` leaves it; each array is checked against its checksum.

    Raises:
      FileNotFoundError: there is none.
      OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile: it is broken.
    """
    with np.load(file) as arrays:
        counts = [sum(name.startswith(kind) for name in arrays.files) for kind in ("variable_", "best_")]
        variables = [arrays[f"variable_{i}"] for i in range(counts[0])]
        best_weights = [arrays[f"best_{i}"] for i in range(counts[1])]
        return Saved(variables, best_weights, **json.loads(str(arrays["state"])))


def _remove_forgotten(folder: Path) -> None:
    """Removes the checkpoints of trainings that nobody goes on with: their settings, code or data were changed."""
    for path in folder.glob("*.npz*"):
        try:
            if time.time() - path.stat().st_mtime > _FORGOTTEN_AFTER_S:
                path.unlink()
        except OSError as error:
            _log.warning("%s: cannot be removed (%s).", path, error)
