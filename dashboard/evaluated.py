"""What an evaluation left behind: the report on the model, what it said of each row, and the faces themselves."""

from __future__ import annotations

import dataclasses
import io
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from dashboard.blocks import Thumbnail
from dashboard.faces import Faces, read_faces
from dashboard.files import read_bytes, read_json
from dashboard.runs import Artifact, Branch, Node

_ALL_ROWS = ""
# What is evaluated where the node does not say it.
_SPLIT = "test"
_POINT_ERROR = "rmse_px_"
_OF_CLASSES = ("precision", "recall", "f1", "auc")


@dataclasses.dataclass(frozen=True)
class Predictions:
    """What a model said of the rows of a split.

    Attributes:
      rows: int64 [n], row numbers in the CSV.
      labels: the truth: class ids [n], or points [n, points, 2] in pixels, NaN where missing.
      values: probabilities [n, classes], or points like the labels.
    """

    rows: npt.NDArray[np.int64]
    labels: npt.NDArray[Any]
    values: npt.NDArray[np.float32]

    @property
    def of_points(self) -> bool:
        """Whether these are points, not classes."""
        return self.values.ndim == 3


@dataclasses.dataclass(frozen=True)
class Evaluated:
    """An evaluation.

    Attributes:
      report: of BlessingGen, a JSON object: model_name, blessed, baseline_version, thresholds, metrics, examples,
        intervals, worst, confused.
      split: that was evaluated.
      predictions: None where they are not there.
      faces: of that split; None where they cannot be read.
    """

    report: dict[str, Any]
    split: str
    predictions: Predictions | None
    faces: Faces | None

    @property
    def metrics(self) -> dict[str, float | None]:
        """Of all rows."""
        metrics: dict[str, float | None] = self.report["metrics"].get(_ALL_ROWS, {})
        return metrics

    @property
    def metrics_of_parts(self) -> set[str]:
        """Those of one class or one point."""
        classes = [name.removeprefix("recall_") for name in self.metrics if name.startswith("recall_")]
        of_classes = {f"{kind}_{name}" for kind in _OF_CLASSES for name in classes}
        return {name for name in self.metrics if name in of_classes or name.startswith(_POINT_ERROR)}

    def interval(self, metric: str) -> tuple[float, float] | None:
        """95 % interval of a metric of all rows."""
        return defined_interval(self.report["intervals"].get(metric))

    def baseline(self, metric: str) -> float | None:
        """A metric of all rows of the model that was blessed last, where a threshold compares with it."""
        return next(
            (
                threshold["baseline"]
                for threshold in self.report["thresholds"]
                if threshold["metric"] == metric and not threshold["slice"] and threshold["baseline"] is not None
            ),
            None,
        )

    def thumbnail(self, row: int, caption: str, points: dict[str, npt.NDArray[np.float32]] | None = None) -> Thumbnail:
        """The face of a row; it must be among `faces`."""
        assert self.faces is not None
        return Thumbnail(self.faces.images[self.faces.positions([row])[0]], caption, points or {})

    def has_face(self, row: int) -> bool:
        """Whether the row is among `faces`."""
        return self.faces is not None and bool(self.faces.positions([row]))


def read_evaluated(branch: Branch) -> Evaluated | None:
    """The evaluation of a branch; None before there is one."""
    report = read_json(branch.output("emotion_ai.BlessingReport"), "blessing.json")
    if report is None:
        return None
    judge = next(
        (node for node in branch.nodes if any(a.type == "emotion_ai.BlessingReport" for a in _all(node.outputs))), None
    )
    # Where only artifacts are known, another node stands for all that have put them out.
    named = (node.parameters.get("split") for node in (branch.node("BlessingGen"), judge) if node)
    split = next((split for split in named if split), _SPLIT)
    return Evaluated(report, split, _read_predictions(branch), _read_faces(branch, judge, split))


