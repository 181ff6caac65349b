"""What Keras writes down for TensorBoard while it trains: a number for each epoch and metric."""

from __future__ import annotations

import dataclasses
import os

import numpy as np
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util

TRAIN, VALIDATION = "train", "validation"
_PREFIX = "epoch_"
_LEARNING_RATE = "learning_rate"
_LOSS = "loss"
# Keep every value, not a sample.
_ALL_VALUES = {"tensors": 0}


@dataclasses.dataclass(frozen=True)
class TrainingLog:
    """A training, so far. Epochs count from 1.

    Attributes:
      metrics: metric -> split ('train', 'validation') -> epoch -> value; the loss comes first.
      learning_rate: epoch -> value at its end; empty where it is not written down.
      seconds: epoch -> wall time; the first holds the building of the graph, too.
    """

    metrics: dict[str, dict[str, dict[int, float]]]
    learning_rate: dict[int, float]
    seconds: dict[int, float]

    @property
    def epochs(self) -> list[int]:
        """Those that have ended."""
        return sorted(self.seconds)

    @property
    def best_epoch(self) -> int | None:
        """The one with the lowest loss on the validation split, the first of several; None before there is one."""
        losses = self.metrics.get(_LOSS, {}).get(VALIDATION, {})
        defined = {epoch: value for epoch, value in losses.items() if np.isfinite(value)}
        return min(defined, key=lambda epoch: (defined[epoch], epoch)) if defined else None


def read_training_log(uri: str) -> TrainingLog | None:
    """The event files in the folders 'train' and 'validation' of a ModelRun; None before an epoch has ended."""
    metrics: dict[str, dict[str, dict[int, float]]] = {_LOSS: {}}
    learning_rate: dict[int, float] = {}
    ends: dict[int, float] = {}
    start = 0.0
    for split in (TRAIN, VALIDATION):
        folder = os.path.join(uri, split)
        if not tf.io.gfile.isdir(folder):
            continue
        events = EventAccumulator(folder, size_guidance=_ALL_VALUES)
        events.Reload()
        for tag in sorted(events.Tags()["tensors"]):
            if not tag.startswith(_PREFIX):
                continue
            name = tag.removeprefix(_PREFIX)
            # A training that was begun again writes an epoch again; the later value stays.
            logged = events.Tensors(tag)
            values = {event.step + 1: float(tensor_util.make_ndarray(event.tensor_proto)) for event in logged}
            if name == _LEARNING_RATE:
                learning_rate = values
            else:
                metrics.setdefault(name, {})[split] = values
            if split == TRAIN and name == _LOSS:
                start = _start(events)
                ends = {event.step + 1: event.wall_time for event in logged}
    if not ends:
        return None
    seconds = {epoch: end - ends.get(epoch - 1, start) for epoch, end in ends.items()}
    return TrainingLog(metrics, learning_rate, seconds)


def _start(events: EventAccumulator) -> float:
    """When the training began: Keras then writes the graph down. Without it, the first event, in whole seconds."""
    times = [
        event.wall_time
        for tag in events.Tags()["tensors"]
        if not tag.startswith(_PREFIX)
        for event in events.Tensors(tag)
    ]
    return float(min(times, default=events.FirstEventTimestamp()))
