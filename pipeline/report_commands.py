"""The commands that show runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Optional, TextIO

import typer
from ml_metadata.proto import metadata_store_pb2

from dashboard.connection import connection_config
from pipeline.commands import WorkspaceOption, explained, logged
from pipeline.workspace import Workspace

app = typer.Typer()

_Metadata = Annotated[
    Optional[str],
    typer.Option(help="SQLite file, or mysql:// or postgresql:// address, of ML Metadata. Default: the workspace's."),
]


@app.command()
def report(
    run_id: Annotated[Optional[str], typer.Argument(metavar="[RUN]", help="Its name. Default: the last run.")] = None,
    out: Annotated[Path, typer.Option(help="HTML file to write.")] = Path("report.html"),
    metadata: _Metadata = None,
    workspace: WorkspaceOption = Path(),
) -> None:
    """Writes all that there is to see of a run, of a stopped one too, as one page that needs nothing else."""
    with _reading("report", metadata, workspace) as (connection, terminal):
        from pipeline.reporting import write_report

        write_report(connection, run_id, out, terminal)


@app.command()
def dashboard(
    port: Annotated[int, typer.Option(help="To listen on.")] = 8600,
    host: Annotated[
        str, typer.Option(help="Address to listen on. The pages show faces, and have no login.")
    ] = "127.0.0.1",
    metadata: _Metadata = None,
    workspace: WorkspaceOption = Path(),
) -> None:
    """Shows all runs in the browser, also those that are running, until Ctrl-C."""
    with _reading("dashboard", metadata, workspace) as (connection, terminal):
        from dashboard.server import serve

        serve(connection, host, port, say=lambda text: terminal.write(f"{text}\n"))


@contextmanager
def _reading(
    name: str, metadata: str | None, workspace: Path
) -> Iterator[tuple[metadata_store_pb2.ConnectionConfig, TextIO]]:
    """Within the context a command reads ML Metadata: yields the connection, and a stream to the terminal."""
    place = Workspace(workspace.resolve())
    with explained():
        connection = connection_config(metadata or str(place.metadata_file))
        with logged(place, name) as (terminal, _):
            yield connection, terminal
