from __future__ import annotations

import numpy as np

from components.blessing.explaining import confused_pairs, worst_rows
from components.blessing.predicting import Predicted
from pipeline.emotion.evaluation import MEASURES as EMOTION
from pipeline.keypoints.evaluation import MEASURES as KEYPOINTS


def test_the_most_confused_pairs_and_the_worst_rows_are_named() -> None:
    labels = np.array([0, 0, 0, 3, 3, 2], np.float32)
    sure = np.full((6, 5), 0.01, np.float32)
    sure[range(6), [2, 2, 0, 3, 4, 2]] = [0.5, 0.96, 0.96, 0.96, 0.6, 0.96]
    predicted = Predicted(np.array([11, 12, 13, 14, 15, 16]), labels, sure, {})
    pairs = confused_pairs(predicted, EMOTION)
    assert [(p["truth"], p["predicted"], p["count"]) for p in pairs] == [("Angry", "Sad", 2), ("Happy", "Surprise", 1)]
    assert sorted(pairs[0]["rows"]) == [11, 12]
    worst = worst_rows(predicted, EMOTION)
    assert {row["row"] for row in worst[:3]} == {11, 12, 15}
    assert (worst[-1]["truth"], worst[-1]["predicted"]) == (worst[-1]["predicted"], worst[-1]["truth"])


def test_rows_without_points_are_never_the_worst() -> None:
    labels = np.zeros((3, 15, 2), np.float32)
    labels[1] = np.nan
    predictions = np.zeros((3, 15, 2), np.float32)
    predictions[2] += 3
    worst = worst_rows(Predicted(np.array([1, 2, 3]), labels, predictions, {}), KEYPOINTS)
    assert worst[0] == {"row": 3, "truth": None, "predicted": None, "error": np.sqrt(18)}
    assert confused_pairs(Predicted(np.array([1, 2, 3]), labels, predictions, {}), KEYPOINTS) == []
