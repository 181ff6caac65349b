import dataclasses
import html
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ml_metadata.metadata_store import metadata_store
from sklearn.metrics import auc, average_precision_score, confusion_matrix

from dashboard.curves import MOST_POINTS, calibration, precision_recall, roc, thinned, wilson
from dashboard.evaluated import (
    Evaluated,
    Predictions,
    class_names,
    point_errors,
    point_names,
    read_evaluated,
    root_mean_squares,
)
from dashboard.faces import Faces
from dashboard.runs import Branch, read_run
from dashboard.sections import evaluation
from dashboard.sections.evaluation_of_classes import confusion, cross_entropies, worst_of_cell
from dashboard.sections.evaluation_of_points import mean_distances, mean_points, share_below
from dashboard.sections.evaluation_of_slices import slice_values
from pipeline.emotion.evaluation import MEASURES as EMOTION_MEASURES
from pipeline.keypoints.evaluation import MEASURES as KEYPOINTS_MEASURES
from pipeline.keypoints.evaluation import mean_errors
from pipeline.keypoints.features import POINTS
from tests.dashboard.conftest import RUNNING, SECOND

EMPTY: dict[str, Any] = {
    "model_name": "toy",
    "blessed": True,
    "baseline_version": None,
    "thresholds": [],
    "metrics": {"": {}},
    "examples": {"": 0},
    "intervals": {},
    "worst": [],
    "confused": [],
}


@pytest.fixture(scope="module")
def classes() -> Predictions:
    """1,000 rows of five classes; the fifth is never there."""
    random = np.random.default_rng(1)
    labels = random.integers(0, 4, 1000)
    scores = random.normal(size=(1000, 5))
    scores[np.arange(1000), labels] += 1.5
    values = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return Predictions(np.arange(1000), labels, values.astype(np.float32))


@pytest.fixture(scope="module")
def points() -> Predictions:
    """200 rows of 15 points, one in five not marked."""
    random = np.random.default_rng(2)
    labels = random.uniform(10, 80, (200, 15, 2))
    labels[random.random((200, 15)) < 0.2] = np.nan
    values = np.nan_to_num(labels, nan=48) + random.normal(size=labels.shape) * np.arange(1, 16)[:, np.newaxis]
    return Predictions(np.arange(200), labels.astype(np.float32), values.astype(np.float32))


def evaluated(predictions: Predictions, **report: Any) -> Evaluated:
    return Evaluated(EMPTY | report, "test", predictions, None)


@pytest.fixture
def branches(store: metadata_store.MetadataStore) -> dict[str, Branch]:
    return {branch.name: branch for branch in read_run(store, SECOND).branches}


