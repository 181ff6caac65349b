"""What TFX's Tuner has left, in the files of its own executor."""

from __future__ import annotations

import json
from typing import Any

from dashboard.files import read_bytes, read_json
from dashboard.runs import Artifact

_SCORE, _ID = "score", "trial_id"


def best_values(hyperparameters: Artifact | None) -> dict[str, Any]:
    """Name -> value of the best trial; {} where there is none (yet)."""
    found = read_json(hyperparameters, "best_hyperparameters.txt") or {}
    values: dict[str, Any] = found.get("values", {})
    return values


def read_trials(tuner_results: Artifact | None) -> list[tuple[float, dict[str, Any]]]:
    """Score and values of each trial that came to an end, best first; [] where there are none (yet)."""
    content = read_bytes(tuner_results, "tuner_results.json")
    try:
        rows: list[dict[str, Any]] = json.loads(content) if content else []
        return [(float(row.pop(_SCORE)), {key: row[key] for key in row if key != _ID}) for row in rows]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []
