"""Why a model is blessed and pushed, or is not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from markupsafe import Markup

from dashboard import blocks
from dashboard.absence import absent
from dashboard.blocks import Cell, Kind, Section
from dashboard.evaluated import flat, interval_text
from dashboard.files import read_json
from dashboard.metrics import readable
from dashboard.paths import within_root, without_folders
from dashboard.runs import Artifact, Branch

_CHANGE = "change"
_FAILED, _NOT_JUDGED = "failed", "not judged"
_KINDS: dict[str, Kind] = {"passed": "good", "failed": "bad"}
# Measurements of ServableCheck: key in its report, name, unit, parameter of the node with the limit.
_MEASUREMENTS = (
    ("first_request_ms", "First request after the warm-up", "ms", "max_first_request_ms"),
    ("median_ms", "Median request", "ms", "max_median_ms"),
    ("memory_mb", "Memory", "MB", "max_memory_mb"),
)


def sections(branch: Branch) -> list[Section]:
    """The verdicts on the branch's model so far, or why there is none."""
    section_id, title = f"{branch.name.lower()}-blessing", f"{branch.name}: blessing and push"
    report = read_json(branch.output("emotion_ai.BlessingReport"), "blessing.json")
    checked = read_json(branch.output("InfraBlessing"), "servable_check.json")
    pushed = branch.output("PushedModel")
    card = branch.output("emotion_ai.ModelCard")
    if report is None:
        missing = absent(branch, "BlessingGen")
        return [Section(section_id, title, missing)] if missing else []
    body = blocks.join(
        blocks.figures(_headline(report, checked, pushed)),
        *(blocks.notice("bad", reason) for reason in reasons(report, checked, pushed)),
        _thresholds(report),
        _servable(branch, checked) if checked else absent(branch, "ServableCheck"),
        _push(pushed) if pushed else absent(branch, "Pusher"),
        (_card(card) or absent(branch, "ModelCardGen")) if card else None,
    )
    return [Section(section_id, title, body)]


def reasons(report: dict[str, Any], checked: dict[str, Any] | None = None, pushed: Artifact | None = None) -> list[str]:
    """What keeps the model from being served, in sentences; empty where nothing does."""
    found = [_sentence(threshold) for threshold in report["thresholds"] if threshold["state"] == _FAILED]
    if not report["blessed"] and not found:
        found.append("The Evaluator did not bless the model, though it keeps every threshold here.")
    if checked:
        found += [f"Not servable: {without_folders(reason)}" for reason in checked["reasons"]]
    if pushed and pushed.properties.get("not_pushed_because"):
        found.append(f"Not pushed: {without_folders(pushed.properties['not_pushed_because'])}")
    return found


