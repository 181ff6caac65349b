"""Where points lie on faces: all of them as a heat map over the mean face."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go
from markupsafe import Markup

from dashboard import blocks
from dashboard.distributions import spelt
from dashboard.faces import Faces

BIN = 2
_HEIGHT = 520
_AXIS = {"showgrid": False, "zeroline": False, "constrain": "domain"}


def mean_face(splits: Sequence[Faces]) -> npt.NDArray[np.uint8]:
    """The mean of all faces, uint8 [height, width], stretched so that the darkest pixel is black, the lightest white.

    Without the stretching it is too gray for anything to be seen in it.
    """
    mean = sum(faces.images.sum(axis=0, dtype=np.float64) for faces in splits) / sum(len(f.rows) for f in splits)
    stretched = (mean - mean.min()) * 255 / max(float(np.ptp(mean)), 1.0)
    return np.asarray(stretched.round(), np.uint8)


def count_points(splits: Sequence[Faces]) -> npt.NDArray[np.int64]:
    """How many points lie in each square of BIN pixels, int64 [height / BIN, width / BIN].

    Points outside of the picture are not counted.
    """
    shape = np.array(splits[0].images.shape[1:])
    points = np.concatenate([faces.points.reshape(-1, 2) for faces in splits if faces.points is not None])
    points = points[~np.isnan(points).any(axis=1)]
    # Coordinates count from the centre of the first pixel.
    inside = ((points >= -0.5) & (points < shape[::-1] - 0.5)).all(axis=1)
    squares = ((points[inside] + 0.5) // BIN).astype(np.int64)
    counts = np.zeros(-(-shape // BIN), np.int64)
    np.add.at(counts, (squares[:, 1], squares[:, 0]), 1)
    return counts


def points_on_mean_face(splits: Sequence[Faces], title: str) -> Markup:
    """The heat map, of splits that have points."""
    counts = count_points(splits)
    height, width = splits[0].images.shape[1:]
    figure = go.Figure(
        go.Heatmap(
            # Few places have most of the points; and where there are none, the face is to be seen.
            z=[[round(float(np.log10(count)), 3) if count else None for count in line] for line in counts],
            **{"x0": (BIN - 1) / 2, "dx": BIN, "y0": (BIN - 1) / 2, "dy": BIN},
            customdata=counts.tolist(),
            colorscale="Plasma",
            opacity=0.8,
            hoverongaps=False,
            hovertemplate="x %{x}, y %{y}: %{customdata:,} points<extra></extra>",
            colorbar=_colour_bar(int(counts.max(initial=1))),
        )
    )
    figure.update_layout(
        height=_HEIGHT,
        images=[
            {
                "source": blocks.thumbnail_source(mean_face(splits)),
                **{"xref": "x", "yref": "y", "x": -0.5, "y": -0.5, "sizex": width, "sizey": height},
                **{"sizing": "stretch", "layer": "below"},
            }
        ],
        xaxis={**_AXIS, "range": [-0.5, width - 0.5]},
        # From top to bottom, as pictures count.
        yaxis={**_AXIS, "range": [height - 0.5, -0.5], "scaleanchor": "x"},
    )
    return blocks.chart(figure, title, *_in_words(splits))


def _colour_bar(most: int) -> dict[str, object]:
    ticks = [10**power for power in range(int(np.log10(most)) + 1)]
    return {
        "title": {"text": f"points in a square of {BIN} x {BIN} pixels", "side": "bottom"},
        "tickvals": np.log10(ticks).tolist(),
        "ticktext": [f"{tick:,}" for tick in ticks],
        **{"orientation": "h", "thickness": 12, "y": -0.12, "yanchor": "top"},
    }


def _in_words(splits: Sequence[Faces]) -> tuple[str, Markup]:
    """The mean position of each point and how far it spreads, as a sentence and as a table."""
    rows = []
    # A split that has a point nowhere does not name it.
    for name in sorted({name for faces in splits for name in faces.point_names}):
        points = np.concatenate([_points(faces, name) for faces in splits])
        if len(points):
            figures = (*points.mean(axis=0), *points.std(axis=0))
            rows.append([spelt(name), *(f"{value:.1f}" for value in figures)])
    means = ", ".join(f"{name} at ({x}, {y})" for name, x, y, *_ in rows)
    head = ["point", "mean x", "mean y", "spread of x", "spread of y"]
    return f"Mean positions in pixels: {means}.", blocks.table(head, rows)


def _points(faces: Faces, name: str) -> npt.NDArray[np.float64]:
    """Where a point is marked, float64 [n, 2]."""
    if faces.points is None or name not in faces.point_names:
        return np.empty((0, 2))
    points = faces.points[:, faces.point_names.index(name)]
    return np.asarray(points[~np.isnan(points).any(axis=1)], np.float64)
