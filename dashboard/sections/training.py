"""How a model was trained: curves by epoch, times, settings."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import plotly.graph_objects as go
from markupsafe import Markup

from dashboard import blocks
from dashboard.absence import absent
from dashboard.blocks import Cell, Section
from dashboard.evaluated import capitalised, flat
from dashboard.metrics import readable
from dashboard.palette import NEUTRAL, SINGLE, SPLIT_COLOURS
from dashboard.paths import within_root
from dashboard.runs import Branch, Node
from dashboard.training_log import TRAIN, VALIDATION, TrainingLog, read_training_log
from dashboard.tuning import best_values

_DASHES = {TRAIN: "solid", VALIDATION: "dash"}


def sections(branch: Branch) -> list[Section]:
    """The training of a branch, or why there is nothing to see of it."""
    section_id, title = f"{branch.name.lower()}-training", f"{branch.name}: training"
    model_run = branch.output("ModelRun")
    log = read_training_log(model_run.uri) if model_run else None
    if model_run is None or log is None:
        missing = absent(branch, "Trainer")
        return [Section(section_id, title, missing)] if missing else []
    settings = training_settings(branch.node("Trainer"))
    body = blocks.join(
        blocks.figures(_headline(log, settings)),
        blocks.grid(
            [
                *(_metric_chart(log, metric) for metric in log.metrics if log.metrics[metric]),
                *([_learning_rate_chart(log)] if log.learning_rate else []),
                _seconds_chart(log),
            ]
        ),
        blocks.details("Epoch by epoch, as a table", _epoch_table(log)),
        blocks.heading("Settings") if settings else None,
        blocks.facts(_used(settings, best_values(branch.output("HyperParameters")))) if settings else None,
        blocks.details(
            "The same in TensorBoard",
            blocks.join(
                blocks.paragraph("In the folder with the outputs of all nodes (artifacts/nodes of a workspace):"),
                blocks.code(f"tensorboard --logdir {within_root(model_run.uri)}"),
            ),
        ),
    )
    return [Section(section_id, title, body)]


def training_settings(trainer: Node | None) -> dict[str, str]:
    """Dotted name -> value of the Trainer's custom configuration."""
    text = trainer.parameters.get("custom_config") if trainer else None
    return dict(flat(json.loads(text))) if text else {}


def _used(settings: dict[str, str], best: dict[str, Any]) -> list[tuple[str, str | Cell]]:
    """The settings by dotted name, with the best values of a Tuner in the place of those that they replaced."""
    found = {f"training.{name}": value for name, value in best.items()}
    return [
        (name, Cell(str(found[name]), note=f"by the tuning; {value} in the settings") if name in found else value)
        for name, value in settings.items()
    ]


def _headline(log: TrainingLog, settings: dict[str, str]) -> list[tuple[str, str | Cell]]:
    asked = settings.get("training.epochs")
    figures: list[tuple[str, str | Cell]] = [
        ("Epochs", Cell(str(len(log.epochs)), note=f"of {asked} at most" if asked else ""))
    ]
    best = log.best_epoch
    if best is not None:
        figures.append(("Best epoch", Cell(str(best), note="lowest loss on validation")))
        for metric, by_split in log.metrics.items():
            if best in by_split.get(VALIDATION, {}):
                trained = by_split.get(TRAIN, {}).get(best)
                value = Cell(blocks.number(by_split[VALIDATION][best]), note=f"in it; train {blocks.number(trained)}")
                figures.append((f"Validation {readable(metric)}", value))
    times = list(log.seconds.values())
    median = float(np.median(times[1:] or times))
    total = blocks.seconds(sum(times))
    figures.append(("An epoch takes", Cell(blocks.seconds(median), note=f"median; {total} in all")))
    return figures


def _metric_chart(log: TrainingLog, metric: str) -> Markup:
    figure, said = go.Figure(), []
    best = log.best_epoch
    for split, values in log.metrics[metric].items():
        epochs = sorted(values)
        figure.add_scatter(
            x=epochs,
            y=[values[epoch] for epoch in epochs],
            name=split,
            mode="lines+markers",
            line={"color": SPLIT_COLOURS[split], "dash": _DASHES[split]},
            marker={"size": 5},
            hovertemplate=f"{split}, epoch %{{x}}: %{{y:.4f}}<extra></extra>",
        )
        first, last = (blocks.number(values[epoch]) for epoch in (epochs[0], epochs[-1]))
        said.append(f"{split} from {first} to {last}")
        if split == VALIDATION and best in values:
            figure.add_scatter(
                x=[best],
                y=[values[best]],
                name=f"best epoch ({best})",
                mode="markers",
                marker={
                    "symbol": "circle-open",
                    "size": 14,
                    "color": SPLIT_COLOURS[split],
                    "line": {"width": 2.5},
                },
                hovertemplate=f"best epoch {best}: %{{y:.4f}}<extra></extra>",
            )
            said.append(f"{blocks.number(values[best])} in the best epoch, {best}")
    _by_epoch(figure, readable(metric))
    return blocks.chart(figure, capitalised(f"{readable(metric)} by epoch"), f"{', '.join(said)}.")


def _learning_rate_chart(log: TrainingLog) -> Markup:
    epochs = sorted(log.learning_rate)
    values = [log.learning_rate[epoch] for epoch in epochs]
    figure = go.Figure()
    figure.add_scatter(
        x=epochs,
        y=values,
        mode="lines+markers",
        line={"color": SINGLE},
        marker={"size": 5},
        hovertemplate="epoch %{x}: %{y:.3g}<extra></extra>",
    )
    _by_epoch(figure, "learning rate")
    return blocks.chart(figure, "Learning rate by epoch", f"From {values[0]:.3g} to {values[-1]:.3g}.")


def _seconds_chart(log: TrainingLog) -> Markup:
    times = [log.seconds[epoch] for epoch in log.epochs]
    figure = go.Figure()
    colours = [SINGLE if epoch != log.epochs[0] else NEUTRAL for epoch in log.epochs]
    figure.add_bar(x=log.epochs, y=times, marker_color=colours, hovertemplate="epoch %{x}: %{y:.1f} s<extra></extra>")
    _by_epoch(figure, "seconds")
    summary = f"{min(times):.1f} to {max(times):.1f} seconds. The first epoch, in gray, builds the graph, too."
    return blocks.chart(figure, "Seconds by epoch (the first builds the graph, too)", summary)


def _by_epoch(figure: go.Figure, what: str) -> None:
    figure.update_layout(height=320)
    figure.update_xaxes(title="epoch", dtick=1 if len(figure.data[0].x) <= 20 else None)
    figure.update_yaxes(title=what, rangemode="tozero" if what == "seconds" else "normal")


def _epoch_table(log: TrainingLog) -> Markup:
    columns = [(metric, split) for metric, by_split in log.metrics.items() for split in by_split]
    head = ["Epoch", *(f"{readable(metric)}, {split}" for metric, split in columns), "Learning rate", "Seconds"]
    rows: list[list[str | Cell]] = []
    for epoch in log.epochs:
        rate = log.learning_rate.get(epoch)
        rows.append(
            [
                Cell(str(epoch), "good" if epoch == log.best_epoch else None),
                *(blocks.number(log.metrics[metric][split].get(epoch)) for metric, split in columns),
                "–" if rate is None else f"{rate:.3g}",
                f"{log.seconds[epoch]:.1f}",
            ]
        )
    return blocks.table(head, rows, caption="✓ marks the epoch with the lowest loss on validation.")
