"""Slices that every model is also judged on: bands of brightness, contrast and sharpness, and what a task adds."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

_LOW, _MEDIUM, _HIGH = "low", "medium", "high"


def band_features(inputs: Mapping[str, tf.Tensor], bounds: Mapping[str, tuple[float, float]]) -> dict[str, tf.Tensor]:
    """Transformed features to slice by.

    Args:
      inputs: raw features, float32 [n] each.
      bounds: feature -> where its medium band begins and ends.

    Returns:
      '<feature>_band' string [n]: 'low', 'medium' or 'high'.
    """
    return {
        f"{name}_band": tf.where(inputs[name] < low, _LOW, tf.where(inputs[name] <= high, _MEDIUM, _HIGH))
        for name, (low, high) in bounds.items()
    }
