"""The commands that serve models, and that ask a server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Optional

import typer
from google.rpc import code_pb2

from components.errors import ExplainedError, InputError
from pipeline.commands import WorkspaceOption, explained
from serving.errors import StatusError

app = typer.Typer()

_REST = "http://127.0.0.1:8501"
_Stable = Annotated[
    Optional[list[str]],
    typer.Option(help="MODEL=VERSION that gets the label `stable`. Default: the one before the newest."),
]


@app.command("serving-config")
def serving_config(
    out: Annotated[Path, typer.Option(help="File to write.")] = Path("serving_config/models.config"),
    base_path: Annotated[str, typer.Option(help="The models' folder as the server sees it.")] = "/models",
    stable: _Stable = None,
    workspace: WorkspaceOption = Path(),
) -> None:
    """Writes TensorFlow Serving's models.config, with the labels `stable` and `canary` of the versions there are."""
    from serving.config.render import write_models_config

    models = workspace.resolve() / "models"
    with explained():
        _check_pushed(models)
        typer.echo(write_models_config(out, models, base_path, _pinned(stable or [])), nl=False)
        typer.echo(f"# written to {out}")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def serve(
    context: typer.Context,
    port: Annotated[int, typer.Option(help="For gRPC.")] = 8500,
    rest_api_port: Annotated[int, typer.Option(help="For REST, and the demo page.")] = 8501,
    host: Annotated[str, typer.Option(help="Address that the local server listens on.")] = "127.0.0.1",
    stable: _Stable = None,
    workspace: WorkspaceOption = Path(),
) -> None:
    """Serves both models over REST and gRPC, newly pushed versions included, until Ctrl-C.

    By tensorflow_model_server where it is on the PATH or TF_MODEL_SERVER names it, else by a local stand-in with the
    same contract. Other flags of tensorflow_model_server, like --file_system_poll_wait_seconds=5, are passed on.
    """
    from serving.config.render import write_models_config
    from serving.launch import launch

    models = workspace.resolve() / "models"
    with explained():
        _check_pushed(models)
        config = workspace.resolve() / "artifacts" / "serve.config"
        config.parent.mkdir(parents=True, exist_ok=True)
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
    photos: Annotated[list[Path], typer.Argument(help="PNG, JPEG or WebP files: photos with faces, or crops.")],
    rest: Annotated[Optional[str], typer.Option(help=f"A server's REST address. Default: {_REST}.")] = None,
    grpc: Annotated[Optional[str], typer.Option(help="HOST:PORT of its gRPC address, to be asked instead.")] = None,
    out: Annotated[Optional[Path], typer.Option(help="Folder for the drawn photos. Default: beside each.")] = None,
    version: Annotated[Optional[int], typer.Option(min=1, help="Of both models. Default: the newest.")] = None,
    label: Annotated[Optional[str], typer.Option(help="Of a version of both models: stable or canary.")] = None,
) -> None:
    """Finds the faces in photos, asks a running server about them, and writes the photos with the answers drawn in.

    Start a server with `emotion-ai serve` first. Exits with 0 only where each photo had a face that was answered.
    """
    with explained():
        if rest and grpc:
            raise InputError("--rest and --grpc: both name a server. Give one of them.")
        where = grpc or rest or _REST
        try:
            succeeded = _predict(photos, where, bool(grpc), out, version, label)
        except StatusError as error:
            answered = error.code not in (code_pb2.UNAVAILABLE, code_pb2.DEADLINE_EXCEEDED)
            remedy = (
                "Check --version and --label, and that both models are served there."
                if answered
                else "Check that `emotion-ai serve` runs there, or name another server with --rest or --grpc."
            )
            raise ExplainedError(f"{where}: {error.message.rstrip('.')}. {remedy}") from None
    raise typer.Exit(0 if succeeded else 1)


def _predict(
    photos: list[Path], where: str, by_grpc: bool, out: Path | None, version: int | None, label: str | None
) -> bool:
    from pipeline.logs import output_to_log
    from serving.client.grpc_client import GrpcClient
    from serving.client.rest_client import RestClient
    from serving.photos.predict import predict_photos

    # The protos for gRPC come with TensorFlow, which has much to say.
    with output_to_log(Path(os.devnull)) as terminal, (GrpcClient if by_grpc else RestClient)(where) as client:
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
