"""Charts and tables of statistics: where rows went, shares of classes, how numbers are distributed, what is missing."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go
from markupsafe import Markup

from dashboard import blocks
from dashboard.palette import NEUTRAL, SINGLE, SPLIT_COLOURS
from dashboard.statistics import Numbers

_BINS = 30
_DASHES = {"train": "solid", "eval": "dash", "validation": "dash", "test": "dot"}
# Of a bar, in pixels, where bars lie below each other.
_BAR_HEIGHT = 26


@dataclasses.dataclass(frozen=True)
class Series:
    """How one of several distributions in a chart is drawn.

    Attributes:
      name: in the legend.
      colour: of its line or bars.
      dash: of its line, so that it can be told apart without colours too.
      filled: whether the ground below its line is filled.
    """

    name: str
    colour: str
    dash: str = "solid"
    filled: bool = False

    @classmethod
    def of_split(cls, split: str) -> Series:
        """As the split looks everywhere."""
        return cls(split, SPLIT_COLOURS.get(split, NEUTRAL), _DASHES.get(split, "dashdot"))


def percent(share: float) -> str:
    """'12.3 %'; a dash where there is none."""
    return f"{100 * share:.1f} %" if np.isfinite(share) else "–"


def spelt(name: str) -> str:
    """The name of a feature, a point or a finding for people: 'left_eye_center' is 'left eye center'."""
    return name.replace("_", " ").replace(":", ": ")


def stacked_rows(parts: Sequence[tuple[str, int, str]], title: str) -> Markup:
    """A bar of rows: (name, how many, colour) of each part."""
    total = sum(count for _, count, _ in parts)
    figure = go.Figure(
        [
            go.Bar(
                name=name,
                x=[count],
                y=["rows"],
                orientation="h",
                marker_color=colour,
                hovertemplate=f"{name}: %{{x:,}} rows ({percent(count / total)})<extra></extra>",
            )
            for name, count, colour in parts
        ]
    )
    figure.update_layout(
        barmode="stack",
        height=170,
        margin={"l": 10, "r": 20, "t": 10, "b": 30},
        bargap=0,
        # Below, where it may take as many lines as it needs.
        legend={"orientation": "h", "x": 0, "y": -0.35, "yanchor": "top", "traceorder": "normal"},
        yaxis={"visible": False},
        xaxis={"tickformat": ",d", "range": [0, total]},
    )
    named = ", ".join(f"{name} {count:,} ({percent(count / total)})" for name, count, _ in parts)
    return blocks.chart(figure, title, f"{named}.")


def class_mix(
    series: Sequence[tuple[Series, Mapping[str, int]]], order: Sequence[str], title: str, feature: str
) -> Markup:
    """Bars of the shares of classes, with counts and shares as a table.

    Args:
      series: class -> rows, of each.
      order: of the classes.
      title: of the chart.
      feature: whose values the classes are.
    """
    shares = {one.name: _shares(counts, order) for one, counts in series}
    figure = go.Figure(
        [
            go.Bar(
                name=one.name,
                x=list(order),
                y=shares[one.name],
                marker_color=one.colour,
                customdata=[counts.get(name, 0) for name in order],
                hovertemplate="%{x}: %{y:.1%}, %{customdata:,} rows",
            )
            for one, counts in series
        ]
    )
    figure.update_layout(barmode="group", yaxis={"tickformat": ".0%", "title": "share of the rows"})
    rows = []
    for index, name in enumerate(order):
        cells = [
            cell for one, counts in series for cell in (f"{counts.get(name, 0):,}", percent(shares[one.name][index]))
        ]
        rows.append([name, *cells])
    head = [feature, *(cell for one, _ in series for cell in (f"{one.name}: rows", "share"))]
    return blocks.chart(figure, title, _mix_in_words(shares, order), blocks.table(head, rows))


def _shares(counts: Mapping[str, int], order: Sequence[str]) -> list[float]:
    total = sum(counts.values())
    return [counts.get(name, 0) / total if total else 0.0 for name in order]


def _mix_in_words(shares: Mapping[str, Sequence[float]], order: Sequence[str]) -> str:
    first, *others = shares
    named = ", ".join(f"{name} {percent(share)}" for name, share in zip(order, shares[first], strict=True))
    text = f"{first}: {named}."
    if others:
        spread = np.ptp(np.array(list(shares.values())), axis=0)
        worst = int(np.argmax(spread))
        text += f" The largest difference is in {order[worst]}: {100 * spread[worst]:.1f} points."
    return text


def overlaid(series: Sequence[tuple[Series, Numbers]], title: str, axis: str) -> Markup:
    """Histograms of a feature one over the other, with their figures as a table.

    Args:
      series: its distribution in each.
      title: of the chart.
      axis: what its values are.
    """
    there = [(one, numbers) for one, numbers in series if numbers.count]
    low = min((numbers.low for _, numbers in there), default=0.0)
    high = max((numbers.high for _, numbers in there), default=1.0)
    edges = np.linspace(low, high if high > low else low + 1.0, _BINS + 1)
    middles = (edges[:-1] + edges[1:]) / 2
    figure = go.Figure(
        [
            go.Scatter(
                name=one.name,
                x=np.round(middles, 6).tolist(),
                y=np.round(numbers.shares(edges), 6).tolist(),
                mode="lines",
                line={"color": one.colour, "dash": one.dash, "width": 2, "shape": "hvh"},
                fill="tozeroy" if one.filled else None,
                hovertemplate="%{y:.1%}",
            )
            for one, numbers in there
        ]
    )
    figure.update_layout(
        hovermode="x unified",
        showlegend=True,
        xaxis={"title": axis, "hoverformat": ".3~g"},
        yaxis={"tickformat": ".0%", "rangemode": "tozero", "title": "share of the rows"},
    )
    rows = [
        [one.name, *(f"{getattr(numbers, name):.3g}" for name in ("mean", "std_dev", "low", "median", "high"))]
        for one, numbers in there
    ]
    head = ["", "mean", "standard deviation", "lowest", "median", "highest"]
    words = "; ".join(
        f"{one.name}: mean {numbers.mean:.3g}, from {numbers.low:.3g} to {numbers.high:.3g}" for one, numbers in there
    )
    return blocks.chart(figure, title, f"{words}.", blocks.table(head, rows))


def missing_points(missing: Mapping[str, int], rows: int, title: str) -> Markup:
    """Bars of how often each point is missing; `missing` is point -> in how many of `rows`."""
    ordered = sorted(missing, key=lambda name: missing[name])
    figure = go.Figure(
        go.Bar(
            x=[missing[name] / rows for name in ordered],
            y=[spelt(name) for name in ordered],
            orientation="h",
            marker_color=SINGLE,
            customdata=[missing[name] for name in ordered],
            hovertemplate="%{y}: %{x:.1%}, %{customdata:,} rows<extra></extra>",
        )
    )
    figure.update_layout(
        height=80 + _BAR_HEIGHT * len(ordered),
        xaxis={"tickformat": ".0%", "title": "share of the rows", "rangemode": "tozero"},
    )
    most, least = ordered[-1], ordered[0]
    words = (
        f"Most often {spelt(most)}, in {percent(missing[most] / rows)} of the rows; "
        f"least often {spelt(least)}, in {percent(missing[least] / rows)}."
    )
    table = blocks.table(
        ["point", "rows without it", "share"],
        [[spelt(name), f"{missing[name]:,}", percent(missing[name] / rows)] for name in reversed(ordered)],
    )
    return blocks.chart(figure, title, words, table)
