"""Which rows to look at: those that a model gets most wrong, and the classes that it takes for each other."""

from __future__ import annotations

from typing import Any

import numpy as np

from components.blessing.measures import Measures
from components.blessing.predicting import Predicted

_WORST = 24
_CONFUSED_PAIRS, _ROWS_OF_A_PAIR = 5, 12


def worst_rows(predicted: Predicted, measures: Measures) -> list[dict[str, Any]]:
    """The rows with the largest errors: {row, truth, predicted, error}; no truth, no predicted without classes."""
    errors = np.nan_to_num(measures.errors(predicted.labels, predicted.predictions))
    worst = np.argsort(-errors, kind="stable")[:_WORST]
    truth, taken_for = _class_names(predicted, measures)
    return [
        {"row": int(predicted.rows[i]), "truth": truth[i], "predicted": taken_for[i], "error": float(errors[i])}
        for i in worst
    ]


def confused_pairs(predicted: Predicted, measures: Measures) -> list[dict[str, Any]]:
    """The most frequent confusions, with the rows of the worst of them: {truth, predicted, count, rows}."""
    if not measures.class_names:
        return []
    truth, taken_for = (np.array(names) for names in _class_names(predicted, measures))
    errors = measures.errors(predicted.labels, predicted.predictions)
    pairs = []
    for true_name in measures.class_names:
        for name in measures.class_names:
            confused = np.flatnonzero((truth == true_name) & (taken_for == name) & (true_name != name))
            rows = predicted.rows[confused[np.argsort(-errors[confused], kind="stable")]]
            pairs.append({"truth": true_name, "predicted": name, "count": len(rows), "rows": rows.tolist()})
    pairs.sort(key=lambda pair: -pair["count"])
    return [{**pair, "rows": pair["rows"][:_ROWS_OF_A_PAIR]} for pair in pairs[:_CONFUSED_PAIRS] if pair["count"]]


def _class_names(predicted: Predicted, measures: Measures) -> tuple[list[str | None], list[str | None]]:
    if not measures.class_names:
        nothing: list[str | None] = [None] * len(predicted.rows)
        return nothing, nothing
    truth: list[str | None] = [measures.class_names[int(label)] for label in predicted.labels]
    taken_for: list[str | None] = [measures.class_names[i] for i in predicted.predictions.argmax(axis=1)]
    return truth, taken_for
