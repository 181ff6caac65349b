"""A run as a whole: how it went, its DAG, its nodes."""

from __future__ import annotations

import dataclasses
from typing import Any

from markupsafe import Markup

from dashboard import blocks, dag
from dashboard.blocks import ENVIRONMENT, Cell, Kind, Section
from dashboard.paths import within_root, without_folders
from dashboard.runs import Artifact, Branch, Node, NodeState, Overview, Run, RunState

MARKS: dict[NodeState, str] = {
    "done": "✓",
    "cached": "↺",
    "failed": "✗",
    "skipped": "–",
    "running": "▶",
    "waiting": "…",
}
_KINDS: dict[RunState, Kind] = {"succeeded": "good", "failed": "bad", "running": "info", "interrupted": "warning"}
_LONGEST_PARAMETER = 2000


@dataclasses.dataclass(frozen=True)
class Put:
    """An artifact in the table: name of the input or output, type, folder below the pipeline root."""

    name: str
    type: str
    place: str


@dataclasses.dataclass(frozen=True)
class Row:
    """A node in the table; `share` is its time's of the longest one."""

    node: Node
    time: str
    share: float
    message: str
    inputs: tuple[Put, ...]
    outputs: tuple[Put, ...]
    parameters: tuple[tuple[str, str], ...]


def overview(run: Run) -> list[Section]:
    """The sections on the run itself."""
    of_run = blocks.join(
        *(blocks.notice("bad", f"{node.id}: {without_folders(node.message)}") for node in run.nodes if node.message),
        blocks.figures(
            [
                ("State", state_cell(run.overview)),
                ("Time of its nodes", blocks.seconds(node_seconds(run))),
                ("Nodes", counts_in_words(run.overview.counts)),
                *((f"Pushed, {branch.name}", pushed_cell(branch)) for branch in run.branches),
            ]
        ),
        blocks.facts([("Started", f"{run.overview.started:%d %B %Y, %H:%M:%S} UTC"), ("Name", run.overview.id)]),
    )
    nodes = blocks.join(
        _dag(run),
        blocks.paragraph(
            "A line stands for what a node waits for; lines that follow from others are left out. "
            "A node leads to its row below."
        ),
        _table(run),
    )
    return [Section("run-overview", "Overview", of_run), Section("run-nodes", "Nodes", nodes)]


def state_cell(run: Overview) -> Cell:
    """The state of a run, marked."""
    return Cell(run.state, _KINDS[run.state])


def node_seconds(run: Run) -> float | None:
    """The time of all nodes that have ended, as far as somebody has written it down."""
    if run.overview.seconds is not None:
        return run.overview.seconds
    known = [node.seconds for node in run.nodes if node.seconds is not None]
    return sum(known) if known else None


def counts_in_words(counts: dict[str, int]) -> str:
    """'20 done, 1 failed', in the order in which states are listed everywhere."""
    return ", ".join(f"{counts[state]} {state}" for state in MARKS if counts.get(state)) or "–"


def pushed_cell(branch: Branch) -> Cell:
    """The version that a branch has pushed, or why there is none."""
    pushed = branch.output("PushedModel")
    if pushed:
        return push_cell(pushed, why_not_pushed(branch))
    failed = next((node for node in branch.nodes if node.state == "failed"), None)
    if failed:
        return Cell(f"no: {failed.id.removeprefix(branch.name)} failed", "bad")
    return Cell("not yet" if any(node.state in ("running", "waiting") for node in branch.nodes) else "–")


def push_cell(pushed: Artifact, why_not: str = "") -> Cell:
    """What a PushedModel says of the push."""
    if not pushed.properties.get("pushed"):
        return Cell(f"no{f': {why_not}' if why_not else ''}", "bad")
    again = " (was there already)" if pushed.properties.get("unchanged") else ""
    return Cell(f"{pushed.properties.get('pushed_version', '')}{again}", "good")


def why_not_pushed(branch: Branch) -> str:
    """Why a Pusher has pushed nothing; '' where nobody knows."""
    pushed = branch.output("PushedModel")
    reason = pushed.properties.get("not_pushed_because") if pushed else None
    if reason:
        return without_folders(str(reason))
    for artifact_type, words in (("ModelBlessing", "not blessed"), ("InfraBlessing", "not fit to be served")):
        blessing = branch.output(artifact_type)
        if blessing and not blessing.properties.get("blessed"):
            return words
    return ""


def parameters_of(node: Node) -> dict[str, str]:
    """A node's parameters as text for a page."""
    return {name: without_folders(_text(value)) for name, value in sorted(node.parameters.items())}


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _dag(run: Run) -> Markup:
    durations = {node.id: blocks.seconds(node.seconds) for node in run.nodes}
    return _macro("dag", dag.draw(run.branches), MARKS, "The nodes and what they wait for", durations)


def _table(run: Run) -> Markup:
    longest = max((node.seconds or 0 for node in run.nodes), default=0) or 1
    rows = [
        Row(
            node,
            blocks.seconds(node.seconds),
            (node.seconds or 0) / longest,
            without_folders(node.message),
            _puts(node.inputs),
            _puts(node.outputs),
            tuple((name, _shortened(text)) for name, text in parameters_of(node).items()),
        )
        for branch in run.branches
        for node in branch.nodes
    ]
    return _macro("nodes", rows, MARKS)


def _puts(artifacts: dict[str, tuple[Artifact, ...]]) -> tuple[Put, ...]:
    return tuple(
        Put(name, artifact.type, within_root(artifact.uri))
        for name in sorted(artifacts)
        for artifact in artifacts[name]
    )


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_PARAMETER else f"{text[:_LONGEST_PARAMETER]} … ({len(text):,} characters)"


def _macro(name: str, *values: Any) -> Markup:
    return Markup(getattr(ENVIRONMENT.get_template("run.html.j2").module, name)(*values))
