"""The list of runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from dashboard import blocks
from dashboard.addresses import run_address
from dashboard.blocks import ENVIRONMENT, Cell, Section
from dashboard.lineage import pushed_version
from dashboard.metrics import readable
from dashboard.paths import without_folders
from dashboard.runs import Artifact, Overview
from dashboard.sections.run import counts_in_words, state_cell


@dataclasses.dataclass(frozen=True)
class Headline:
    """What a run came to.

    Attributes:
      metrics: a text for each model, see `headline_metrics`.
      pushed: its PushedModels.
    """

    metrics: tuple[str, ...] = ()
    pushed: tuple[Artifact, ...] = ()


def headline_metrics(report: dict[str, Any]) -> str:
    """'emotion_ai: accuracy 0.931' and so on: the metrics of a BlessingReport that a limit for all rows is about.

    '' where something is missing in the report: one run must not keep people from the list of all.
    """
    if not {"model_name", "thresholds", "metrics"} <= report.keys():
        return ""
    judged = dict.fromkeys(threshold["metric"] for threshold in report["thresholds"] if not threshold["slice"])
    metrics = report["metrics"].get("", {})
    values = [f"{readable(name)} {blocks.number(metrics.get(name), 3)}" for name in judged]
    return f"{report['model_name']}: {', '.join(values)}"


def sections(runs: Sequence[tuple[Overview, Headline]]) -> list[Section]:
    """The list, newest first."""
    if not runs:
        return [Section("runs", "Runs", blocks.notice("info", "No run yet. Start one with `emotion-ai run`."))]
    head = ["Started (UTC)", "State", "Metrics", "Pushed", "Nodes", "Time"]
    found = [Section("runs", "All runs", blocks.table(head, [_row(*run) for run in runs], numbers_from=4))]
    if len(runs) > 1:
        found.append(Section("compare", "Compare two runs", choice([run.id for run, _ in runs])))
    return found


def choice(run_ids: Sequence[str], first: str = "", second: str = "") -> Markup:
    """A form that asks for two runs to compare; by default the newest with the one before it."""
    chosen = first or (run_ids[1] if len(run_ids) > 1 else ""), second or (run_ids[0] if run_ids else "")
    return Markup(ENVIRONMENT.get_template("forms.html.j2").module.choice(run_ids, *chosen))  # type: ignore[attr-defined]


def _row(run: Overview, headline: Headline) -> list[str | Cell]:
    return [
        Cell(f"{run.started:%d %b %Y, %H:%M:%S}", href=run_address(run.id)),
        Cell(run.state, state_cell(run).kind, note=without_folders(run.message)),
        "; ".join(headline.metrics) or "–",
        "; ".join(_push(pushed) for pushed in headline.pushed) or "–",
        counts_in_words(run.counts),
        blocks.seconds(run.seconds),
    ]


def _push(pushed: Artifact) -> str:
    version = pushed_version(pushed, "")
    again = ", was there already" if pushed.properties.get("unchanged") else ""
    return f"{version.model} {version.version}{again}" if version else "not pushed"