def worst_first(thresholds: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sorted: failed ones, then by margin where there is one, then those that were not judged."""
    order = {_FAILED: 0, "passed": 1, _NOT_JUDGED: 2}
    return sorted(thresholds, key=lambda t: (order.get(t["state"], 1), t["margin"] is None, t["margin"] or 0.0))


def _sentence(threshold: dict[str, Any]) -> str:
    where = f"in the slice {threshold['slice']}" if threshold["slice"] else "over all rows"
    value = blocks.number(threshold["value"])
    if threshold["kind"] == _CHANGE:
        return (
            f"{readable(threshold['metric'])} {where} is {value}; the last blessed model has "
            f"{blocks.number(threshold['baseline'])}, and it may be worse by {-threshold['bound']:g} at most."
        )
    return f"{readable(threshold['metric'])} {where} is {value}, and must be {_asked(threshold)}."


def _asked(threshold: dict[str, Any]) -> str:
    if threshold["kind"] == _CHANGE:
        return f"no worse by more than {-threshold['bound']:g}"
    return f"{'≥' if threshold['direction'] == 'at_least' else '≤'} {threshold['bound']:g}"


def _headline(
    report: dict[str, Any], checked: dict[str, Any] | None, pushed: Artifact | None
) -> list[tuple[str, str | Cell]]:
    judged = [threshold for threshold in report["thresholds"] if threshold["state"] != _NOT_JUDGED]
    kept = sum(threshold["state"] != _FAILED for threshold in judged)
    skipped = len(report["thresholds"]) - len(judged)
    note = f"{kept} of {len(judged)} thresholds kept" + (f", {skipped} not judged" if skipped else "")
    figures: list[tuple[str, str | Cell]] = [("Evaluation", _verdict(report["blessed"], "blessed", note))]
    if checked:
        passed = sum(check["passed"] for check in checked["checks"])
        note = f"{passed} of {len(checked['checks'])} checks passed"
        figures.append(("TensorFlow Serving", _verdict(checked["passed"], "servable", note)))
    if pushed:
        figures.append(("Push", _pushed_cell(pushed)))
    return figures


def _verdict(good: bool, word: str, note: str) -> Cell:
    return Cell(word if good else f"not {word}", "good" if good else "bad", note=note)


def _pushed_cell(pushed: Artifact) -> Cell:
    if not pushed.properties.get("pushed"):
        return Cell("not pushed", "bad")
    version = f"version {pushed.properties.get('pushed_version', '')}"
    if pushed.properties.get("unchanged"):
        return Cell("already served", "good", note=f"{version} is this very model")
    return Cell("pushed", "good", note=version)


def _thresholds(report: dict[str, Any]) -> Markup:
    of_all = [threshold for threshold in report["thresholds"] if not threshold["slice"]]
    of_slices = [threshold for threshold in report["thresholds"] if threshold["slice"]]
    version = report["baseline_version"]
    if version is None:
        against = "No model has been blessed before, so that there are no changes to judge."
    else:
        against = f"Changes are against version {version}, the last blessed model, on the same rows."
    return blocks.join(
        blocks.heading("Thresholds"),
        blocks.paragraph(
            f"{against} The margin says by how much a threshold is kept; below 0 it is not. "
            "The interval is of the value, or of the change for the better."
        ),
        _threshold_table(of_all, "All rows"),
        _of_slices(of_slices) if of_slices else None,
    )


def _of_slices(thresholds: Sequence[dict[str, Any]]) -> Markup:
    """Dozens of rows; the evaluation has a picture of them. Open where one of them is why."""
    table = _threshold_table(thresholds, "Slices")
    if any(threshold["state"] == _FAILED for threshold in thresholds):
        return table
    return blocks.details(f"All {len(thresholds)} thresholds of slices; none has failed", table)


def _threshold_table(thresholds: Sequence[dict[str, Any]], caption: str) -> Markup:
    rows: list[list[str | Cell]] = [
        [
            ", ".join(part for part in (readable(threshold["metric"]), threshold["slice"].replace("_", " ")) if part),
            Cell(threshold["state"], _KINDS.get(threshold["state"]), note=threshold["note"]),
            blocks.number(threshold["value"]),
            _asked(threshold),
            blocks.number(threshold["baseline"]),
            "–" if threshold["margin"] is None else f"{threshold['margin']:+.4f}",
            interval_text(threshold["interval"]),
            f"{threshold['examples']:,}",
        ]
        for threshold in worst_first(thresholds)
    ]
    head = ["Threshold", "State", "Value", "Asked for", "Last blessed", "Margin", "95 % interval", "Rows"]
    return blocks.table(head, rows, caption=f"{caption}, failed ones first", numbers_from=2)


def _servable(branch: Branch, checked: dict[str, Any]) -> Markup:
    node = branch.node("ServableCheck")
    limits = node.parameters if node else {}
    measured: list[tuple[str, str | Cell]] = []
    for key, name, unit, limit in _MEASUREMENTS:
        if checked.get(key) is not None:
            note = f"{float(limits[limit]):g} {unit} are allowed" if limit in limits else ""
            measured.append((name, Cell(f"{checked[key]:.1f} {unit}", note=note)))
    checks = sorted(checked["checks"], key=lambda check: bool(check["passed"]))
    rows = [
        [
            check["name"],
            Cell("passed", "good") if check["passed"] else Cell("failed", "bad"),
            without_folders(check["detail"]),
        ]
        for check in checks
    ]
    table = blocks.table(["Check", "State", "What was found"], rows, caption="Failed ones first", numbers_from=3)
    return blocks.join(
        blocks.heading("Servable?"),
        blocks.paragraph("A clean process has loaded the model as TensorFlow Serving does, and asked it."),
        blocks.facts(measured) if measured else None,
        blocks.details(f"All {len(rows)} checks", table) if checked["passed"] else table,
    )


def _push(pushed: Artifact) -> Markup:
    properties = pushed.properties
    pairs: list[tuple[str, str | Cell]] = [("Outcome", _pushed_cell(pushed))]
    if properties.get("pushed"):
        # Model and version; the folders above are the machine's.
        where = "/".join(str(properties.get("pushed_destination", "")).rstrip("/").split("/")[-2:])
        pairs.append(("Folder below the served models", where))
    elif properties.get("not_pushed_because"):
        pairs.append(("Why not", without_folders(properties["not_pushed_because"])))
    else:
        pairs.append(("Why not", "Only a model that is blessed and servable is pushed."))
    return blocks.join(blocks.heading("Push"), blocks.facts(pairs))


def _card(card: Artifact) -> Markup | None:
    facts = read_json(card, "model_card.json")
    if facts is None:
        return None
    environment = ", ".join(f"{name} {version}" for name, version in facts["environment"].items())
    settings = flat(facts["settings"])
    return blocks.join(
        blocks.heading("Model card"),
        blocks.facts(
            [
                ("Commit", facts["commit"] or "–"),
                ("Environment", environment),
                ("Fingerprint of the data", facts["data"]["fingerprint"]),
                ("The whole card", f"{within_root(card.uri)}/model_card.html"),
            ]
        ),
        blocks.details("Settings", blocks.facts(settings)),
    )