class TestClasses:
    def test_confusion_counts(self, classes: Predictions) -> None:
        expected = confusion_matrix(classes.labels, classes.values.argmax(axis=1), labels=range(5))
        np.testing.assert_array_equal(confusion(classes), expected)

    def test_a_cell_has_its_rows_least_likely_first(self, classes: Predictions) -> None:
        members = worst_of_cell(classes, 0, 1)
        assert len(members) == confusion(classes)[0, 1] > 1
        assert set(classes.labels[members]) == {0}
        assert (np.diff(classes.values[members, 0]) >= 0).all()

    def test_cross_entropies(self, classes: Predictions) -> None:
        expected = EMOTION_MEASURES.errors(classes.labels.astype(np.float32), classes.values)
        np.testing.assert_allclose(cross_entropies(classes), expected)

    def test_areas_of_the_thinned_curves(self, classes: Predictions) -> None:
        is_class, probabilities = classes.labels == 2, classes.values[:, 2]
        roc_curve, pr_curve = roc(is_class, probabilities), precision_recall(is_class, probabilities)
        assert roc_curve is not None
        assert pr_curve is not None
        # The area is the share of pairs of a row of the class and another that are in the right order.
        ordered = probabilities[is_class][:, np.newaxis] > probabilities[~is_class]
        assert roc_curve.area == pytest.approx(ordered.mean(), abs=1e-6)
        assert auc(roc_curve.x, roc_curve.y) == pytest.approx(roc_curve.area, abs=0.005)
        assert pr_curve.area == pytest.approx(average_precision_score(is_class, probabilities))
        assert auc(pr_curve.x, pr_curve.y) == pytest.approx(pr_curve.area, abs=0.01)

    def test_a_class_that_is_not_there_has_no_curves(self, classes: Predictions) -> None:
        nobody = classes.labels == 4
        assert roc(nobody, classes.values[:, 4]) is None
        assert precision_recall(nobody, classes.values[:, 4]) is None
        assert roc(~nobody, classes.values[:, 4]) is None

    def test_calibration_is_the_pipelines(self, classes: Predictions) -> None:
        bins, error = calibration(classes.labels, classes.values)
        sums = EMOTION_MEASURES.summands(classes.labels.astype(np.float32), classes.values).sum(axis=0)
        assert error == pytest.approx(EMOTION_MEASURES.from_sums(sums)["calibration_error"])
        assert sum(found.count for found in bins) == 1000
        assert all(found.low <= found.confidence <= found.high for found in bins)

    def test_names_follow_the_labels(self, classes: Predictions) -> None:
        names = ["Sad", "Happy", "Angry", "Surprise", "Disgust"]
        truth = np.array(names, object)[classes.labels.astype(int)]
        faces = Faces(classes.rows, np.zeros((1000, 2, 2), np.uint8), truth, None, (), {})
        metrics = {"": {f"recall_{name}": 0.5 for name in sorted(names)}}
        found = dataclasses.replace(evaluated(classes, metrics=metrics), faces=faces)
        # Disgust is in no row; it is the one that is left.
        assert class_names(found) == names
        # Without faces, the rows that the report names tell it; what nobody tells is only numbered.
        worst = [{"row": 5, "truth": truth[5], "predicted": names[int(classes.values[5].argmax())], "error": 1.0}]
        known = class_names(evaluated(classes, metrics=metrics, worst=worst))
        assert known[int(classes.labels[5])] == truth[5]
        assert sorted(known)[-3:] == ["class 1", "class 2", "class 3"]

    def test_the_page(self, branches: dict[str, Branch]) -> None:
        branch = branches["Emotion"]
        [section] = evaluation.sections(branch)
        found = read_evaluated(branch)
        assert found is not None
        assert found.predictions is not None
        assert section.id == "emotion-evaluation"
        matrix = confusion(found.predictions)
        linked = re.findall(r'<a href="#(emotion-evaluation-\d-\d)" aria-label="([\d,]+) of', section.body)
        # Each cell with rows is a link to a folded gallery of them.
        assert len(linked) == np.count_nonzero(matrix)
        for anchor, count in linked:
            truth, predicted = (int(number) for number in anchor.split("-")[-2:])
            assert int(count) == matrix[truth, predicted]
            gallery = section.body.split(f'<details id="{anchor}"')[1].split("</details>")[0]
            assert gallery.count("<image ") == min(matrix[truth, predicted], 12)
        assert class_names(found) == list(EMOTION_MEASURES.class_names)
        for title in ("Precision and recall", "ROC", "Calibration", "by slice", "largest cross entropy"):
            assert title in html.unescape(section.body)

    def test_the_page_without_faces(self, branches: dict[str, Branch]) -> None:
        nodes = tuple(
            dataclasses.replace(
                node,
                inputs={},
                outputs={k: tuple(a for a in v if a.type != "Examples") for k, v in node.outputs.items()},
            )
            for node in branches["Emotion"].nodes
        )
        [section] = evaluation.sections(Branch("Emotion", nodes))
        assert "faces cannot be read" in section.body
        assert "<image " not in section.body
        assert 'href="#' not in section.body


class TestPoints:
    def test_errors_are_the_pipelines(self, points: Predictions) -> None:
        errors = point_errors(evaluated(points))
        sums = KEYPOINTS_MEASURES.summands(points.labels, points.values).sum(axis=0)
        expected = KEYPOINTS_MEASURES.from_sums(sums)
        np.testing.assert_allclose(root_mean_squares(errors), [expected[f"rmse_px_{name}"] for name in POINTS])
        np.testing.assert_allclose(mean_distances(errors), mean_errors(points.labels, points.values))

    def test_the_reports_errors_tell_the_names(self, points: Predictions) -> None:
        sums = KEYPOINTS_MEASURES.summands(points.labels, points.values).sum(axis=0)
        metrics: dict[str, float | None] = dict(KEYPOINTS_MEASURES.from_sums(sums))
        shuffled = dict(sorted(metrics.items()))
        assert point_names(evaluated(points, metrics={"": shuffled})) == list(POINTS)
        shuffled["rmse_px_nose_tip"] = None
        names = point_names(evaluated(points, metrics={"": shuffled}))
        assert names[POINTS.index("nose_tip")] == f"point_{POINTS.index('nose_tip') + 1}"

    def test_shares_below_a_distance(self) -> None:
        values = np.append(np.random.default_rng(3).exponential(size=5000), np.nan)
        x, y = share_below(values)
        assert len(x) <= MOST_POINTS
        assert (x[0], y[0], y[-1]) == (0, 0, 1)
        for limit in (0.5, 1.0, 3.0):
            assert np.interp(limit, x, y) == pytest.approx(np.mean(values[:-1] <= limit), abs=0.01)

    def test_mean_points_leave_out_what_is_not_marked(self) -> None:
        labels = np.full((2, 2, 2), np.nan, np.float32)
        labels[0, 0] = 3, 4
        np.testing.assert_array_equal(mean_points(labels), [[3, 4], [np.nan, np.nan]])

    def test_the_page(self, branches: dict[str, Branch]) -> None:
        [section] = evaluation.sections(branches["Keypoints"])
        assert section.id == "keypoints-evaluation"
        assert section.body.count("<title>") == len(POINTS)
        faces = len(read_rows(branches["Keypoints"]))
        assert section.body.count('class="gallery large"') == 3
        assert section.body.count("<image ") == 1 + 3 * min(12, faces)
        assert 'class="true"' in section.body
        assert 'class="predicted"' in section.body


