"""The command `emotion-ai`."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Optional, TextIO

import typer

from components.errors import ExplainedError, InputError
from pipeline.config import Settings, load_settings
from pipeline.workspace import Workspace
from serving.errors import StatusError, UsageError

app = typer.Typer(
    name="emotion-ai",
    no_args_is_help=True,
    add_completion=False,
    help="TFX pipeline for facial keypoints and facial emotion.",
)

_Workspace = Annotated[Path, typer.Option(help="Folder with artifacts/ and models/.")]


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
    config: Annotated[
        Optional[Path], typer.Option(help="YAML file with the settings that differ from the default.")
    ] = None,
    workspace: _Workspace = Path(),
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
    with _explained():
        settings = load_settings(config, options)
        _check_files(settings)
        succeeded = _run(settings, Workspace(workspace.resolve()), started)
    raise typer.Exit(0 if succeeded else 1)


@app.command()
def findings(
    workspace: _Workspace = Path(),
    pictures: Annotated[
        Optional[Path], typer.Option(help="Folder that gets a picture of the faces of each finding.")
    ] = None,
) -> None:
    """Shows what the last run found wrong with the data, worst first, with row numbers to look at."""
    place = Workspace(workspace.resolve())
    with _explained(), _logged(place, "findings", needs=place.metadata_file) as (terminal, _):
        from pipeline.findings_view import show_findings

        show_findings(place, pictures, terminal)


@app.command()
def rollback(
    name: Annotated[str, typer.Argument(help="Model: facial_keypoints or emotion_ai.")],
    why: Annotated[str, typer.Option(help="Reason, for the record.")],
    who: Annotated[Optional[str], typer.Option(help="Who decided it. Default: the login name.")] = None,
    workspace: _Workspace = Path(),
) -> None:
    """Withdraws the newest version of a model, so that the one before it is served again."""
    place = Workspace(workspace.resolve())
    with _explained(), _logged(place, "rollback", needs=place.models) as (terminal, _):
        from pipeline.rollback import roll_back

        roll_back(place, name, why, who, terminal)


@app.command()
def blessing(workspace: _Workspace = Path()) -> None:
    """Shows why the last run's models were blessed, or were not, and which rows to look at."""
    place = Workspace(workspace.resolve())
    with _explained(), _logged(place, "blessing", needs=place.metadata_file) as (terminal, _):
        from pipeline.blessing_view import show_blessings

        show_blessings(place, terminal)


@app.command()
def score(
    csv: Annotated[Path, typer.Option(help="Faces in Kaggle's format (.gz, .zip too); labels may be missing.")],
    out: Annotated[Path, typer.Option(help="CSV file to write.")],
    model: Annotated[str, typer.Option(help="emotion_ai or facial_keypoints.")] = "emotion_ai",
    version: Annotated[Optional[int], typer.Option(help="Of the model. Default: the newest.")] = None,
    workspace: _Workspace = Path(),
) -> None:
    """Writes what a pushed model says of every face in a CSV file."""
    place = Workspace(workspace.resolve())
    with _explained():
        # Before the slow imports.
        if not csv.is_file():
            raise InputError(f"{csv}: no such file. Check --csv.")
        if out.is_dir() or out.resolve() == csv.resolve():
            raise InputError(f"{out}: must not be overwritten. Name another file with --out.")
        with _logged(place, "score", needs=place.models) as (terminal, _):
            from pipeline.scoring import score_csv

            score_csv(csv, model, version, out, place, terminal)


@app.command("serving-config")
def serving_config(
    out: Annotated[Path, typer.Option(help="File to write.")] = Path("serving_config/models.config"),
    base_path: Annotated[str, typer.Option(help="The models' folder as the server sees it.")] = "/models",
    stable: Annotated[
        Optional[list[str]],
        typer.Option(help="MODEL=VERSION that gets the label `stable`. Default: the one before the newest."),
    ] = None,
    workspace: _Workspace = Path(),
) -> None:
    """Writes TensorFlow Serving's models.config, with the labels `stable` and `canary` of the versions there are."""
    from serving.config.render import write_models_config

    models = workspace.resolve() / "models"
    with _explained():
        _check_pushed(models)
        typer.echo(write_models_config(out, models, base_path, _pinned(stable or [])), nl=False)
        typer.echo(f"# written to {out}")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def serve(
    context: typer.Context,
    port: Annotated[int, typer.Option(help="For gRPC.")] = 8500,
    rest_api_port: Annotated[int, typer.Option(help="For REST, and the demo page.")] = 8501,
    host: Annotated[str, typer.Option(help="Address that the local server listens on.")] = "127.0.0.1",
    stable: Annotated[
        Optional[list[str]],
        typer.Option(help="MODEL=VERSION that gets the label `stable`. Default: the one before the newest."),
    ] = None,
    workspace: _Workspace = Path(),
) -> None:
    """Serves both models over REST and gRPC, newly pushed versions included, until Ctrl-C.

    By tensorflow_model_server where it is on the PATH or TF_MODEL_SERVER names it, else by a local stand-in with the
    same contract. Other flags of tensorflow_model_server, like --file_system_poll_wait_seconds=5, are passed on.
    """
    from serving.config.render import write_models_config
    from serving.launch import launch

    models = workspace.resolve() / "models"
    with _explained():
        _check_pushed(models)
        config = models / ".serve.config"
        write_models_config(config, models, str(models), _pinned(stable or []))
        started = launch(config, host, port, rest_api_port, context.args)
        if started.notice:
            typer.echo(started.notice)
        try:
            os.execv(started.command[0], started.command)
        except OSError as error:
            raise ExplainedError(
                f"{started.command[0]}: cannot be started ({error.strerror}). Check TF_MODEL_SERVER."
            ) from None


