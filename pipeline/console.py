"""What a person sees of a run: a line for each node, training by epoch, and the summary."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import TextIO

from rich.markup import escape
from rich.status import Status
from rich.table import Table

from components import findings
from components.blessing.judging import FAILED
from pipeline.blessing_view import describe_failure, metrics_table
from pipeline.local_runner import NodeRun
from pipeline.summary import BranchSummary
from pipeline.terminal import new_console, simple_table

_MARKS = {"done": "[green]✓[/]", "cached": "[cyan]=[/]", "failed": "[red]✗[/]", "skipped": "[dim]-[/]"}


class RunConsole(logging.Handler):
    """Observer of a run, and handler of its progress messages."""

    def __init__(self, terminal: TextIO, log_file: Path) -> None:
        super().__init__()
        self.console = new_console(terminal)
        self._log_file = log_file
        self._status: Status | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Shows a progress message under the node that is running."""
        self.say(f"[dim]    {escape(record.getMessage())}[/]")

    def say(self, text: str) -> None:
        """Prints a line of Rich markup."""
        self.console.print(text, soft_wrap=True)

    def step(self, name: str) -> None:
        """Shows that something is going on, until `end_step`."""
        if self.console.is_terminal:
            self._status = self.console.status(name)
            self._status.start()

    def end_step(self) -> None:
        """Ends what `step` began."""
        if self._status:
            self._status.stop()
            self._status = None

    def node_started(self, node_id: str) -> None:
        """Shows the node as running."""
        self.step(node_id)

    def node_ended(self, run: NodeRun) -> None:
        """Prints the node's line."""
        self.end_step()
        note = {"cached": "cached", "skipped": "skipped"}.get(run.state, "")
        self.say(f"{_MARKS[run.state]} {run.node_id:<26} {run.seconds:7.1f} s  [dim]{note}[/]")
        if run.message:
            self.say(f"[red]{escape(run.message)}[/]")

    def summarise(self, branches: list[BranchSummary], runs: dict[str, NodeRun], started: float) -> None:
        """Prints the summary of the run."""
        for branch in branches:
            self.say("")
            self.say(f"[bold]{branch.task.model_name}[/]")
            for line in _describe(branch):
                self.say(f"  {line}")
            if branch.report:
                self.console.print(metrics_table(branch.report, branch.task.metrics))
            if branch.confusion:
                self.console.print(_confusion_table(branch))
        states = [run.state for run in runs.values()]
        counts = ", ".join(f"{states.count(state)} {state}" for state in _MARKS if state in states)
        self.say("")
        self.say(f"{len(states)} nodes: {counts}; {time.monotonic() - started:.0f} s. Log: {self._log_file}")
        if all(branch.unchanged for branch in branches):
            self.say("Nothing has changed since the last push: nothing new was pushed.")


def _describe(branch: BranchSummary) -> list[str]:
    lines = []
    counts = branch.row_counts
    if counts:
        left_out = [f"{key.split(':')[1]} {n:,}" for key, n in counts.items() if key.startswith("left_out:")]
        classes = [f"{key.split(':')[1]} {n:,}" for key, n in counts.items() if key.startswith("class:")]
        lines.append(
            f"rows: {counts['read']:,} read; train {counts['train']:,}, eval {counts['eval']:,}, "
            f"test {counts['test']:,}; left out {counts['left_out']:,}"
            + (f" ({', '.join(left_out)})" if left_out else "")
        )
        if classes:
            lines.append(f"classes: {', '.join(classes)}")
    if counts and counts["bad"]:
        lines.append(f"[yellow]quarantine: {counts['bad']:,} of {counts['read']:,} rows could not be used[/]")
    if branch.findings:
        lines.append(f"findings in the data: {findings.describe_counts(branch.findings)}")
    if branch.report is None:
        lines.append("[red]not evaluated[/]: stopped before")
    elif branch.blessed:
        lines.append("[green]blessed[/]")
    else:
        failed = [escape(describe_failure(v)) for v in branch.report["thresholds"] if v["state"] == FAILED]
        reasons = "; ".join(failed or ["the Evaluator refused it; see its validation"])
        lines.append(f"[red]not blessed[/]: {reasons}. `emotion-ai blessing` shows which rows to look at")
    if branch.not_servable:
        lines.append(f"[red]not servable[/]: {escape(' '.join(branch.not_servable))}")
    if branch.not_pushed_because:
        lines.append(f"[red]not pushed[/]: {escape(branch.not_pushed_because)}")
    if branch.pushed_to:
        lines.append(f"{'unchanged, served from' if branch.unchanged else 'pushed to'} {branch.pushed_to}")
    return lines


def _confusion_table(branch: BranchSummary) -> Table:
    """Rows are true classes; the columns what they were taken for, then recall, precision and F1 of the class."""
    assert branch.report
    metrics = branch.report["metrics"][""]
    names = branch.task.class_names
    table = simple_table("true \\ predicted", *names, "precision", "recall", "F1")
    for i, name in enumerate(names):
        counts = [str(branch.confusion.get((i, j), 0)) for j in range(len(names))]
        counts[i] = f"[bold]{counts[i]}[/]"
        scores = [f"{metrics[f'{score}_{name}']:.3f}" for score in ("precision", "recall", "f1")]
        table.add_row(name, *counts, *scores)
    return table
