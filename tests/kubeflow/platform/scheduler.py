"""Runs a package: the walk through the DAG, retries, and what a run leaves behind.

backend/src/v2/compiler/argocompiler/dag.go (depends: "A.Succeeded && B.Succeeded") and container.go (RetryStrategy). Of
Argo Workflows, workflow/controller/dag.go (assessDAGPhase): failFast or not, a DAG with a failed task goes on as long
as another branch has something that runs, and what has become ready there is started in the same pass.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import shutil
import threading
import time
import uuid
from pathlib import Path
from typing import Any

from google.protobuf import struct_pb2
from kfp.pipeline_spec import pipeline_spec_pb2
from ml_metadata.proto import metadata_store_pb2

from tests.kubeflow.platform.cache import Cache, fingerprint
from tests.kubeflow.platform.containers import Containers, ContainerSpec
from tests.kubeflow.platform.driver import (
    DriverError,
    PendingError,
    Resources,
    claims,
    environment,
    provision_outputs,
    resolve_inputs,
    resources,
)
from tests.kubeflow.platform.launcher import LauncherError, launch
from tests.kubeflow.platform.metadata import MetadataStore, properties
from tests.kubeflow.platform.object_store import STAGED, ObjectStore
from tests.kubeflow.platform.package import Package, submitted_parameters
from tests.kubeflow.platform.release import Release

_AT_ONCE = 2


@dataclasses.dataclass
class TaskRun:
    """What became of a task.

    Attributes:
      state: SUCCEEDED, CACHED, FAILED, SKIPPED (something before it has failed) or PENDING (its container cannot be
        created, and Kubernetes goes on trying).
      exit_code: of the last attempt.
      logs: what the attempts have written.
      message: what Kubeflow says of a failure; the log is the container's own word.
      outputs: output key -> artifact.
      resources: what the container was given.
      seconds: of all attempts, staging included.
    """

    state: str = "SKIPPED"
    exit_code: int | None = None
    logs: list[Path] = dataclasses.field(default_factory=list)
    message: str = ""
    outputs: dict[str, metadata_store_pb2.Artifact] = dataclasses.field(default_factory=dict)
    resources: Resources | None = None
    seconds: float = 0.0

    def metadata(self, output: str) -> dict[str, Any]:
        """An output's metadata, as the UI reads them."""
        return properties(self.outputs[output])

    @property
    def attempts(self) -> int:
        """How often its container was run."""
        return len(self.logs)

    @property
    def log_text(self) -> str:
        """The log of the last attempt; empty where there was none."""
        return self.logs[-1].read_text(errors="replace") if self.logs else ""


@dataclasses.dataclass(frozen=True)
class Run:
    """What became of a run.

    Attributes:
      id: of the run.
      tasks: by key.
      seconds: from submission to the end.
    """

    id: str
    tasks: dict[str, TaskRun]
    seconds: float

    @property
    def state(self) -> str:
        """SUCCEEDED, FAILED, or RUNNING where a container waits for what will never come."""
        states = {task.state for task in self.tasks.values()}
        if "PENDING" in states:
            return "RUNNING"
        return "FAILED" if states & {"FAILED", "SKIPPED"} else "SUCCEEDED"

    def in_state(self, *states: str) -> set[str]:
        """The tasks in one of these states."""
        return {name for name, task in self.tasks.items() if task.state in states}


class Kubeflow:
    """One installation, with its object store, metadata, cache, secrets and volumes."""

    def __init__(
        self,
        folder: Path,
        release: Release,
        containers: Containers,
        volumes: dict[str, Path],
        secrets: dict[str, dict[str, str]] | None = None,
    ) -> None:
        """An empty one.

        Args:
          folder: for all that it keeps.
          release: what it is.
          containers: starts containers.
          volumes: name of a persistent volume claim -> folder.
          secrets: name -> key -> value.
        """
        self.release = release
        self.objects = ObjectStore(folder / "objects")
        self.store = MetadataStore()
        self.cache = Cache()
        self.containers = containers
        self._folder = folder
        self._volumes = volumes
        self._secrets = secrets or {}

    def run(self, package: Package, parameters: dict[str, Any], pipeline_root: str = "minio://mlpipeline/v2") -> Run:
        """Runs a package to its end.

        Args:
          package: to run.
          parameters: given with the run.
          pipeline_root: where artifacts go.

        Raises:
          RefusedError: the run is not started.
        """
        values = submitted_parameters(package, parameters)
        run_id = str(uuid.uuid4())
        walk = _Walk(self, package, run_id, values, f"{pipeline_root.rstrip('/')}/{package.name}/{run_id}")
        started = time.monotonic()
        return Run(run_id, walk.to_the_end(), time.monotonic() - started)

    def folder(self, run_id: str, task: str, attempt: int) -> Path:
        """For what an attempt writes and nobody keeps."""
        path = self._folder / "pods" / run_id / f"{task}-{attempt}"
        path.mkdir(parents=True)
        return path

    def mounts(self, package: Package, task: str) -> dict[str, Path]:
        """The mounted claims of a task; one that does not exist keeps the pod from being scheduled."""
        mounted = claims(package, task)
        for claim in mounted.values():
            if claim not in self._volumes:
                raise PendingError(f'persistentvolumeclaim "{claim}" not found')
        return {path: self._volumes[claim] for path, claim in mounted.items()}

    def environment(self, package: Package, task: str) -> dict[str, str]:
        """A task's environment variables."""
        return environment(package, task, self._secrets)


