"""What a model that names classes gets right and wrong."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from markupsafe import Markup
from plotly.subplots import make_subplots

from dashboard import blocks
from dashboard.blocks import Cell, HeatCell
from dashboard.curves import Curve, calibration, precision_recall, roc
from dashboard.evaluated import Evaluated, Predictions, class_names, interval_text
from dashboard.palette import NEUTRAL, SINGLE, class_colour, class_dash

# Faces of a cell of the confusion matrix.
_MOST_FACES = 12


@dataclasses.dataclass(frozen=True)
class _CurveKind:
    """A chart with a curve for each class: its titles, and whether the diagonal is what guessing gives."""

    title: str
    x: str
    y: str
    area: str
    curve_of: Callable[[npt.NDArray[np.bool_], npt.NDArray[np.float32]], Curve | None]
    has_diagonal: bool


_CURVES = (
    _CurveKind("Precision and recall", "recall", "precision", "Average precision", precision_recall, False),
    _CurveKind("ROC", "false positive rate", "true positive rate", "Area below the curve", roc, True),
)


def blocks_of(evaluated: Evaluated, section_id: str) -> Markup:
    """All there is to see; there must be predictions of at least one row."""
    predictions = evaluated.predictions
    assert predictions is not None
    names = class_names(evaluated)
    has_faces = evaluated.faces is not None
    return blocks.join(
        blocks.heading("Confusion matrix"),
        _confusion_table(confusion(predictions), names, section_id if has_faces else ""),
        _confusion_galleries(evaluated, names, section_id) if has_faces else None,
        blocks.heading("Class by class"),
        _class_table(evaluated, names),
        blocks.grid([_curves(predictions, names, kind) for kind in _CURVES]),
        _calibration_chart(predictions),
        _worst_gallery(evaluated, names) if has_faces else None,
    )


def confusion(predictions: Predictions) -> npt.NDArray[np.int64]:
    """How many rows, int64 [classes, classes], truth x predicted."""
    classes = predictions.values.shape[1]
    cells = predictions.labels.astype(np.int64) * classes + predictions.values.argmax(axis=1)
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def cross_entropies(predictions: Predictions) -> npt.NDArray[np.float64]:
    """Of each row, float64 [n]."""
    of_truth = predictions.values[np.arange(len(predictions.rows)), predictions.labels.astype(int)]
    return np.asarray(-np.log(np.clip(of_truth.astype(np.float64), 1e-7, 1)))


def worst_of_cell(predictions: Predictions, truth: int, predicted: int) -> npt.NDArray[np.int64]:
    """Where the rows of a cell of the confusion matrix stand, largest cross entropy first."""
    inside = np.flatnonzero((predictions.labels == truth) & (predictions.values.argmax(axis=1) == predicted))
    return np.asarray(inside[np.argsort(-cross_entropies(predictions)[inside], kind="stable")])


def _anchor(section_id: str, truth: int, predicted: int) -> str:
    return f"{section_id}-{truth}-{predicted}"


def _confusion_table(matrix: npt.NDArray[np.int64], names: Sequence[str], section_id: str) -> Markup:
    """The matrix; its cells are links where there is a section with galleries."""
    rows = []
    for truth, name in enumerate(names):
        total = int(matrix[truth].sum())
        cells = []
        for predicted, count in enumerate(matrix[truth].tolist()):
            share = count / total if total else 0.0
            label = f"{count:,} of {total:,} {name} taken for {names[predicted]}, {share:.1%}"
            href = f"#{_anchor(section_id, truth, predicted)}" if section_id and count else ""
            cells.append(HeatCell(f"{count:,}", f"{share:.1%}", share, label, href))
        rows.append((name, cells))
    caption = "Rows, and their share of the true class."
    if section_id:
        caption += " Choose a number to see the faces."
    return blocks.heat_map("True \\ predicted", names, rows, caption)


def _confusion_galleries(evaluated: Evaluated, names: Sequence[str], section_id: str) -> Markup:
    predictions = evaluated.predictions
    assert predictions is not None
    parts = []
    for truth, name in enumerate(names):
        for predicted, other in enumerate(names):
            members = worst_of_cell(predictions, truth, predicted)
            if not len(members):
                continue
            shown = [place for place in members if evaluated.has_face(int(predictions.rows[place]))][:_MOST_FACES]
            title = f"{name}, recognised" if truth == predicted else f"{name}, taken for {other}"
            thumbnails = [
                evaluated.thumbnail(int(predictions.rows[place]), _caption(predictions, place, truth, predicted))
                for place in shown
            ]
            gallery = blocks.gallery(
                "Least likely to the model first: its share of the true class"
                + ("" if truth == predicted else ", and of the one that it named"),
                thumbnails,
                len(members),
            )
            anchor = _anchor(section_id, truth, predicted)
            parts.append(blocks.details(f"{title} ({len(members):,})", gallery, anchor, f"{section_id}-cells"))
    return blocks.drawers(parts)


def _caption(predictions: Predictions, place: int, truth: int, predicted: int) -> str:
    of_truth, of_named = predictions.values[place, truth], predictions.values[place, predicted]
    row = f"row {predictions.rows[place]}"
    return f"{row}: {of_truth:.0%}" if truth == predicted else f"{row}: {of_truth:.0%}, not {of_named:.0%}"


def _class_table(evaluated: Evaluated, names: Sequence[str]) -> Markup:
    predictions = evaluated.predictions
    assert predictions is not None

    def cell(metric: str) -> Cell:
        bounds = evaluated.interval(metric)
        return Cell(blocks.number(evaluated.metrics.get(metric), 3), note=interval_text(bounds, 3) if bounds else "")

    rows: list[list[str | Cell]] = []
    for class_id, name in enumerate(names):
        is_class, probabilities = predictions.labels == class_id, predictions.values[:, class_id]
        curves = roc(is_class, probabilities), precision_recall(is_class, probabilities)
        rows.append(
            [
                name,
                f"{int(is_class.sum()):,}",
                *(cell(f"{metric}_{name}") for metric in ("precision", "recall", "f1")),
                *(blocks.number(curve.area if curve else None, 3) for curve in curves),
            ]
        )
    head = ["Class", "Rows", "Precision", "Recall", "F1", "Area under ROC", "Average precision"]
    return blocks.table(head, rows, caption="Small: 95 % interval.")


def _curves(predictions: Predictions, names: Sequence[str], kind: _CurveKind) -> Markup:
    figure, areas = go.Figure(), []
    for class_id, name in enumerate(names):
        curve = kind.curve_of(predictions.labels == class_id, predictions.values[:, class_id])
        if curve is None:
            continue
        areas.append(f"{name} {curve.area:.3f}")
        figure.add_scatter(
            x=curve.x.round(4),
            y=curve.y.round(4),
            name=f"{name} ({curve.area:.3f})",
            mode="lines",
            line={"color": class_colour(class_id), "dash": class_dash(class_id), "width": 2},
            hovertemplate=f"{name}: {kind.y} %{{y:.3f}} at {kind.x} %{{x:.3f}}<extra></extra>",
        )
    if kind.has_diagonal:
        figure.add_scatter(
            x=[0, 1], y=[0, 1], mode="lines", line={"color": NEUTRAL, "width": 1}, showlegend=False, hoverinfo="skip"
        )
    figure.update_layout(height=430)
    figure.update_xaxes(title=kind.x, range=[-0.01, 1.01])
    figure.update_yaxes(title=kind.y, range=[-0.01, 1.02])
    return blocks.chart(figure, f"{kind.title}, each class against the rest", f"{kind.area}: {', '.join(areas)}.")


def _calibration_chart(predictions: Predictions) -> Markup:
    bins, error = calibration(predictions.labels, predictions.values)
    figure = make_subplots(rows=2, cols=1, shared_xaxes=True, row_heights=[0.72, 0.28], vertical_spacing=0.06)
    line = {"color": NEUTRAL, "width": 1}
    figure.add_scatter(x=[0, 1], y=[0, 1], mode="lines", line=line, name="as sure as right", hoverinfo="skip")
    figure.add_scatter(
        x=[found.confidence for found in bins],
        y=[found.share for found in bins],
        mode="lines+markers",
        name="the model, with 95 % interval",
        line={"color": SINGLE},
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [found.interval[1] - found.share for found in bins],
            "arrayminus": [found.share - found.interval[0] for found in bins],
            "color": SINGLE,
        },
        customdata=[found.count for found in bins],
        hovertemplate="sure by %{x:.1%}: right in %{y:.1%} of %{customdata:,}<extra></extra>",
    )
    figure.add_bar(
        x=[(found.low + found.high) / 2 for found in bins],
        y=[found.count for found in bins],
        width=[0.9 * (found.high - found.low) for found in bins],
        marker_color=SINGLE,
        showlegend=False,
        hovertemplate="%{y:,} rows<extra></extra>",
        row=2,
        col=1,
    )
    figure.update_layout(height=520)
    figure.update_xaxes(range=[0, 1.01])
    figure.update_xaxes(title="largest probability", row=2, col=1)
    figure.update_yaxes(title="share that is right", range=[0, 1.02], row=1, col=1)
    figure.update_yaxes(title="rows", row=2, col=1)
    table = blocks.table(
        ["Largest probability", "Rows", "Its mean", "Share that is right", "95 % interval"],
        [
            [
                f"{found.low:.2f} to {found.high:.2f}",
                f"{found.count:,}",
                f"{found.confidence:.3f}",
                f"{found.share:.3f}",
                interval_text(found.interval, 3),
            ]
            for found in bins
        ],
    )
    mean, right = predictions.values.max(axis=1).mean(), np.trace(confusion(predictions)) / len(predictions.rows)
    sure = "surer than it should be" if mean > right else "less sure than it could be"
    summary = (
        f"The calibration error is {error:.4f}. On average the model is sure by {mean:.1%} and right in {right:.1%} "
        f"of the rows: it is {sure}."
    )
    return blocks.chart(figure, "Calibration: is the model as sure as it is right?", summary, table)


def _worst_gallery(evaluated: Evaluated, names: Sequence[str]) -> Markup | None:
    worst = [row for row in evaluated.report["worst"] if evaluated.has_face(row["row"])]
    if not worst:
        return None
    thumbnails = [
        evaluated.thumbnail(row["row"], f"row {row['row']}: {row['truth']}, taken for {row['predicted']}")
        if row["truth"] != row["predicted"]
        else evaluated.thumbnail(row["row"], f"row {row['row']}: {row['truth']}, recognised")
        for row in worst
    ]
    title = "Rows with the largest cross entropy: look whether the label is right"
    return blocks.gallery(title, thumbnails, len(evaluated.report["worst"]))
