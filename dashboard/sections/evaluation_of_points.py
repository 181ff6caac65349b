"""How far off a model's points are, and where."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from markupsafe import Markup

from dashboard import blocks
from dashboard.blocks import Circle, Thumbnail
from dashboard.curves import thinned
from dashboard.evaluated import (
    Evaluated,
    Predictions,
    interval_text,
    point_errors,
    point_names,
    root_mean_squares,
)
from dashboard.palette import NEUTRAL, SINGLE

Floats = npt.NDArray[np.float64]

# Of the best, the median and the worst.
_FACES = 12


def blocks_of(evaluated: Evaluated, section_id: str) -> Markup:
    """All there is to see; there must be predictions of at least one row."""
    predictions = evaluated.predictions
    assert predictions is not None
    names = [name.replace("_", " ") for name in point_names(evaluated)]
    errors = point_errors(evaluated)
    intervals = [evaluated.interval(f"rmse_px_{name}") for name in point_names(evaluated)]
    return blocks.join(
        blocks.heading("Where the errors are"),
        blocks.grid(
            [
                *([_mean_face(evaluated, names, errors)] if evaluated.faces is not None else []),
                _bar_chart(names, errors, intervals),
            ]
        ),
        blocks.details("Point by point, as a table", _point_table(names, errors, intervals)),
        _cumulative_chart(errors),
        _galleries(evaluated, mean_distances(errors)) if evaluated.faces is not None else None,
    )


def distances(errors: Floats) -> Floats:
    """Distance of each point in pixels, [n, points], from errors [n, points, 2]; NaN where it is not marked."""
    return np.asarray(np.linalg.norm(errors, axis=2))


def mean_distances(errors: Floats) -> Floats:
    """Mean distance of each row's marked points in pixels, [n]; NaN where none is."""
    of_points = distances(errors)
    count = np.isfinite(of_points).sum(axis=1)
    return np.divide(np.nansum(of_points, axis=1), count, out=np.full(len(count), np.nan), where=count > 0)


def share_below(values: Floats) -> tuple[Floats, Floats]:
    """The values that are defined, ascending, and the share up to each, thinned for a chart."""
    ordered = np.sort(values[np.isfinite(values)])
    x = np.concatenate([[0.0], ordered])
    y = np.arange(len(x)) / max(len(ordered), 1)
    # Along the length of the curve as it is drawn, and its long tail is.
    scale = x[-1] or 1.0
    thin_x, thin_y = thinned(x / scale, y)
    return thin_x * scale, thin_y


def mean_points(labels: npt.NDArray[np.float32]) -> Floats:
    """Mean place of each point, [points, 2], over the rows that have it; NaN where none has."""
    count = np.isfinite(labels).sum(axis=0)
    return np.divide(np.nansum(labels, axis=0), count, out=np.full(count.shape, np.nan), where=count > 0)


def _mean_face(evaluated: Evaluated, names: Sequence[str], errors: Floats) -> Markup:
    assert evaluated.faces is not None and evaluated.predictions is not None
    mean = evaluated.faces.images.mean(axis=0)
    # A mean of many faces is gray on gray.
    low, high = mean.min(), mean.max()
    image = ((mean - low) * (255 / max(high - low, 1))).astype(np.uint8)
    rmse = root_mean_squares(errors)
    circles = [
        Circle(float(x), float(y), float(radius), f"{name}: {radius:.2f} px")
        for name, (x, y), radius in zip(names, mean_points(evaluated.predictions.labels), rmse, strict=True)
        if np.isfinite([x, y, radius]).all()
    ]
    summary = "The radius of each circle is the RMSE of its point, in the pixels of the picture. Point at one for it."
    return blocks.marked_picture(image, circles, "RMSE of each point, on the mean face", summary)


def _bar_chart(names: Sequence[str], errors: Floats, intervals: Sequence[tuple[float, float] | None]) -> Markup:
    rmse = root_mean_squares(errors)
    order = np.argsort(np.nan_to_num(rmse))
    figure = go.Figure()
    figure.add_bar(
        x=rmse[order].round(4),
        y=[names[i] for i in order],
        orientation="h",
        marker={"color": SINGLE, "opacity": 0.55},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [_reach(intervals[i], rmse[i], 1) for i in order],
            "arrayminus": [_reach(intervals[i], rmse[i], 0) for i in order],
            "color": SINGLE,
        },
        hovertemplate="%{y}: %{x:.2f} px<extra></extra>",
    )
    figure.update_layout(height=90 + 24 * len(names))
    figure.update_xaxes(title="RMSE (px)")
    figure.update_yaxes(ticklabelstandoff=6)
    worst, best = order[-1], order[0]
    summary = f"From {rmse[best]:.2f} px ({names[best]}) to {rmse[worst]:.2f} px ({names[worst]})."
    return blocks.chart(figure, "RMSE of each point, with 95 % intervals", summary)


