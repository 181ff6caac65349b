"""What there is at a server of Kubeflow Pipelines, and what is added to it."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from components.errors import InputError
from pipeline.on_kubeflow.submission.connection import Connection, RefusedError

_EXPERIMENTS = "ExperimentServiceApi"
_PIPELINES = "PipelineServiceApi"
_UPLOADS = "PipelineUploadServiceApi"
_RUNS = "RunServiceApi"
_SCHEDULES = "RecurringRunServiceApi"


@dataclasses.dataclass(frozen=True)
class Version:
    """A version of a pipeline.

    Attributes:
      pipeline_id: of the pipeline.
      version_id: of the version.
      is_new: it was uploaded just now.
    """

    pipeline_id: str
    version_id: str
    is_new: bool

    def as_reference(self) -> dict[str, str]:
        """How runs name it."""
        return {"pipeline_id": self.pipeline_id, "pipeline_version_id": self.version_id}


class Server:
    """The API, for one namespace."""

    def __init__(self, connection: Connection, namespace: str) -> None:
        """Asks the server what it is.

        Args:
          connection: to it.
          namespace: of --namespace, "" where it was not given.

        Raises:
          InputError: the server wants a namespace.
          RefusedError: it is no Kubeflow Pipelines of version 2.
        """
        self._connection = connection
        try:
            health = connection.ask("HealthzServiceApi", "healthz_service_get_healthz")
        except RefusedError as error:
            if error.status != 404:
                raise
            raise RefusedError(
                f"{connection.host}: has no API of Kubeflow Pipelines 2 (no /apis/v2beta1). Check --host: with "
                "Kubeflow's own page it ends in /pipeline. Kubeflow Pipelines 1 cannot run this.",
                404,
            ) from None
        if health.get("multi_user") and not namespace:
            raise InputError("--namespace is missing: this Kubeflow has several users. Give that of your profile.")
        #: "" where Kubeflow Pipelines has one user: such a server refuses every namespace.
        self.namespace = namespace if health.get("multi_user") else ""

    def upload(self, pipeline: str, version: str, file: Path) -> Version:
        """Makes a version of a pipeline where there is none of that name; the pipeline, too.

        Args:
          pipeline: its name.
          version: its name, which stands for the content.
          file: a package, named .yaml.
        """
        pipeline_id = self._pipeline(pipeline)
        found = self._version(pipeline_id, version) if pipeline_id else None
        if pipeline_id and found:
            return Version(pipeline_id, found, is_new=False)
        is_new_pipeline = pipeline_id is None
        if pipeline_id is None:
            pipeline_id = self._new_pipeline(pipeline)
        try:
            uploaded = self._connection.tell(
                _UPLOADS, "upload_pipeline_version", uploadfile=str(file), name=version, pipelineid=pipeline_id
            )
        except RefusedError as error:
            other = self._version(pipeline_id, version) if error.status == 409 else None
            if other:
                # Someone else has uploaded the same in the meantime.
                return Version(pipeline_id, other, is_new=False)
            if is_new_pipeline:
                # Nobody wants a pipeline without a version.
                self._connection.tell(_PIPELINES, "pipeline_service_delete_pipeline", pipeline_id=pipeline_id)
            raise
        return Version(pipeline_id, uploaded["pipeline_version_id"], is_new=True)

    def experiment(self, name: str) -> tuple[str, bool]:
        """Id of the experiment of a name, and whether it was made just now."""
        found = self._experiment(name)
        if found:
            return found, False
        try:
            body = {"display_name": name, **self._in_namespace()}
            made = self._connection.tell(_EXPERIMENTS, "experiment_service_create_experiment", experiment=body)
        except RefusedError as error:
            found = self._experiment(name) if error.status == 409 else None
            if not found:
                raise
            return found, False
        return made["experiment_id"], True

    def start_run(self, body: dict[str, Any]) -> str:
        """Id of a new run."""
        run: dict[str, Any] = self._connection.tell(_RUNS, "run_service_create_run", run=body)
        return str(run["run_id"])

    def run(self, run_id: str) -> dict[str, Any]:
        """A run as it is now."""
        return self._connection.ask(_RUNS, "run_service_get_run", run_id=run_id)

    def schedules(self, name: str) -> list[str]:
        """Ids of the recurring runs of a name."""
        pages = self._pages(
            _SCHEDULES, "recurring_run_service_list_recurring_runs", filter=_named(name), **self._in_namespace()
        )
        return [
            schedule["recurring_run_id"]
            for page in pages
            for schedule in page.get("recurringRuns", [])
            if schedule.get("display_name") == name
        ]

    def add_schedule(self, body: dict[str, Any]) -> str:
        """Id of a new recurring run."""
        made = self._connection.tell(_SCHEDULES, "recurring_run_service_create_recurring_run", recurring_run=body)
        return str(made["recurring_run_id"])

    def remove_schedule(self, schedule_id: str) -> None:
        """Ends a recurring run; the runs that it has started stay."""
        self._connection.tell(_SCHEDULES, "recurring_run_service_delete_recurring_run", recurring_run_id=schedule_id)

    def _in_namespace(self) -> dict[str, str]:
        return {"namespace": self.namespace} if self.namespace else {}

    def _pipeline(self, name: str) -> str | None:
        try:
            found = self._connection.ask(
                _PIPELINES, "pipeline_service_get_pipeline_by_name", name=name, **self._in_namespace()
            )
        except RefusedError as error:
            if error.status == 404:
                return None
            raise
        return str(found["pipeline_id"])

    def _new_pipeline(self, name: str) -> str:
        # Releases before 2.14 know no `name`; later ones take the displayed one for it.
        body = {"display_name": name, **self._in_namespace()}
        made = self._connection.tell(_PIPELINES, "pipeline_service_create_pipeline", pipeline=body)
        return str(made["pipeline_id"])

    def _version(self, pipeline_id: str, name: str) -> str | None:
        pages = self._pages(
            _PIPELINES, "pipeline_service_list_pipeline_versions", pipeline_id=pipeline_id, filter=_named(name)
        )
        for page in pages:
            for version in page.get("pipeline_versions", []):
                if version.get("display_name") == name:
                    return str(version["pipeline_version_id"])
        return None

    def _experiment(self, name: str) -> str | None:
        pages = self._pages(
            _EXPERIMENTS, "experiment_service_list_experiments", filter=_named(name), **self._in_namespace()
        )
        for page in pages:
            for experiment in page.get("experiments", []):
                if experiment.get("display_name") == name:
                    if experiment.get("storage_state") == "ARCHIVED":
                        raise InputError(f"{name}: this experiment is archived. Restore it, or choose --experiment.")
                    return str(experiment["experiment_id"])
        return None

    def _pages(self, service: str, method: str, **arguments: Any) -> Iterator[dict[str, Any]]:
        token = ""
        while True:
            more = {"page_token": token} if token else {}
            page = self._connection.ask(service, method, **arguments, **more)
            yield page
            token = page.get("next_page_token", "")
            if not token:
                return


def _named(name: str) -> str:
    """The filter for what is shown under a name; the server decodes it a second time."""
    predicate = {"operation": "EQUALS", "key": "display_name", "string_value": name}
    return quote(json.dumps({"predicates": [predicate]}))
