"""How good a model is: headline figures, what its answers look like, slices, and the rows it gets most wrong."""

from __future__ import annotations

from markupsafe import Markup

from dashboard import blocks
from dashboard.absence import absent
from dashboard.blocks import Cell, Section
from dashboard.evaluated import Evaluated, capitalised, interval_text, read_evaluated
from dashboard.metrics import readable
from dashboard.runs import Branch
from dashboard.sections import evaluation_of_classes, evaluation_of_points, evaluation_of_slices


def sections(branch: Branch) -> list[Section]:
    """The evaluation of a branch, or why there is nothing to see of it."""
    section_id, title = f"{branch.name.lower()}-evaluation", f"{branch.name}: evaluation"
    evaluated = read_evaluated(branch)
    if evaluated is None:
        missing = absent(branch, "BlessingGen")
        return [Section(section_id, title, missing)] if missing else []
    body = blocks.join(_headline(evaluated), _answers(evaluated, section_id), evaluation_of_slices.blocks_of(evaluated))
    return [Section(section_id, title, body)]


def _headline(evaluated: Evaluated) -> Markup:
    judged = list(dict.fromkeys(t["metric"] for t in evaluated.report["thresholds"] if not t["slice"]))
    of_all = [name for name in evaluated.metrics if name not in evaluated.metrics_of_parts and name != "example_count"]
    version = evaluated.report["baseline_version"]
    examples = evaluated.report["examples"].get("", 0)
    figures = [("Rows", Cell(f"{examples:,}", note=f"split {evaluated.split}"))]
    for metric in judged:
        notes = [f"95 %: {interval_text(evaluated.interval(metric))}"]
        if evaluated.baseline(metric) is not None:
            notes.append(f"last blessed: {blocks.number(evaluated.baseline(metric))}")
        note = "; ".join(notes)
        value = evaluated.metrics.get(metric)
        figures.append((capitalised(readable(metric)), Cell(blocks.number(value), note=note)))
    if version is None:
        against = "There is no model yet to compare this one with."
    else:
        against = f"Compared with version {version}, the last blessed one, on the same rows."
    table = blocks.table(
        ["Metric", "Value", "95 % interval", "Last blessed"],
        [
            [
                readable(metric),
                blocks.number(evaluated.metrics[metric]),
                interval_text(evaluated.interval(metric)),
                blocks.number(evaluated.baseline(metric)),
            ]
            for metric in of_all
        ],
        caption="All rows. Intervals where the metric has one; the last blessed model where a threshold compares them.",
    )
    return blocks.join(
        blocks.figures(figures), blocks.paragraph(against), blocks.details("All metrics of all rows", table)
    )


def _answers(evaluated: Evaluated, section_id: str) -> Markup:
    """What there is to see of the predictions, by their kind."""
    predictions = evaluated.predictions
    if predictions is None:
        return blocks.notice("info", "The predictions are missing or broken, so that there are no charts of them.")
    if not len(predictions.rows):
        return blocks.notice("info", f"There are no rows in the split {evaluated.split}.")
    missing = None
    if evaluated.faces is None:
        missing = blocks.notice("info", "The faces cannot be read, so that there are no pictures here.")
    show = evaluation_of_points.blocks_of if predictions.of_points else evaluation_of_classes.blocks_of
    return blocks.join(missing, show(evaluated, section_id))
