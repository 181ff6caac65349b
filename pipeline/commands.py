"""What all commands share: their common option, and how they end."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TextIO

import typer

from components.errors import ExplainedError, InputError
from dashboard import errors as dashboard_errors
from pipeline.workspace import Workspace
from serving import errors as serving_errors

WorkspaceOption = Annotated[Path, typer.Option(help="Folder with artifacts/ and models/.")]

_EXPLAINED = (ExplainedError, dashboard_errors.UsageError, serving_errors.UsageError)


@contextmanager
def explained() -> Iterator[None]:
    """Within the context, our own errors and Ctrl-C end the command in one line."""
    try:
        yield
    except _EXPLAINED as error:
        typer.echo(f"emotion-ai: {error}", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        typer.echo(
            "emotion-ai: interrupted; give the same command again (a run goes on from the last finished node).",
            err=True,
        )
        raise typer.Exit(130) from None


@contextmanager
def logged(workspace: Workspace, name: str, needs: Path | None = None) -> Iterator[tuple[TextIO, Path]]:
    """Within the context, library output goes to a log file; so does an unexpected error, which is then explained.

    Args:
      workspace: whose logs folder gets the file.
      name: of the file.
      needs: what an earlier run must have left.

    Yields:
      A stream to the terminal, and the log file.
    """
    if needs and not needs.exists():
        raise InputError(f"{needs}: not there yet. Run `emotion-ai run`, or check --workspace.")
    # Only what the message of a wrong call needs is imported before this.
    from pipeline.logs import output_to_log

    log_file = workspace.logs / f"{name}.log"
    try:
        workspace.logs.mkdir(parents=True, exist_ok=True)
        log_file.touch()
    except OSError as error:
        raise InputError(f"{workspace.root}: cannot be written ({error.strerror}). Check --workspace.") from None
    with output_to_log(log_file) as terminal:
        try:
            yield terminal, log_file
        except (*_EXPLAINED, KeyboardInterrupt):
            raise
        except Exception as error:
            logging.getLogger(__name__).exception("%s failed", name)
            raise ExplainedError(f"unexpected {type(error).__name__}: {error}. Details: {log_file}") from error
