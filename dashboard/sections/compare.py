"""Two runs side by side, differences first."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from markupsafe import Markup

from dashboard import blocks
from dashboard.addresses import run_address
from dashboard.blocks import Cell, Kind, Section
from dashboard.files import read_bytes, read_json
from dashboard.guard import guarded
from dashboard.lineage import row_counts
from dashboard.metrics import direction, readable
from dashboard.paths import without_folders
from dashboard.runs import Artifact, Branch, Node, Run
from dashboard.sections.run import MARKS, pushed_cell, state_cell

# Other in each run, or shown elsewhere.
_NOT_SETTINGS = ("run_id", "data_fingerprint")
# Hold the settings of other nodes, or texts.
_SAID_ELSEWHERE = ("environment", "description", "settings")
_LONGEST_VALUE = 160
_FINGERPRINT, _SHORT_FINGERPRINT = re.compile("[0-9a-f]{32,}"), 12
_ROUNDING = 1e-9
_MISSING = "–"


@dataclasses.dataclass(frozen=True)
class MetricChange:
    """A metric of both runs.

    Attributes:
      name: of the metric.
      first, second: its values; None where there is none.
      better: whether the second is better; None where they are the same, or nobody can say.
      beyond_chance: whether the second lies outside the first's 95 % interval; None where there is no interval.
    """

    name: str
    first: float | None
    second: float | None
    better: bool | None
    beyond_chance: bool | None

    @property
    def difference(self) -> float | None:
        """Second minus first."""
        return None if self.first is None or self.second is None else self.second - self.first


def sections(first: Run, second: Run) -> list[Section]:
    """The comparison of two runs: `second` against `first`."""
    found = [Section("compare-runs", "Runs", _runs(first, second))]
    before = {branch.name: branch for branch in first.branches}
    after = {branch.name: branch for branch in second.branches}
    for name in dict.fromkeys((*after, *before)):
        anchor = f"compare-{name.lower()}"
        if name not in before or name not in after:
            text = f"Only the {'second' if name in after else 'first'} run has this branch."
            found.append(Section(anchor, name, blocks.notice("info", text)))
            continue
        one, two = before[name], after[name]
        parts: dict[str, Callable[[Branch, Branch], Markup | None]] = {
            "metrics": _metrics,
            "thresholds": _thresholds,
            "settings and code": _settings,
            "data": _data,
            "findings": _findings,
            "time": _times,
        }
        for what, make in parts.items():
            section = guarded(f"{anchor}-{what.split()[0]}", f"{name}: {what}", partial(make, one, two))
            found += [section] if section else []
    return found


def metric_changes(first: dict[str, Any], second: dict[str, Any]) -> list[MetricChange]:
    """The metrics of all rows of two BlessingReports, those that differ first, those with a threshold before others."""
    thresholds = [*second.get("thresholds", []), *first.get("thresholds", [])]
    one, two = (report.get("metrics", {}).get("", {}) for report in (first, second))
    changes = [
        _metric_change(name, one.get(name), two.get(name), thresholds, first.get("intervals", {}).get(name))
        for name in dict.fromkeys((*two, *one))
        if name != "example_count"
    ]
    judged = {threshold["metric"] for threshold in thresholds}
    return sorted(changes, key=lambda change: (not change.difference, change.name not in judged))


def changed_settings(first: Branch, second: Branch) -> list[tuple[str, str, str]]:
    """(dotted name, value in the first, value in the second) of the parameters of nodes that differ."""
    one, two = settings(first), settings(second)
    return [
        (name, one.get(name, _MISSING), two.get(name, _MISSING))
        for name in dict.fromkeys((*one, *two))
        if one.get(name) != two.get(name)
    ]


def settings(branch: Branch) -> dict[str, str]:
    """Dotted name -> value of all parameters of a branch's nodes, JSON taken apart."""
    found: dict[str, str] = {}
    for node in branch.nodes:
        for name, value in node.parameters.items():
            if name not in _NOT_SETTINGS and name not in _SAID_ELSEWHERE:
                short = node.id.removeprefix(branch.name)
                found.update(_flat(f"{short}.{name}", _parsed(value)))
    return found


def finding_changes(
    first: Iterable[dict[str, Any]], second: Iterable[dict[str, Any]]
) -> list[tuple[str, dict[str, Any] | None, dict[str, Any] | None]]:
    """(name, in the first, in the second) of findings: new ones, gone ones, others that differ, then the same."""
    one, two = ({finding["name"]: finding for finding in findings} for findings in (first, second))
    found = [(name, one.get(name), two.get(name)) for name in dict.fromkeys((*two, *one))]
    return sorted(found, key=lambda change: (change[1] is not None, change[2] is not None, _same(change[1], change[2])))


def _metric_change(
    name: str, first: float | None, second: float | None, thresholds: list[dict[str, Any]], interval: list[float] | None
) -> MetricChange:
    better = beyond = None
    way = direction(name, thresholds)
    if first is not None and second is not None:
        if way and abs(second - first) > _ROUNDING:
            better = (second > first) == (way == "at_least")
        if interval and None not in interval:
            beyond = not interval[0] <= second <= interval[1]
    return MetricChange(name, first, second, better, beyond)