def read_rows(branch: Branch) -> list[int]:
    found = read_evaluated(branch)
    assert found is not None
    assert found.predictions is not None
    return list(found.predictions.rows)


def test_slices_have_their_limits() -> None:
    def threshold(name: str, state: str, note: str = "", interval: Any = (0.5, 0.9)) -> dict[str, Any]:
        limit = {"metric": "accuracy", "slice": name, "kind": "limit", "bound": 0.6, "direction": "at_least"}
        return limit | {"state": state, "note": note, "interval": interval, "baseline": None}

    names = ["", "light_band: high", "light_band: low", "light_band: medium", "marked: 15", "marked: 4"]
    found = evaluated(
        Predictions(np.arange(0), np.empty(0), np.empty((0, 5), np.float32)),
        metrics={name: {"accuracy": 0.7} for name in names},
        examples=dict.fromkeys(names, 30),
        thresholds=[
            threshold("", "passed"),
            threshold("light_band: low", "failed"),
            threshold("light_band: high", "not judged", "fewer than 50 examples", [None, 0.9]),
        ],
    )
    values = slice_values(found, "accuracy")
    assert [value.name for value in values] == [
        "all rows",
        "light band: low",
        "light band: medium",
        "light band: high",
        "marked: 4",
        "marked: 15",
    ]
    assert [value.state for value in values[:4]] == ["passed", "failed", "", "not judged"]
    assert values[1].interval == (0.5, 0.9)
    assert values[3].interval is None
    assert values[3].note == "fewer than 50 examples"
    assert values[2].bound is None


def test_thinned_keeps_the_ends_and_the_shape() -> None:
    x = np.linspace(0, 1, 10_000)
    y = (x > 0.5).astype(float)
    thin_x, thin_y = thinned(x, y)
    assert len(thin_x) <= MOST_POINTS
    assert (thin_x[0], thin_x[-1]) == (0, 1)
    np.testing.assert_allclose(np.interp([0.2, 0.49, 0.51, 0.8], thin_x, thin_y), [0, 0, 1, 1], atol=0.03)


def test_wilson() -> None:
    # Newcombe, "Two-sided confidence intervals for the single proportion", 1998: 81 of 263, and 0 of 20.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert wilson(0, 20) == pytest.approx((0, 0.1611), abs=1e-4)


def test_an_evaluation_to_come_is_said_to_come(store: metadata_store.MetadataStore) -> None:
    [section] = evaluation.sections(read_run(store, RUNNING).branches[0])
    assert "has not begun yet" in section.body


def test_no_rows_and_no_predictions(branches: dict[str, Branch], tmp_path: Path) -> None:
    nodes = [
        dataclasses.replace(
            node,
            outputs={
                key: tuple(
                    dataclasses.replace(a, uri=str(tmp_path)) if a.type == "emotion_ai.Predictions" else a
                    for a in values
                )
                for key, values in node.outputs.items()
            },
        )
        for node in branches["Emotion"].nodes
    ]
    branch = Branch("Emotion", tuple(nodes))
    [section] = evaluation.sections(branch)
    assert "predictions are missing or broken" in section.body
    np.savez(tmp_path / "predictions.npz", rows=np.arange(0), labels=np.empty(0), predictions=np.empty((0, 5)))
    [section] = evaluation.sections(branch)
    assert "There are no rows" in section.body
