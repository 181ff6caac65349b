"""Settings of a training that takes seconds."""

from __future__ import annotations

from typing import Any

from pipeline.training.settings import Training


def small_training(**changes: Any) -> Training:
    values = {
        "epochs": 2,
        "batch_size": 16,
        "learning_rate": 0.01,
        "weight_decay": 0.05,
        "width": 16,
        "patience": 5,
        "augmentation": "light",
        "seed": 1,
        "strategy": "one_device",
        "warm_start": None,
    }
    return Training.model_validate(values | changes)
