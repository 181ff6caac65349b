"""Metrics by name: what people call them, and which way is better."""

from __future__ import annotations

from typing import Literal

Direction = Literal["at_least", "at_most"]

_WORDS = {"f1": "F1", "auc": "AUC", "rmse": "RMSE", "mse": "MSE", "mae": "MAE", "nme": "NME", "px": "(px)"}
# By how the name begins. Metrics with a threshold say it themselves.
_HIGHER = ("accuracy", "precision", "recall", "f1", "auc", "macro_")
_LOWER = ("cross_entropy", "calibration_error", "rmse", "mse", "mae", "nme", "failure_rate", "loss")


def readable(metric: str) -> str:
    """A metric's name for people: 'macro_f1' is 'macro F1'."""
    return " ".join(_WORDS.get(word, word) for word in metric.split("_"))


def direction(metric: str, thresholds: list[dict[str, str]]) -> Direction | None:
    """Whether higher ('at_least') or lower ('at_most') values are better; None where nobody knows.

    Args:
      metric: its name.
      thresholds: those of a BlessingReport, which have the keys 'metric' and 'direction'.
    """
    for threshold in thresholds:
        if threshold["metric"] == metric:
            return "at_least" if threshold["direction"] == "at_least" else "at_most"
    if metric.startswith(_HIGHER):
        return "at_least"
    return "at_most" if metric.startswith(_LOWER) else None
