"""What a search for better training settings has tried."""

from __future__ import annotations

from typing import Any

from dashboard import blocks
from dashboard.absence import absent
from dashboard.blocks import Cell, Section
from dashboard.metrics import readable
from dashboard.runs import Branch
from dashboard.tuning import best_values, read_trials


def sections(branch: Branch) -> list[Section]:
    """The trials of a branch's Tuner, or why there is nothing to see of them; [] where it has no Tuner."""
    section_id, title = f"{branch.name.lower()}-tuning", f"{branch.name}: tuning"
    trials = read_trials(branch.output("TunerResults"))
    if not trials:
        missing = absent(branch, "Tuner")
        return [Section(section_id, title, missing)] if missing else []
    names = list(trials[0][1])
    best = best_values(branch.output("HyperParameters"))
    rows: list[list[str | Cell]] = [
        [
            Cell(blocks.number(score), "good" if values == best else None),
            *(_shown(values.get(name)) for name in names),
        ]
        for score, values in trials
    ]
    caption = "Trials that came to an end, best first. ✓ marks what the training took in the place of its settings."
    head = ["Validation loss", *(readable(name).capitalize() for name in names)]
    return [Section(section_id, title, blocks.table(head, rows, caption=caption, numbers_from=0))]


def _shown(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