@app.command()
def predict(
    photos: Annotated[list[Path], typer.Argument(help="PNG or JPEG files: photos with faces, or crops of one face.")],
    rest: Annotated[str, typer.Option(help="A server's REST address.")] = "http://127.0.0.1:8501",
    grpc: Annotated[Optional[str], typer.Option(help="HOST:PORT of its gRPC address, to be asked instead.")] = None,
    out: Annotated[Optional[Path], typer.Option(help="Folder for the drawn photos. Default: beside each.")] = None,
    version: Annotated[Optional[int], typer.Option(help="Of both models. Default: the newest.")] = None,
    label: Annotated[Optional[str], typer.Option(help="Of a version of both models: stable or canary.")] = None,
) -> None:
    """Finds the faces in photos, asks a running server about them, and writes the photos with the answers drawn in.

    Start a server with `emotion-ai serve` first. Exits with 0 only where each photo had a face that was answered.
    """
    with _explained():
        try:
            succeeded = _predict(photos, rest, grpc, out, version, label)
        except StatusError as error:
            where = grpc or rest
            raise ExplainedError(
                f"{where}: {error.message}. Check that `emotion-ai serve` runs there, or name another server with "
                f"--rest or --grpc."
            ) from None
    raise typer.Exit(0 if succeeded else 1)


def _predict(
    photos: list[Path], rest: str, grpc: str | None, out: Path | None, version: int | None, label: str | None
) -> bool:
    from pipeline.logs import output_to_log
    from serving.client.grpc_client import GrpcClient
    from serving.client.rest_client import RestClient
    from serving.photos.predict import predict_photos

    # The protos for gRPC come with TensorFlow, which has much to say.
    with output_to_log(Path(os.devnull)) as terminal, GrpcClient(grpc) if grpc else RestClient(rest) as client:
        return predict_photos(photos, client, out, terminal, version=version, label=label)


def _check_pushed(models: Path) -> None:
    if not models.exists():
        raise InputError(f"{models}: not there yet. Run `emotion-ai run`, or check --workspace.")


def _pinned(stable: list[str]) -> dict[str, int]:
    """`--stable MODEL=VERSION` by model."""
    pinned = {}
    for text in stable:
        name, _, version = text.partition("=")
        if not (version.isascii() and version.isdigit()):
            raise InputError(f"--stable {text}: no MODEL=VERSION. Write it like emotion_ai=1795369299.")
        pinned[name] = int(version)
    return pinned


@contextmanager
def _explained() -> Iterator[None]:
    """Within the context, our own errors and Ctrl-C end the command in one line."""
    try:
        yield
    except (ExplainedError, UsageError) as error:
        typer.echo(f"emotion-ai: {error}", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        typer.echo(
            "emotion-ai: interrupted; give the same command again (a run goes on from the last finished node).",
            err=True,
        )
        raise typer.Exit(130) from None


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
    with _logged(workspace, run_id) as (terminal, log_file):
        terminal.write(f"emotion-ai run {run_id}, log: {log_file}\n")
        from pipeline.local_run import run_locally

        return run_locally(settings, workspace, run_id, terminal, log_file, started)


@contextmanager
def _logged(workspace: Workspace, name: str, needs: Path | None = None) -> Iterator[tuple[TextIO, Path]]:
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
        except (ExplainedError, KeyboardInterrupt):
            raise
        except Exception as error:
            logging.getLogger(__name__).exception("%s failed", name)
            raise ExplainedError(f"unexpected {type(error).__name__}: {error}. Details: {log_file}") from error


def main() -> None:
    """Entry point of the console command."""
    # TFX hands the command line of the process to Beam, which knows none of our options.
    arguments, sys.argv[1:] = sys.argv[1:], []
    app(arguments)


if __name__ == "__main__":
    main()
