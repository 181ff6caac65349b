"""The command `emotion-ai`."""

from __future__ import annotations

import sys
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Optional

import typer

from components.errors import InputError
from pipeline import kubeflow_commands, report_commands, serving_commands
from pipeline.commands import WorkspaceOption, explained, logged
from pipeline.config import Settings, load_settings
from pipeline.workspace import Workspace

app = typer.Typer(
    name="emotion-ai",
    no_args_is_help=True,
    add_completion=False,
    help="TFX pipeline for facial keypoints and facial emotion.",
)


@app.command()
def run(
    keypoints_csv: Annotated[
        Optional[Path], typer.Option(help="Kaggle's training.csv (.gz, .zip too). Default: drawn faces.")
    ] = None,
    emotions_csv: Annotated[
        Optional[Path],
        typer.Option(help="Kaggle's icml_face_data.csv or fer2013.csv (.gz, .zip too). Default: drawn faces."),
    ] = None,
    emotion_coding: Annotated[
        Optional[str],
        typer.Option(help="What the emotion labels mean: auto, fer2013 (0..6) or five (relabelled 0..4)."),
    ] = None,
    split: Annotated[
        Optional[str],
        typer.Option(help="Split of the emotions: hash (60/20/20 by the pixels) or usage (the Usage column)."),
    ] = None,
    preset: Annotated[
        Optional[str], typer.Option(help="How much to train: quick, standard (10 minutes a model) or best (an hour).")
    ] = None,
    config: Annotated[
        Optional[Path], typer.Option(help="YAML file with the settings that differ from the default.")
    ] = None,
    workspace: WorkspaceOption = Path(),
) -> None:
    """Runs the whole pipeline: two CSV files in, two blessed models in models/NAME/VERSION/ out.

    Without arguments it draws its own data. Exits with 0 only where both models were blessed and pushed.
    """
    started = time.monotonic()
    options = {
        "keypoints_csv": keypoints_csv,
        "emotions_csv": emotions_csv,
        "emotion_coding": emotion_coding,
        "split": split,
    }
    with explained():
        settings = load_settings(config, options, preset)
        _check_files(settings)
        succeeded = _run(settings, Workspace(workspace.resolve()), started)
    raise typer.Exit(0 if succeeded else 1)


@app.command()
def findings(
    workspace: WorkspaceOption = Path(),
    pictures: Annotated[
        Optional[Path], typer.Option(help="Folder that gets a picture of the faces of each finding.")
    ] = None,
) -> None:
    """Shows what the last run found wrong with the data, worst first, with row numbers to look at."""
    place = Workspace(workspace.resolve())
    with explained(), logged(place, "findings", needs=place.metadata_file) as (terminal, _):
        from pipeline.findings_view import show_findings

        show_findings(place, pictures, terminal)


@app.command()
def rollback(
    name: Annotated[str, typer.Argument(help="Model: facial_keypoints or emotion_ai.")],
    why: Annotated[str, typer.Option(help="Reason, for the record.")],
    who: Annotated[Optional[str], typer.Option(help="Who decided it. Default: the login name.")] = None,
    workspace: WorkspaceOption = Path(),
) -> None:
    """Withdraws the newest version of a model, so that the one before it is served again."""
    place = Workspace(workspace.resolve())
    with explained(), logged(place, "rollback", needs=place.models) as (terminal, _):
        from pipeline.rollback import roll_back

        roll_back(place, name, why, who, terminal)


@app.command()
def blessing(workspace: WorkspaceOption = Path()) -> None:
    """Shows why the last run's models were blessed, or were not, and which rows to look at."""
    place = Workspace(workspace.resolve())
    with explained(), logged(place, "blessing", needs=place.metadata_file) as (terminal, _):
        from pipeline.blessing_view import show_blessings

        show_blessings(place, terminal)


@app.command()
def score(
    csv: Annotated[Path, typer.Option(help="Faces in Kaggle's format (.gz, .zip too); labels may be missing.")],
    out: Annotated[Path, typer.Option(help="CSV file to write.")],
    model: Annotated[str, typer.Option(help="emotion_ai or facial_keypoints.")] = "emotion_ai",
    version: Annotated[Optional[int], typer.Option(help="Of the model. Default: the newest.")] = None,
    workspace: WorkspaceOption = Path(),
) -> None:
    """Writes what a pushed model says of every face in a CSV file."""
    place = Workspace(workspace.resolve())
    with explained():
        # Before the slow imports.
        if not csv.is_file():
            raise InputError(f"{csv}: no such file. Check --csv.")
        if out.resolve() == csv.resolve():
            raise InputError(f"{out}: must not be overwritten. Name another file with --out.")
        with logged(place, "score", needs=place.models) as (terminal, _):
            from pipeline.scoring import score_csv

            score_csv(csv, model, version, out, place, terminal)


def _check_files(settings: Settings) -> None:
    """Finds missing files before the slow imports."""
    for flag, path in (
        ("--keypoints-csv", settings.data.keypoints_csv),
        ("--emotions-csv", settings.data.emotions_csv),
    ):
        if path is not None and not path.is_file():
            raise InputError(f"{path}: no such file. Check {flag}.")


def _run(settings: Settings, workspace: Workspace, started: float) -> bool:
    run_id = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%fZ")
    with logged(workspace, run_id) as (terminal, log_file):
        terminal.write(f"emotion-ai run {run_id}, log: {log_file}\n")
        from pipeline.local_run import run_locally

        return run_locally(settings, workspace, run_id, terminal, log_file, started)


app.add_typer(report_commands.app)
app.add_typer(serving_commands.app)
app.add_typer(kubeflow_commands.app)


def main() -> None:
    """Entry point of the console command."""
    # TFX hands the command line of the process to Beam, which knows none of our options.
    arguments, sys.argv[1:] = sys.argv[1:], []
    app(arguments)


if __name__ == "__main__":
    main()