def _reach(bounds: tuple[float, float] | None, value: float, side: int) -> float:
    """How far an interval reaches from the value: to its low end (side 0) or its high one (1)."""
    return abs(bounds[side] - value) if bounds else 0.0


def _point_table(names: Sequence[str], errors: Floats, intervals: Sequence[tuple[float, float] | None]) -> Markup:
    rmse, of_points = root_mean_squares(errors), distances(errors)
    rows = []
    for i in np.argsort(-np.nan_to_num(rmse)):
        marked = of_points[:, i][np.isfinite(of_points[:, i])]
        if not len(marked):
            rows.append([names[i], "0", *["–"] * 6])
            continue
        median, high = np.quantile(marked, [0.5, 0.9])
        right, down = np.nanmean(errors[:, i], axis=0)
        rows.append(
            [
                names[i],
                f"{len(marked):,}",
                f"{rmse[i]:.3f}",
                interval_text(intervals[i], 3),
                f"{median:.3f}",
                f"{high:.3f}",
                f"{right:+.3f}",
                f"{down:+.3f}",
            ]
        )
    head = [
        "Point",
        "Faces",
        "RMSE",
        "95 % interval",
        "Median distance",
        "90 % within",
        "Mean to the right",
        "Mean downwards",
    ]
    caption = "All in pixels. RMSE is over x and y; distances are of points. Faces: those in which the point is marked."
    return blocks.table(head, rows, caption=caption)


def _cumulative_chart(errors: Floats) -> Markup:
    figure = go.Figure()
    said = []
    series = (("points", distances(errors).reshape(-1), "solid"), ("faces, mean of their points", None, "dash"))
    for name, values, dash in series:
        values = mean_distances(errors) if values is None else values
        x, y = share_below(values)
        figure.add_scatter(
            x=x.round(3),
            y=y.round(4),
            name=name,
            mode="lines",
            line={"color": SINGLE if dash == "solid" else NEUTRAL, "dash": dash},
            hovertemplate=f"{name}: %{{y:.1%}} are off by %{{x:.2f}} px or less<extra></extra>",
        )
        defined = values[np.isfinite(values)]
        if len(defined):
            median, high, most = np.quantile(defined, [0.5, 0.9, 1.0])
            word = name.split(",")[0]
            said.append(f"half of the {word} are off by {median:.2f} px at most, 90 % by {high:.2f}, all by {most:.2f}")
    figure.update_layout(height=420)
    figure.update_xaxes(title="distance (px)", rangemode="tozero")
    figure.update_yaxes(title="share", range=[0, 1.02], tickformat=".0%")
    summary = f"{'; '.join(said)}."
    return blocks.chart(figure, "Share of points that are off by a distance at most", summary[:1].upper() + summary[1:])


def _galleries(evaluated: Evaluated, of_rows: Floats) -> Markup:
    predictions = evaluated.predictions
    assert predictions is not None
    usable = [
        place
        for place in np.argsort(of_rows, kind="stable")
        if np.isfinite(of_rows[place]) and evaluated.has_face(int(predictions.rows[place]))
    ]
    start = max(0, (len(usable) - _FACES) // 2)
    galleries = [
        ("The worst faces, the worst of them first", usable[::-1][:_FACES]),
        ("Faces in the middle: half of all are better, half are worse", usable[start : start + _FACES]),
        ("The best faces, the best of them first", usable[:_FACES]),
    ]
    return blocks.join(
        blocks.heading("Faces"),
        blocks.paragraph(
            "Green dots are the true points, red rings the model's. "
            "Below each face stand its row and the mean distance of its points."
        ),
        *(
            blocks.gallery(
                title,
                [_thumbnail(evaluated, predictions, place, of_rows) for place in places],
                len(usable),
                large=True,
            )
            for title, places in galleries
        ),
    )


def _thumbnail(evaluated: Evaluated, predictions: Predictions, place: int, of_rows: Floats) -> Thumbnail:
    row = int(predictions.rows[place])
    points = {"true": predictions.labels[place], "predicted": predictions.values[place]}
    return evaluated.thumbnail(row, f"row {row}: {of_rows[place]:.2f} px", points)
