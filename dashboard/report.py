"""A run, a branch, or a part of one, as one page that needs nothing else."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from markupsafe import Markup

from dashboard.blocks import Section
from dashboard.guard import broken
from dashboard.page import render_page
from dashboard.runs import Branch, Run
from dashboard.sections import blessing, data, evaluation, findings, training, tuning
from dashboard.sections.run import overview

_OF_BRANCH: dict[str, Callable[[Branch], list[Section]]] = {
    "data": data.sections,
    "findings": findings.sections,
    "tuning": tuning.sections,
    "training": training.sections,
    "evaluation": evaluation.sections,
    "blessing": blessing.sections,
}
# In the order in which they are shown.
PARTS = tuple(_OF_BRANCH)
# Where the other parts are on other pages.
_ALONE = {"findings": functools.partial(findings.sections, beside_data=False)}


def render_report(run: Run) -> str:
    """The page of a whole run."""
    return render_page(title(run), run_sections(run), lead=Markup(), footer=footer(run), inline=True)


def render_sections(branch: Branch, sections: Sequence[Section]) -> str:
    """The page of all or some sections of a branch: for a node of the pipeline itself, and for Kubeflow."""
    name = branch.name or "Branch"
    return render_page(name, sections, lead=Markup(), footer=f"{name}: a report.", inline=True)


def title(run: Run) -> str:
    """Heading of a run's page."""
    return f"Run of {run.overview.started:%d %B %Y, %H:%M} UTC"


def footer(run: Run) -> str:
    """Last line of a run's page."""
    return f"Run {run.overview.id}. Written from ML Metadata and the run's artifacts."


def run_sections(run: Run) -> list[Section]:
    """All sections of a run."""
    return [*overview(run), *(section for branch in run.branches for section in branch_sections(branch))]


def branch_sections(branch: Branch) -> list[Section]:
    """The sections of a branch; one that fails says so in its place."""
    return [section for name in PARTS for section in part(branch, name)]


def part(branch: Branch, name: str, *, alone: bool = False) -> list[Section]:
    """The sections of a part of a branch; where making them fails, one that says so.

    Args:
      branch: it.
      name: one of PARTS.
      alone: whether the other parts are on other pages.
    """
    make = _OF_BRANCH[name]
    if alone:
        make = _ALONE.get(name, make)
    try:
        return make(branch)
    except Exception as error:
        return [broken(f"{branch.name.lower()}-{name}", f"{branch.name}: {name}", error)]