class _Walk:
    """One run in progress."""

    def __init__(
        self, kubeflow: Kubeflow, package: Package, run_id: str, parameters: dict[str, struct_pb2.Value], root: str
    ) -> None:
        self._kubeflow = kubeflow
        self._package = package
        self._run_id = run_id
        self._parameters = parameters
        self._root = root
        self._lock = threading.Lock()
        self._tasks = {name: TaskRun() for name in package.tasks}

    def to_the_end(self) -> dict[str, TaskRun]:
        waiting = {name: self._package.dependencies(name) for name in self._tasks}
        running: dict[concurrent.futures.Future[None], str] = {}
        with concurrent.futures.ThreadPoolExecutor(_AT_ONCE) as pool:
            while True:
                for name in sorted(waiting):
                    if all(self._tasks[before].state in ("SUCCEEDED", "CACHED") for before in waiting[name]):
                        running[pool.submit(self._run_task, name, self._tasks[name])] = name
                        del waiting[name]
                if not running:
                    return self._tasks
                done, _ = concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED)
                for future in done:
                    del running[future]
                    # Errors of the emulation itself.
                    future.result()

    def _run_task(self, name: str, task: TaskRun) -> None:
        started = time.monotonic()
        task.resources = resources(self._package, name)
        try:
            self._drive(name, task)
        except DriverError as error:
            task.state, task.message = "FAILED", f"driver.Container failed: {error}"
        except PendingError as error:
            task.state, task.message = "PENDING", str(error)
        task.seconds = time.monotonic() - started

    def _drive(self, name: str, task: TaskRun) -> None:
        """The driver, the cache, and then the launcher, again after each failure."""
        kubeflow, package = self._kubeflow, self._package
        spec, component, container = package.tasks[name], package.component(name), package.container(name)
        executor_input = pipeline_spec_pb2.ExecutorInput(
            inputs=resolve_inputs(package, name, self._run_id, self._parameters, kubeflow.store),
            outputs=provision_outputs(kubeflow.release, self._root, spec, component, str(uuid.uuid4())),
        )
        mark = ""
        if spec.caching_options.enable_cache:
            volumes = list(claims(package, name).values()) if kubeflow.release.cache_key_has_volumes else None
            mark = fingerprint(executor_input, component, container, volumes)
        inputs = {key: int(value.artifacts[0].name) for key, value in executor_input.inputs.artifacts.items()}
        known_as = spec.task_info.name if kubeflow.release.display_name_is_task_name else name
        execution = kubeflow.store.create_execution(known_as, self._run_id, inputs, mark)
        cached = kubeflow.cache.find(mark, package.name) if mark else None
        if cached is not None:
            execution.outputs = dict(kubeflow.store.executions[cached].outputs)
            task.state = execution.state = "CACHED"
        else:
            execution.outputs = self._attempts(name, task, executor_input)
            execution.state = "COMPLETE" if task.state == "SUCCEEDED" else "FAILED"
            if mark and task.state == "SUCCEEDED":
                kubeflow.cache.add(mark, package.name, execution.id)
        task.outputs = {key: kubeflow.store.artifacts[number] for key, number in execution.outputs.items()}

    def _attempts(self, name: str, task: TaskRun, executor_input: pipeline_spec_pb2.ExecutorInput) -> dict[str, int]:
        """Argo runs the same pod again: same inputs, same URIs, empty volumes. The pause before it is left out."""
        while True:
            fresh = pipeline_spec_pb2.ExecutorInput()
            fresh.CopyFrom(executor_input)
            try:
                outputs = self._attempt(name, task, fresh)
            except LauncherError as error:
                task.state, task.message = "FAILED", f"failed to execute component: {error}"
                if task.attempts > self._package.tasks[name].retry_policy.max_retry_count:
                    return {}
            else:
                task.state, task.message = "SUCCEEDED", ""
                return outputs

    def _attempt(self, name: str, task: TaskRun, executor_input: pipeline_spec_pb2.ExecutorInput) -> dict[str, int]:
        kubeflow, package = self._kubeflow, self._package
        container, component = package.container(name), package.component(name)
        folder = kubeflow.folder(self._run_id, name, task.attempts + 1)
        scratch = {path: folder / path.strip("/") for path in ("/tmp", *STAGED.values())}
        for path in scratch.values():
            path.mkdir()
        log = folder / "log"
        log.touch()
        task.logs.append(log)
        spec = ContainerSpec(
            image=container.image,
            command=[],
            env={
                **kubeflow.environment(package, name),
                "KFP_POD_NAME": f"{package.name}-{name.lower()}",
                "KFP_POD_UID": str(uuid.uuid4()),
            },
            mounts={**scratch, **kubeflow.mounts(package, name)},
            memory=resources(package, name).memory,
            log=log,
        )

        def run(command: list[str]) -> int:
            task.exit_code = kubeflow.containers.run(dataclasses.replace(spec, command=command))
            return task.exit_code

        def here(path: str) -> Path:
            [mount] = [mount for mount in scratch if path == mount or path.startswith(f"{mount}/")]
            return scratch[mount] / path.removeprefix(mount).lstrip("/")

        try:
            return launch(
                executor_input,
                component,
                [*container.command, *container.args],
                run,
                here,
                log,
                kubeflow.objects,
                kubeflow.store,
            )
        finally:
            # As emptyDir volumes; logs stay.
            for path in scratch.values():
                shutil.rmtree(path, ignore_errors=True)
