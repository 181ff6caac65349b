"""What comes before a run and before a schedule: the package is checked, uploaded, and has an experiment."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TextIO

from components.errors import InputError
from pipeline.on_kubeflow import kubernetes_names as names
from pipeline.on_kubeflow.package import Package, read_package
from pipeline.on_kubeflow.submission.parameters import run_parameters
from pipeline.on_kubeflow.submission.server import Server, Version
from pipeline.on_kubeflow.submission.target import Target, check_target, connect
from pipeline.on_kubeflow.submission.variants import version_name, without_cache, write_upload

_LONGEST_NAME = 100
_STORES = ("minio://", "s3://", "gs://")


@dataclasses.dataclass(frozen=True)
class Job:
    """What shall run.

    Attributes:
      package: file that `emotion-ai compile` has written.
      pipeline: name at the server; "": the package's.
      experiment: name of the experiment; "": the pipeline's name.
      name: of the run or of the schedule; "": made from the pipeline's.
      parameters: each NAME=VALUE.
      data_version: value of the parameter of that name; "": another one for each run.
      pipeline_root: bucket and folder for artifacts, minio://, s3:// or gs://; "": the server's own.
      service_account: of the containers; "": the server's choice.
      caching: whether nodes may take results of earlier runs.
    """

    package: Path
    pipeline: str = ""
    experiment: str = ""
    name: str = ""
    parameters: tuple[str, ...] = ()
    data_version: str = ""
    pipeline_root: str = ""
    service_account: str = ""
    caching: bool = True


@dataclasses.dataclass(frozen=True)
class Prepared:
    """What a run or a schedule is started with.

    Attributes:
      server: to start it at.
      host: its address.
      package: what was uploaded.
      pipeline: its name at the server.
      body: fields that the API wants of both.
    """

    server: Server
    host: str
    package: Package
    pipeline: str
    body: dict[str, Any]


def utc_now() -> str:
    """The time, to the second."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


@contextmanager
def prepared(target: Target, job: Job, default_data_version: str, terminal: TextIO) -> Iterator[Prepared]:
    """Within the context the server holds the package's version and the experiment.

    Args:
      target: the server.
      job: what shall run.
      default_data_version: where the job names none.
      terminal: is told what is done.

    Raises:
      InputError: the package, a parameter, the host or the token cannot be used; nothing has been sent then.
      ExplainedError: the server cannot be reached, or refuses.
    """
    check_target(target)
    _check_names(job)
    package = read_package(job.package)
    if package.job is not None:
        raise InputError(f"{job.package}: a PipelineJob of Vertex AI. Compile to a file named .yaml.")
    parameters = run_parameters(package, job.parameters, job.data_version, default_data_version)
    if not job.caching:
        package = without_cache(package)
    pipeline = job.pipeline or str(package.spec["pipelineInfo"]["name"])
    # Versions have longer names, for which the server's database has limits; paths of the API hold names.
    if len(pipeline) > _LONGEST_NAME or "/" in pipeline:
        raise InputError(f"--pipeline {pipeline}: expected a name of {_LONGEST_NAME} characters at most, without '/'.")
    with connect(target, terminal) as connection:
        connection.check_package(package)
        server = Server(connection, target.namespace)
        if target.namespace and not server.namespace:
            terminal.write("--namespace is not used: this Kubeflow Pipelines has one user.\n")
        version = _uploaded(server, package, job.caching, pipeline)
        state = "uploaded" if version.is_new else "there already"
        terminal.write(f"Pipeline {pipeline}, version {version_name(package, pipeline)}: {state}\n")
        experiment = job.experiment or pipeline
        experiment_id, is_new = server.experiment(experiment)
        terminal.write(f"Experiment {experiment}: {'made' if is_new else 'there already'}\n")
        runtime: dict[str, Any] = {"parameters": parameters}
        if job.pipeline_root:
            runtime["pipeline_root"] = job.pipeline_root
        body: dict[str, Any] = {
            "experiment_id": experiment_id,
            "pipeline_version_reference": version.as_reference(),
            "runtime_config": runtime,
        }
        if job.service_account:
            body["service_account"] = job.service_account
        yield Prepared(server, connection.host, package, pipeline, body)


def _check_names(job: Job) -> None:
    if job.pipeline_root and not job.pipeline_root.startswith(_STORES):
        raise InputError(f"--pipeline-root {job.pipeline_root}: expected one that begins with {', '.join(_STORES)}.")
    if job.service_account and not names.OBJECT.fits(job.service_account):
        raise InputError(f"--service-account {job.service_account}: expected {names.OBJECT.words}.")


def _uploaded(server: Server, package: Package, caching: bool, pipeline: str) -> Version:
    with tempfile.TemporaryDirectory() as folder:
        file = write_upload(package, caching, Path(folder))
        return server.upload(pipeline, version_name(package, pipeline), file)
