"""How good a model is in parts of the rows: bright faces, faces of one class, and so on."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import plotly.graph_objects as go
from markupsafe import Markup

from dashboard import blocks
from dashboard.blocks import Cell
from dashboard.evaluated import Evaluated, capitalised, defined_interval, interval_text
from dashboard.metrics import readable
from dashboard.palette import LIMIT, NEUTRAL, SINGLE

_ALL_ROWS = "all rows"
_NOT_JUDGED = "not judged"
_BANDS = ("low", "medium", "high")


@dataclasses.dataclass(frozen=True)
class SliceValue:
    """A metric of one slice.

    Attributes:
      name: of the slice, for people.
      value: None where it is not defined.
      examples: rows.
      interval: 95 %, where it is known.
      bound: the limit, where there is one.
      at_least: whether the value must not be below the limit, else not above.
      state: 'passed', 'failed', 'not judged', or '' without a limit.
      note: why it was not judged.
    """

    name: str
    value: float | None
    examples: int
    interval: tuple[float, float] | None
    bound: float | None
    at_least: bool
    state: str
    note: str


def blocks_of(evaluated: Evaluated) -> Markup | None:
    """A chart and a table for each metric that slices are judged by."""
    judged_by = dict.fromkeys(t["metric"] for t in evaluated.report["thresholds"] if t["slice"])
    if not judged_by:
        return None
    parts = [_chart(metric, slice_values(evaluated, metric)) for metric in judged_by]
    return blocks.join(blocks.heading("Slices"), *parts)


def slice_values(evaluated: Evaluated, metric: str) -> list[SliceValue]:
    """A metric of all rows, then of each slice by name."""
    report = evaluated.report
    limits = {t["slice"]: t for t in report["thresholds"] if t["metric"] == metric and t["kind"] == "limit"}
    values = []
    for name in sorted(report["metrics"], key=_order):
        limit = limits.get(name)
        bounds = limit["interval"] if limit else None if name else report["intervals"].get(metric)
        values.append(
            SliceValue(
                name=name.replace("_", " ") or _ALL_ROWS,
                value=report["metrics"][name].get(metric),
                examples=report["examples"].get(name, 0),
                interval=defined_interval(bounds),
                bound=limit["bound"] if limit else None,
                at_least=limit is not None and limit["direction"] == "at_least",
                state=limit["state"] if limit else "",
                note=limit["note"] if limit else "",
            )
        )
    return values


def _order(name: str) -> tuple[str, int, int, str]:
    """Sorts slices by feature; its values from low to high, and 4 before 15."""
    feature, _, value = name.partition(": ")
    return feature, _BANDS.index(value) if value in _BANDS else 0, len(value) if value.isdigit() else 0, value


def _chart(metric: str, values: Sequence[SliceValue]) -> Markup:
    figure = go.Figure()
    judged = [value for value in values if value.state not in ("", _NOT_JUDGED)]
    others = [value for value in values if value.state in ("", _NOT_JUDGED)]
    _add_values(figure, "judged", judged, SINGLE, "circle")
    _add_values(figure, "not judged", others, NEUTRAL, "circle-open")
    bounded = [value for value in values if value.bound is not None]
    figure.add_scatter(
        x=[value.bound for value in bounded],
        y=[value.name for value in bounded],
        name="limit",
        mode="markers",
        marker={"symbol": "line-ns-open", "size": 16, "color": LIMIT, "line": {"width": 3}},
        hovertemplate="%{y}: limit %{x}<extra></extra>",
    )
    # Room for the axis, the legend, and a line for each slice.
    figure.update_layout(height=130 + 26 * len(values))
    figure.update_xaxes(title=readable(metric))
    figure.update_yaxes(autorange="reversed", categoryorder="array", categoryarray=[value.name for value in values])
    title = f"{capitalised(readable(metric))} by slice, with 95 % intervals"
    return blocks.chart(figure, title, _summary(values), _table(values))


def _add_values(figure: go.Figure, name: str, values: Sequence[SliceValue], colour: str, symbol: str) -> None:
    shown = [(value, value.value) for value in values if value.value is not None]
    if not shown:
        return
    figure.add_scatter(
        x=[number for _, number in shown],
        y=[value.name for value, _ in shown],
        name=name,
        mode="markers",
        marker={"color": colour, "size": 9, "symbol": symbol},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [value.interval[1] - number if value.interval else 0 for value, number in shown],
            "arrayminus": [number - value.interval[0] if value.interval else 0 for value, number in shown],
            "color": colour,
        },
        customdata=[value.examples for value, _ in shown],
        hovertemplate="%{y}: %{x:.4f} (%{customdata:,} rows)<extra></extra>",
    )


def _summary(values: Sequence[SliceValue]) -> str:
    of_slices = [(value.value, value.name) for value in values if value.name != _ALL_ROWS and value.value is not None]
    failed = [value.name for value in values if value.state == "failed"]
    if not of_slices:
        return "No slice has a value."
    (low, lowest), (high, highest) = min(of_slices), max(of_slices)
    return (
        f"From {low:.4f} ({lowest}) to {high:.4f} ({highest}) in {len(of_slices)} slices. "
        f"Beyond the limit: {', '.join(failed) or 'none'}."
    )


def _table(values: Sequence[SliceValue]) -> Markup:
    kinds: dict[str, blocks.Kind] = {"passed": "good", "failed": "bad"}
    rows: list[list[str | Cell]] = [
        [
            value.name,
            f"{value.examples:,}",
            blocks.number(value.value),
            interval_text(value.interval),
            "–" if value.bound is None else f"{'≥' if value.at_least else '≤'} {value.bound:g}",
            Cell(value.state or "no limit", kinds.get(value.state), note=value.note),
        ]
        for value in values
    ]
    return blocks.table(["Slice", "Rows", "Value", "95 % interval", "Limit", "State"], rows)
