"""The commands around Kubeflow Pipelines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Optional, TextIO

import typer

from components.errors import InputError
from pipeline.commands import WorkspaceOption, explained, logged
from pipeline.on_kubeflow.submission import schedule as schedules
from pipeline.on_kubeflow.submission import submit as runs
from pipeline.on_kubeflow.submission.preparation import Job
from pipeline.on_kubeflow.submission.target import Target
from pipeline.workspace import Workspace

app = typer.Typer()

_Host = Annotated[str, typer.Option(help="Address of Kubeflow Pipelines: of its API or of its page.")]
_TokenFile = Annotated[
    Optional[Path], typer.Option(help="File with a bearer token. Default: the environment variable KFP_TOKEN.")
]
_CaFile = Annotated[Optional[Path], typer.Option(help="Certificates to trust instead of the usual ones.")]
_Namespace = Annotated[str, typer.Option(help="Of your profile, where Kubeflow has several users.")]
_Pipeline = Annotated[str, typer.Option(help="Name of the pipeline at the server. Default: the package's.")]
_Experiment = Annotated[str, typer.Option(help="Made where it is missing. Default: the pipeline's name.")]
_Name = Annotated[str, typer.Option(help="Of the run or schedule. Default: the pipeline's and, of a run, the time.")]
_Parameters = Annotated[
    Optional[list[str]], typer.Option("--parameter", help="NAME=VALUE of a run-time parameter; may be repeated.")
]
_DataVersion = Annotated[
    str, typer.Option(help="Another text whenever the CSV files have changed. Default: another one for each run.")
]
_PipelineRoot = Annotated[
    str, typer.Option(help="Where artifacts go, say minio://bucket/folder. Default: the server's.")
]
_ServiceAccount = Annotated[str, typer.Option(help="Of the containers. Default: the server's choice.")]
_Cache = Annotated[bool, typer.Option(help="Whether nodes may take results of earlier runs.")]

_Package = Annotated[Path, typer.Argument(metavar="PACKAGE", help="YAML file that `emotion-ai compile` has written.")]
_AnyPackage = Annotated[Path, typer.Argument(metavar="PACKAGE", help="File that TFX, KFP or we have compiled.")]


@app.command("compile")
def compile_(
    out: Annotated[Path, typer.Option(help="YAML file to write.")] = Path("emotion-ai.yaml"),
    config: Annotated[
        Optional[Path], typer.Option(help="YAML file with the settings that differ from the default.")
    ] = None,
    platform: Annotated[
        Optional[Path], typer.Option(help="YAML file with what differs from kubeflow/platform.yaml.")
    ] = None,
    image: Annotated[Optional[str], typer.Option(help="Container image. Default: the platform file's.")] = None,
    workspace: WorkspaceOption = Path(),
) -> None:
    """Writes the pipeline as a package for open-source Kubeflow Pipelines 2."""
    place = Workspace(workspace.resolve())
    with explained():
        if out.suffix not in (".yaml", ".yml"):
            raise InputError(f"{out}: Kubeflow takes packages named .yaml. Name another file with --out.")
        with logged(place, "compile") as (terminal, _):
            from pipeline.card_facts import commit
            from pipeline.config import load_settings
            from pipeline.kubeflow_runner import compile_package

            package = compile_package(load_settings(config, {}), platform, image, commit(), out)
            parameters = package.root["inputDefinitions"]["parameters"]
            required = [name for name, field in sorted(parameters.items()) if "defaultValue" not in field]
            terminal.write(
                f"{out}: {len(package.components)} nodes, {package.size / 1e3:.0f} kB\n"
                f"image: {next(iter(package.executors.values()))['container']['image']}\n"
                f"parameters with defaults: {', '.join(sorted(parameters.keys() - set(required)))}\n"
                f"to be given with each run: {', '.join(required)}\n"
                f"next: emotion-ai doctor {out}, emotion-ai submit {out} --host URL\n"
            )


@app.command()
def doctor(package: _AnyPackage, workspace: WorkspaceOption = Path()) -> None:
    """Checks a package, anybody's, against what open-source Kubeflow Pipelines really does.

    Exits with 0 where there is no error; there may be warnings.
    """
    with _logged("doctor", workspace) as terminal:
        from pipeline.on_kubeflow.doctor.report import show_problems

        healthy = show_problems(package, terminal)
    raise typer.Exit(0 if healthy else 1)


@app.command()
def submit(
    package: _Package,
    host: _Host,
    token_file: _TokenFile = None,
    ca_file: _CaFile = None,
    namespace: _Namespace = "",
    pipeline: _Pipeline = "",
    experiment: _Experiment = "",
    name: _Name = "",
    parameter: _Parameters = None,
    data_version: _DataVersion = "",
    pipeline_root: _PipelineRoot = "",
    service_account: _ServiceAccount = "",
    cache: _Cache = True,
    wait: Annotated[
        bool, typer.Option("--wait", help="Come back when the run has ended; 0 only if it succeeded.")
    ] = False,
    timeout: Annotated[
        Optional[float], typer.Option(min=0, help="Seconds to wait at most; the run goes on then.")
    ] = None,
    workspace: WorkspaceOption = Path(),
) -> None:
    """Uploads a package to Kubeflow Pipelines where it is not there yet, and starts a run of it."""
    job = Job(
        package=package,
        pipeline=pipeline,
        experiment=experiment,
        name=name,
        parameters=tuple(parameter or ()),
        data_version=data_version,
        pipeline_root=pipeline_root,
        service_account=service_account,
        caching=cache,
    )
    with _logged("submit", workspace) as terminal:
        if timeout is not None and not wait:
            raise InputError("--timeout: says how long to --wait, which is missing.")
        runs.submit(Target(host, token_file, ca_file, namespace), job, terminal, wait, timeout)


@app.command()
def schedule(
    package: _Package,
    host: _Host,
    cron: Annotated[str, typer.Option(help="Cron expression of five or six fields, by the cluster's clock.")] = "",
    every: Annotated[str, typer.Option(help="Interval such as 12h, instead of --cron.")] = "",
    start: Annotated[str, typer.Option(help="Earliest time, ISO 8601. Default: now.")] = "",
    end: Annotated[str, typer.Option(help="Time after which no run starts. Default: never.")] = "",
    at_once: Annotated[int, typer.Option(help="How many runs may be under way at a time.")] = 1,
    catch_up: Annotated[bool, typer.Option("--catch-up", help="Make up for missed runs, one by one.")] = False,
    disabled: Annotated[bool, typer.Option("--disabled", help="Make it, but let it rest.")] = False,
    token_file: _TokenFile = None,
    ca_file: _CaFile = None,
    namespace: _Namespace = "",
    pipeline: _Pipeline = "",
    experiment: _Experiment = "",
    name: _Name = "",
    parameter: _Parameters = None,
    data_version: _DataVersion = "",
    pipeline_root: _PipelineRoot = "",
    service_account: _ServiceAccount = "",
    cache: _Cache = True,
    workspace: WorkspaceOption = Path(),
) -> None:
    """Lets a package run again and again; a schedule of the same name is replaced."""
    job = Job(
        package=package,
        pipeline=pipeline,
        experiment=experiment,
        name=name,
        parameters=tuple(parameter or ()),
        data_version=data_version,
        pipeline_root=pipeline_root,
        service_account=service_account,
        caching=cache,
    )
    timing = schedules.Timing(
        cron=cron, every=every, start=start, end=end, at_once=at_once, catch_up=catch_up, enabled=not disabled
    )
    with _logged("schedule", workspace) as terminal:
        schedules.schedule(Target(host, token_file, ca_file, namespace), job, timing, terminal)


@app.command()
def unschedule(
    name: Annotated[str, typer.Argument(help="Of the schedule.")],
    host: _Host,
    token_file: _TokenFile = None,
    ca_file: _CaFile = None,
    namespace: _Namespace = "",
    workspace: WorkspaceOption = Path(),
) -> None:
    """Ends a schedule; runs that it has started go on."""
    with _logged("unschedule", workspace) as terminal:
        schedules.unschedule(Target(host, token_file, ca_file, namespace), name, terminal)


@contextmanager
def _logged(name: str, workspace: Path) -> Iterator[TextIO]:
    with explained(), logged(Workspace(workspace.resolve()), name) as (terminal, _):
        yield terminal
