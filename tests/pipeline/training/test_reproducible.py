"""The same seed and data give the same model, to the last bit."""

from __future__ import annotations

import functools
import importlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from pipeline.training.faces import Faces
from pipeline.training.fit import fit
from pipeline.training.settings import Training
from tests.components.push_faults.killing import PROCESSES
from tests.pipeline.training.small_training import small_training

# Of that width by default: wider layers are computed in other blocks.
SETTINGS = small_training(learning_rate=0.005, width=32, patience=2, seed=3)
ROWS = 72

Weights = list[npt.NDArray[np.float32]]


@functools.cache
def trained(task: str, settings: Training) -> Weights:
    """Weights of a training on noise: nothing hides a difference."""
    recipe = importlib.import_module(f"pipeline.{task}.training").RECIPE
    random = np.random.default_rng(1)
    size = recipe.image_size
    images = random.integers(0, 256, (ROWS, size, size, 1), np.uint8)
    if recipe.classes:
        labels = np.eye(len(recipe.classes), dtype=np.float32)[random.integers(0, len(recipe.classes), ROWS)]
    else:
        labels = random.uniform(-1, 1, (ROWS, 30)).astype(np.float32)
        labels[random.random(labels.shape) < 0.3] = np.nan
    rows = Faces(images, labels)
    weights: Weights = fit(recipe, settings, rows, rows).get_weights()
    return weights


def train_elsewhere(task: str, file: Path) -> None:
    np.savez(file, *trained(task, SETTINGS))


@pytest.mark.parametrize("task", ["emotion", "keypoints"])
def test_two_processes_train_the_same_model(task: str, tmp_path: Path) -> None:
    process = PROCESSES.Process(target=train_elsewhere, args=(task, tmp_path / "weights.npz"))
    process.start()
    here = trained(task, SETTINGS)
    process.join()
    assert process.exitcode == 0
    with np.load(tmp_path / "weights.npz") as there:
        assert len(there.files) == len(here)
        for name, weight in zip(there.files, here, strict=True):
            np.testing.assert_array_equal(there[name], weight)


def test_another_seed_trains_another_model() -> None:
    one, other = (trained("emotion", SETTINGS.model_copy(update={"seed": seed})) for seed in (3, 4))
    assert not all(np.array_equal(first, second) for first, second in zip(one, other, strict=True))