def _runs(first: Run, second: Run) -> Markup:
    runs = (first, second)
    names = [branch.name for branch in second.branches]
    rows: list[list[str | Cell]] = [
        ["Run", *(Cell(run.overview.id, href=run_address(run.overview.id)) for run in runs)],
        ["Started", *(f"{run.overview.started:%d %b %Y, %H:%M:%S} UTC" for run in runs)],
        ["State", *(state_cell(run.overview) for run in runs)],
        ["Time of its nodes", *(blocks.seconds(run.overview.seconds) for run in runs)],
    ]
    for name in names:
        branches = [next((branch for branch in run.branches if branch.name == name), None) for run in runs]
        rows.append([f"Pushed, {name}", *(pushed_cell(branch) if branch else _MISSING for branch in branches)])
    return blocks.table(["", "First", "Second"], rows, caption="Differences are second minus first.", numbers_from=9)


def _metrics(first: Branch, second: Branch) -> Markup | None:
    one, two = (
        read_json(branch.output("emotion_ai.BlessingReport"), "blessing.json") or {} for branch in (first, second)
    )
    changes = metric_changes(one, two)
    if not changes:
        return None
    other_data = None
    if _fingerprint(first) != _fingerprint(second):
        other_data = blocks.notice("warning", "The runs read different data, so that these are metrics of other rows.")
    judged = {threshold["metric"] for threshold in (*one.get("thresholds", []), *two.get("thresholds", []))}
    rows = {change.name: _metric_row(change) for change in changes}
    important = [row for name, row in rows.items() if name in judged] or list(rows.values())
    others = [row for name, row in rows.items() if name not in judged]
    head = ["Metric", "First", "Second", "Difference", "The second is"]
    return blocks.join(
        other_data,
        blocks.table(head, important, caption="Metrics that are judged" if judged else ""),
        blocks.details(f"{len(others)} other metrics", blocks.table(head, others)) if judged and others else None,
    )


def _metric_row(change: MetricChange) -> list[str | Cell]:
    row: list[str | Cell] = [readable(change.name), blocks.number(change.first), blocks.number(change.second)]
    difference = change.difference
    row.append(_MISSING if difference is None else f"{difference:+.4f}")
    if difference is None:
        return [*row, _MISSING]
    if change.better is None:
        return [*row, "the same" if abs(difference) <= _ROUNDING else "different"]
    word, kind = ("better", "good") if change.better else ("worse", "bad")
    if change.beyond_chance is False:
        # So small a difference comes with other test rows alone.
        return [*row, Cell(f"{word}, within the first's 95 % interval")]
    verdict: Kind = "good" if kind == "good" else "bad"
    return [*row, Cell(word, verdict)]


def _thresholds(first: Branch, second: Branch) -> Markup | None:
    one, two = ({_threshold_name(t): t for t in _threshold_list(branch)} for branch in (first, second))
    names = list(dict.fromkeys((*two, *one)))
    if not names:
        return None
    rows: dict[str, list[str | Cell]] = {
        name: [name, *(cell for of_run in (one, two) for cell in _threshold_cells(of_run.get(name)))] for name in names
    }
    differ = [name for name in names if _asked(one.get(name)) != _asked(two.get(name))]
    head = ["Threshold", "Asked for, first", "Kept", "Asked for, second", "Kept"]
    same = [rows[name] for name in names if name not in differ]
    return blocks.join(
        blocks.table(head, [rows[name] for name in differ], caption="Different limits or verdicts")
        if differ
        else blocks.paragraph("The same limits, and the same verdicts."),
        blocks.details(f"{len(same)} the same", blocks.table(head, same)) if same else None,
    )


def _threshold_list(branch: Branch) -> list[dict[str, Any]]:
    report = read_json(branch.output("emotion_ai.BlessingReport"), "blessing.json") or {}
    found: list[dict[str, Any]] = report.get("thresholds", [])
    return found


def _threshold_name(threshold: dict[str, Any]) -> str:
    against = ", against the last blessed" if threshold["kind"] == "change" else ""
    return f"{readable(threshold['metric'])}, {threshold['slice'].replace('_', ' ') or 'all rows'}{against}"


def _threshold_cells(threshold: dict[str, Any] | None) -> list[Cell]:
    if threshold is None:
        return [Cell(_MISSING), Cell(_MISSING)]
    kinds: dict[str, Kind] = {"passed": "good", "failed": "bad"}
    return [Cell(_asked(threshold)[0]), Cell(threshold["state"], kinds.get(threshold["state"]))]


def _asked(threshold: dict[str, Any] | None) -> tuple[str, str]:
    """What is asked for, and how it ended."""
    if threshold is None:
        return "", ""
    if threshold["kind"] == "change":
        return f"no worse by more than {-threshold['bound']:g}", threshold["state"]
    return f"{'≥' if threshold['direction'] == 'at_least' else '≤'} {threshold['bound']:g}", threshold["state"]


