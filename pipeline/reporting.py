"""The report of a run, as a file."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

from ml_metadata.proto import metadata_store_pb2

from components.errors import InputError
from dashboard.report import render_report
from dashboard.runs import UnknownRunError, list_runs, open_store, read_run
from pipeline.output_files import written_whole


def write_report(
    connection: metadata_store_pb2.ConnectionConfig, run_id: str | None, out: Path, terminal: TextIO
) -> None:
    """Writes a run's page and says where it is.

    Args:
      connection: of ML Metadata.
      run_id: name of the run; None for the last one.
      out: the file to write; it appears whole or not at all.
      terminal: for what people should see.

    Raises:
      InputError: there is no such run, or the file cannot be written.
    """
    store = open_store(connection)
    runs = list_runs(store)
    if not runs:
        raise InputError("There is no run yet. Run `emotion-ai run`, or check --workspace.")
    try:
        run = read_run(store, run_id or runs[0].id)
    except UnknownRunError as error:
        raise InputError(str(error)) from None
    with written_whole(out) as file:
        file.write(render_report(run))
    terminal.write(f"Report of run {run.overview.id}: {out} ({out.stat().st_size / 1e6:.1f} MB)\n")
