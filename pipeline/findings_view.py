"""Shows the findings of the last run: a table, and pictures of the rows."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

from ml_metadata import MetadataStore
from ml_metadata.proto import metadata_store_pb2
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from components import findings
from components.errors import InputError
from components.findings import Finding
from pipeline.finding_sheets import write_sheets
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
    console = Console(file=terminal, highlight=False, width=None if terminal.isatty() else 130)
    uris = last_findings_uris(workspace.metadata_file)
    if not uris:
        raise InputError(f"{workspace.root}: the last run stopped before it looked at the data; see its log.")
    for uri in uris:
        found, summary = findings.read(uri)
        stops = " (stops the branch)" if summary["stops"] else ""
        console.print(f"[bold]{summary['data_set']}[/]: {findings.describe_counts(summary)}{stops}")
        if found:
            console.print(_table(summary["data_set"], found))
        if pictures:
            for path in write_sheets(found, summary, pictures):
                console.print(f"picture: {path}", soft_wrap=True)
        console.print()


def last_findings_uris(metadata_file: Path) -> list[str]:
    """Folders of the Findings of the last run in an SQLite file of ML Metadata, in the order of the data sets.

    Raises:
      InputError: there is no run in it.
    """
    connection = metadata_store_pb2.ConnectionConfig()
    connection.sqlite.filename_uri = str(metadata_file)
    connection.sqlite.connection_mode = metadata_store_pb2.SqliteMetadataSourceConfig.READONLY
    store = MetadataStore(connection)
    runs = store.get_contexts_by_type("pipeline_run")
    if not runs:
        raise InputError(f"{metadata_file}: no run in it yet. Run `emotion-ai run`.")
    last = max(runs, key=lambda run: run.create_time_since_epoch)
    types = {artifact_type.id: artifact_type.name for artifact_type in store.get_artifact_types()}
    artifacts = store.get_artifacts_by_context(last.id)
    return sorted(a.uri for a in artifacts if types[a.type_id] == findings.Findings.TYPE_NAME)


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
