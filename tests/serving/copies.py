"""Copies of SavedModels with other weights: an export takes seconds, to write the same graph once more."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf


def copy_with_weights(source: Path, target: Path, weights: Iterable[npt.NDArray[Any]]) -> None:
    """Copies a SavedModel and writes weights over those with the same shapes, which no other variable may have."""
    shutil.copytree(source, target)
    prefix = str(target / "variables" / "variables")
    reader = tf.train.load_checkpoint(prefix)
    values = {name: reader.get_tensor(name) for name in reader.get_variable_to_shape_map()}
    for value in weights:
        [name] = [name for name, before in values.items() if np.shape(before) == value.shape]
        values[name] = value
    names = sorted(values)
    tf.raw_ops.SaveV2(
        prefix=prefix, tensor_names=names, shape_and_slices=[""] * len(names), tensors=[values[name] for name in names]
    )
