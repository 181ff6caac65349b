"""Shows a blessing's reasons: metrics, thresholds, and which rows to look at."""

from __future__ import annotations

from typing import Any, TextIO

from rich.markup import escape
from rich.table import Table

from components.blessing import report
from components.blessing.judging import CHANGE, FAILED, NOT_JUDGED, PASSED
from components.blessing.report import BlessingReport
from components.errors import InputError
from pipeline.last_run import artifact_uris
from pipeline.tasks import TASKS
from pipeline.terminal import new_console, simple_table
from pipeline.workspace import Workspace

_MARKS = {PASSED: "[green]✓[/]", FAILED: "[red]✗[/]", NOT_JUDGED: "[dim]-[/]"}
_SHOWN_WORST = 12


def show_blessings(workspace: Workspace, terminal: TextIO) -> None:
    """Prints why the last run's models were blessed, or were not.

    Raises:
      InputError: there is no run yet, or it stopped before any evaluation.
    """
    console = new_console(terminal)
    uris = artifact_uris(workspace.metadata_file, BlessingReport.TYPE_NAME)
    if not uris:
        raise InputError(f"{workspace.root}: the last run stopped before any evaluation; see its log.")
    metrics = {task.model_name: task.metrics for task in TASKS}
    for uri in uris:
        found = report.read(uri)
        verdict = "[green]blessed[/]" if found["blessed"] else "[red]not blessed[/]"
        against = f", baseline: version {found['baseline_version']}" if found["baseline_version"] else ", no baseline"
        console.print(f"[bold]{found['model_name']}[/]: {verdict}{against}")
        console.print(metrics_table(found, metrics[found["model_name"]]))
        console.print(thresholds_table(found))
        for line in rows_to_look_at(found):
            console.print(f"  {escape(line)}", soft_wrap=True)
        console.print()


def metrics_table(found: dict[str, Any], metrics: tuple[str, ...]) -> Table:
    """Metrics of all rows with their intervals, and how those with thresholds stand to them."""
    table = simple_table("metric (test)", "value", "95 % interval", "limit", "last blessed", "")
    verdicts: dict[str, list[dict[str, Any]]] = {}
    for verdict in found["thresholds"]:
        if not verdict["slice"]:
            verdicts.setdefault(verdict["metric"], []).append(verdict)
    for name in metrics:
        bounds = found["intervals"].get(name)
        row = [name, _number(found["metrics"][""][name]), _interval(bounds)]
        if name in verdicts:
            limit, *change = verdicts[name]
            sign = "≥" if limit["direction"] == "at_least" else "≤"
            worst = FAILED if any(v["state"] == FAILED for v in verdicts[name]) else PASSED
            baseline = _number(change[0]["baseline"]) if change else "-"
            row += [f"{sign} {limit['bound']:g}", baseline, _MARKS[worst]]
        table.add_row(*row)
    table.add_row("examples", f"{found['examples']['']:,}")
    return table


def thresholds_table(found: dict[str, Any]) -> Table:
    """Every threshold: what was found, what is asked for, by how much it is kept."""
    table = simple_table("threshold", "examples", "value", "95 % interval", "asked for", "margin", "")
    for verdict in found["thresholds"]:
        name = f"{verdict['metric']}, {verdict['slice'] or 'all rows'}"
        if verdict["kind"] == CHANGE:
            value = f"{_number(verdict['value'])} ({_number(verdict['baseline'])})"
            asked = f"no worse by more than {-verdict['bound']:g}"
        else:
            value = _number(verdict["value"])
            asked = f"{'≥' if verdict['direction'] == 'at_least' else '≤'} {verdict['bound']:g}"
        mark = _MARKS[verdict["state"]] + (f" [dim]{verdict['note']}[/]" if verdict["note"] else "")
        examples, margin = f"{verdict['examples']:,}", _number(verdict["margin"], "+.4f")
        table.add_row(name, examples, value, _interval(verdict["interval"]), asked, margin, mark)
    return table


def rows_to_look_at(found: dict[str, Any]) -> list[str]:
    """The most confused pairs and the worst rows, in words."""
    lines = [
        f"{pair['truth']} taken for {pair['predicted']}: {pair['count']:,} times, say rows "
        f"{', '.join(map(str, pair['rows']))}"
        for pair in found["confused"]
    ]
    worst = [
        f"{row['row']} ({row['truth']} taken for {row['predicted']})" if row["truth"] else str(row["row"])
        for row in found["worst"][:_SHOWN_WORST]
    ]
    return [*lines, f"largest errors: rows {', '.join(worst)}"]


def describe_failure(verdict: dict[str, Any]) -> str:
    """A failed threshold in a few words."""
    where = f" ({verdict['slice']})" if verdict["slice"] else ""
    if verdict["kind"] == CHANGE:
        return f"{verdict['metric']}{where} is worse than the last blessed model's"
    return f"{verdict['metric']}{where} is outside its limit"


def _number(value: float | None, form: str = ".4f") -> str:
    return "-" if value is None else format(value, form)


def _interval(bounds: tuple[float, float] | None) -> str:
    return f"{bounds[0]:.4f} .. {bounds[1]:.4f}" if bounds else ""
