"""Shows the findings of the last run: a table, and pictures of the rows."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

from rich.markup import escape
from rich.table import Table

from components import findings
from components.errors import InputError
from components.face_csv_example_gen.executor import QUARANTINE_FILE
from components.findings import Finding
from pipeline.finding_sheets import write_sheets
from pipeline.last_run import artifact_uris
from pipeline.terminal import new_console
from pipeline.workspace import Workspace

_SHOWN_ROWS = 8
_COLOURS = {findings.ERROR: "red", findings.WARNING: "yellow", findings.INFO: "cyan"}


def show_findings(workspace: Workspace, pictures: Path | None, terminal: TextIO) -> None:
    """Prints what the last run found, and writes a picture for each finding with rows.

    Args:
      workspace: of the run.
      pictures: folder for the pictures; None for none.
      terminal: to print to.

    Raises:
      InputError: there is no run yet, or it found nothing out because it stopped before.
    """
    console = new_console(terminal)
    uris = artifact_uris(workspace.metadata_file, findings.Findings.TYPE_NAME)
    if not uris:
        raise InputError(f"{workspace.root}: the last run stopped before it looked at the data; see its log.")
    for uri in uris:
        found, summary = findings.read(uri)
        stops = " (stops the branch)" if summary["stops"] else ""
        console.print(f"[bold]{summary['data_set']}[/]: {findings.describe_counts(summary)}{stops}")
        if found:
            console.print(_table(summary["data_set"], found))
        if any(finding.name in ("bad_rows", "too_many_bad_rows") for finding in found):
            console.print(f"quarantine: {summary['examples']}/{QUARANTINE_FILE}", soft_wrap=True)
        if pictures:
            for path in write_sheets(found, summary, pictures):
                console.print(f"picture: {path}", soft_wrap=True)
        console.print()


def _table(data_set: str, found: list[Finding]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_edge=False)
    table.add_column("severity", no_wrap=True)
    table.add_column("finding", no_wrap=True)
    table.add_column("rows", no_wrap=True, justify="right")
    table.add_column("what, and what to do", overflow="fold")
    for finding in found:
        severity = "waived" if finding.waived else finding.severity
        text = escape(f"{finding.message}.")
        if finding.rows:
            more = ", ..." if finding.count > _SHOWN_ROWS else ""
            text += f"\n[dim]rows {', '.join(map(str, finding.rows[:_SHOWN_ROWS]))}{more}[/]"
        text += f"\n[dim]{escape(f'Waived by {finding.waived}' if finding.waived else finding.remedy)}[/]"
        colour = "dim" if finding.waived else _COLOURS[finding.severity]
        count = f"{finding.count:,}" if finding.count else ""
        table.add_row(f"[{colour}]{severity}[/]", escape(f"{data_set}/{finding.name}"), count, text)
    return table