def class_names(evaluated: Evaluated) -> list[str]:
    """Names of the classes by class id; the artifacts do not list them, but name the classes of rows."""
    predictions = evaluated.predictions
    assert predictions is not None
    names = [""] * predictions.values.shape[1]
    taken_for = predictions.values.argmax(axis=1)
    place_of = {int(row): place for place, row in enumerate(predictions.rows)}
    for worst in evaluated.report["worst"]:
        place = place_of.get(worst["row"])
        if place is not None:
            names[int(predictions.labels[place])] = worst["truth"]
            names[taken_for[place]] = worst["predicted"]
    for pair in evaluated.report["confused"]:
        for place in (place_of[row] for row in pair["rows"][:1] if row in place_of):
            names[int(predictions.labels[place])] = pair["truth"]
            names[taken_for[place]] = pair["predicted"]
    if evaluated.faces is not None and evaluated.faces.classes is not None:
        for row, name in zip(evaluated.faces.rows, evaluated.faces.classes, strict=True):
            if int(row) in place_of:
                names[int(predictions.labels[place_of[int(row)]])] = name
    # The report has metrics of every class, also of those that no row names.
    unseen = [name.removeprefix("recall_") for name in evaluated.metrics if name.startswith("recall_")]
    unseen = [name for name in unseen if name not in names]
    nameless = [class_id for class_id, name in enumerate(names) if not name]
    for class_id in nameless:
        names[class_id] = unseen[0] if len(unseen) == len(nameless) == 1 else f"class {class_id}"
    return names


def point_names(evaluated: Evaluated) -> list[str]:
    """Names of the points in the order of the predictions, which the report's errors tell: no two are the same."""
    rmse = root_mean_squares(point_errors(evaluated))
    known = {
        name.removeprefix(_POINT_ERROR): value
        for name, value in evaluated.metrics.items()
        if name.startswith(_POINT_ERROR) and value is not None
    }
    names = []
    for position, value in enumerate(rmse):
        same = [name for name, of_name in known.items() if np.isclose(of_name, value, rtol=1e-5, atol=1e-6)]
        names.append(same[0] if len(same) == 1 else f"point_{position + 1}")
    return names


def point_errors(evaluated: Evaluated) -> npt.NDArray[np.float64]:
    """Predicted minus true points in pixels, float64 [n, points, 2]; NaN where a coordinate is not marked."""
    assert evaluated.predictions is not None
    return np.asarray(evaluated.predictions.values.astype(np.float64) - evaluated.predictions.labels)


def root_mean_squares(errors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """RMSE of each point over its marked coordinates, [points], from errors as of `point_errors`; NaN without any."""
    count = np.isfinite(errors).sum(axis=(0, 2))
    squares = np.nansum(np.square(errors), axis=(0, 2))
    return np.asarray(np.sqrt(np.divide(squares, count, out=np.full(len(count), np.nan), where=count > 0)))


def defined_interval(bounds: Sequence[float | None] | None) -> tuple[float, float] | None:
    """An interval of the report; None where it is not defined."""
    if not bounds or bounds[0] is None or bounds[1] is None:
        return None
    return bounds[0], bounds[1]


def interval_text(bounds: Sequence[float | None] | None, digits: int = 4) -> str:
    """An interval of the report for people."""
    defined = defined_interval(bounds)
    return "–" if defined is None else f"{defined[0]:.{digits}f} to {defined[1]:.{digits}f}"


def flat(settings: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Dotted names and values of nested settings, without those that are not set."""
    found: list[tuple[str, str]] = []
    for name, value in settings.items():
        if isinstance(value, dict):
            found += flat(value, f"{prefix}{name}.")
        elif value is not None:
            found.append((prefix + name, str(value)))
    return found


def capitalised(text: str) -> str:
    """The text with a capital first letter."""
    return text[:1].upper() + text[1:]


def _read_predictions(branch: Branch) -> Predictions | None:
    content = read_bytes(branch.output("emotion_ai.Predictions"), "predictions.npz")
    if content is None:
        return None
    try:
        # Arrays are read when they are asked for.
        arrays = np.load(io.BytesIO(content))
        return Predictions(arrays["rows"], arrays["labels"], arrays["predictions"])
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error):
        return None


def _read_faces(branch: Branch, judge: Node | None, split: str) -> Faces | None:
    """The faces that the judge was given, or else any of the branch that are there; not Transform's, which are none."""
    given = _all(judge.inputs) if judge else []
    others = [artifact for node in branch.nodes for artifact in _all(node.outputs)]
    for artifact in [*given, *others]:
        if artifact.type != "Examples":
            continue
        try:
            faces = read_faces(artifact.uri, split)
        except tf.errors.OpError:
            continue
        if len(faces.rows):
            return faces
    return None


def _all(artifacts: Mapping[str, tuple[Artifact, ...]]) -> list[Artifact]:
    return [artifact for of_name in artifacts.values() for artifact in of_name]