def _settings(first: Branch, second: Branch) -> Markup:
    changed = changed_settings(first, second)
    if not changed:
        return blocks.paragraph("The same settings, and the same code.")
    rows = [[name, *(_shortened(without_folders(value)) for value in values)] for name, *values in changed]
    return blocks.table(["Setting", "First", "Second"], rows, numbers_from=9)


def _data(first: Branch, second: Branch) -> Markup | None:
    one, two = row_counts(first), row_counts(second)
    names = list(dict.fromkeys((*two, *one)))
    prints = [_fingerprint(branch) for branch in (first, second)]
    if not names and not any(prints):
        return None
    rows: list[list[str | Cell]] = [
        [name, blocks.number(one.get(name)), blocks.number(two.get(name)), _difference(one.get(name), two.get(name))]
        for name in sorted(names, key=lambda name: one.get(name) == two.get(name))
    ]
    same = Cell("the same", "good") if prints[0] == prints[1] else Cell("different", "warning")
    shown = ", ".join(text[:_SHORT_FINGERPRINT] or "unknown" for text in prints)
    counts = blocks.table(["Rows", "First", "Second", "Difference"], rows) if rows else None
    return blocks.join(
        blocks.facts([("Data", same), ("Fingerprints", shown)]),
        blocks.details("The same row counts", counts) if one == two and counts else counts,
    )


def _findings(first: Branch, second: Branch) -> Markup | None:
    artifacts = [branch.output("emotion_ai.Findings") for branch in (first, second)]
    if None in artifacts:
        return None
    changes = finding_changes(*(_read_findings(artifact) for artifact in artifacts))
    if not changes:
        return blocks.paragraph("Neither run has found anything.")
    rows: list[list[str | Cell]] = []
    for name, one, two in changes:
        if one is None:
            what = Cell("new", "bad" if two and two["severity"] == "error" and not two["waived"] else "warning")
        elif two is None:
            what = Cell("gone", "good")
        else:
            what = Cell("the same" if _same(one, two) else "changed")
        rows.append([name, what, *(_finding_words(finding) for finding in (one, two))])
    return blocks.table(["Finding", "", "First", "Second"], rows, numbers_from=9)


def _read_findings(artifact: Artifact | None) -> list[dict[str, Any]]:
    content = read_bytes(artifact, "findings.jsonl") or b""
    return [json.loads(line) for line in content.splitlines()]


def _finding_words(finding: dict[str, Any] | None) -> str:
    if finding is None:
        return _MISSING
    rows = f", {finding['count']:,} row{'' if finding['count'] == 1 else 's'}" if finding["count"] else ""
    return f"{finding['severity']}{rows}{', waived' if finding['waived'] else ''}"


def _same(first: dict[str, Any] | None, second: dict[str, Any] | None) -> bool:
    keys = ("severity", "count", "waived")
    return bool(first and second and all(first[key] == second[key] for key in keys))


def _times(first: Branch, second: Branch) -> Markup:
    one, two = ({node.id: node for node in branch.nodes} for branch in (first, second))

    def change(name: str) -> float:
        pair = [of_run[name].seconds if name in of_run else None for of_run in (one, two)]
        return -abs((pair[1] or 0) - (pair[0] or 0))

    rows: list[list[str | Cell]] = []
    for name in sorted(dict.fromkeys((*two, *one)), key=change):
        nodes = [one.get(name), two.get(name)]
        times = [node.seconds if node else None for node in nodes]
        rows.append([name, *(_time(node) for node in nodes), _difference(times[0], times[1])])
    return blocks.table(["Node", "First", "Second", "Difference"], rows, caption="The largest difference first.")


def _time(node: Node | None) -> str:
    return f"{MARKS[node.state]} {node.state}, {blocks.seconds(node.seconds)}" if node else _MISSING


def _difference(first: float | None, second: float | None) -> str:
    if first is None or second is None:
        return _MISSING
    difference = second - first
    # Rounded first, and with 0 instead of -0: '-0.0 s' is nothing.
    return f"{difference:+,}" if isinstance(difference, int) else f"{round(difference, 1) + 0.0:+,.1f} s"


def _fingerprint(branch: Branch) -> str:
    found = [node.parameters["data_fingerprint"] for node in branch.nodes if "data_fingerprint" in node.parameters]
    return str(found[0]) if found else ""


def _parsed(value: Any) -> Any:
    """JSON objects as such; everything else as it is."""
    if not (isinstance(value, str) and value.startswith("{")):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


def _flat(name: str, value: Any) -> dict[str, str]:
    if isinstance(value, dict):
        return {key: text for part, item in value.items() for key, text in _flat(f"{name}.{part}", item).items()}
    return {name: str(value)}


def _shortened(text: str) -> str:
    if _FINGERPRINT.fullmatch(text):
        return text[:_SHORT_FINGERPRINT]
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]} …"
