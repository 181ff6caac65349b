"""The explained verdict, as an artifact."""

from __future__ import annotations

import json
import math
import os
from typing import Any

from tfx.dsl.io import fileio
from tfx.types import artifact

_FILE = "blessing.json"


class BlessingReport(artifact.Artifact):
    """Artifact: `blessing.json`, a JSON object with these keys.

    model_name, blessed; baseline_version (null before the first push);
    thresholds: list of `Verdict`s as objects, see judging.py;
    metrics: slice ('' for all rows) -> metric -> value; examples: slice -> how many;
    intervals: metric -> [low, high], 95 %, for all rows;
    worst: list of {row, truth, predicted, error}, largest error first;
    confused: list of {truth, predicted, count, rows}, most frequent first; empty where there are no classes.
    """

    TYPE_NAME = "emotion_ai.BlessingReport"


def write(uri: str, report: dict[str, Any]) -> None:
    """Writes the file of a BlessingReport; a number that is not defined becomes null."""
    with fileio.open(os.path.join(uri, _FILE), "w") as file:
        file.write(json.dumps(defined(report), indent=2, allow_nan=False) + "\n")


def defined(value: Any) -> Any:
    """The value with None for every number that JSON does not know."""
    if isinstance(value, dict):
        return {key: defined(of_key) for key, of_key in value.items()}
    if isinstance(value, (list, tuple)):
        return [defined(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read(uri: str) -> dict[str, Any]:
    """The JSON object of a BlessingReport."""
    with fileio.open(os.path.join(uri, _FILE)) as file:
        report: dict[str, Any] = json.load(file)
    return report
