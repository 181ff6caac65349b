"""A run, or a branch, as one page that needs nothing else."""

from __future__ import annotations

from collections.abc import Callable

from markupsafe import Markup

from dashboard.blocks import Section
from dashboard.guard import broken
from dashboard.page import render_page
from dashboard.runs import Branch, Run
from dashboard.sections import blessing, data, evaluation, findings, training
from dashboard.sections.run import overview

_OF_BRANCH: dict[str, Callable[[Branch], list[Section]]] = {
    "data": data.sections,
    "findings": findings.sections,
    "training": training.sections,
    "evaluation": evaluation.sections,
    "blessing": blessing.sections,
}


def render_report(run: Run) -> str:
    """The page of a whole run."""
    return render_page(title(run), run_sections(run), lead=Markup(), footer=footer(run), inline=True)


def render_branch(branch: Branch) -> str:
    """The page of a branch of which only artifacts are known: for a node of the pipeline itself, and for Kubeflow."""
    name = branch.name or "Branch"
    return render_page(name, branch_sections(branch), lead=Markup(), footer=f"{name}: a report.", inline=True)


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
    sections: list[Section] = []
    for name, make in _OF_BRANCH.items():
        try:
            sections += make(branch)
        except Exception as error:
            sections.append(broken(f"{branch.name.lower()}-{name}", f"{branch.name}: {name}", error))
    return sections
