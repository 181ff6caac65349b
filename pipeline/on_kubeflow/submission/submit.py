"""Starts a run of a package."""

from __future__ import annotations

from typing import TextIO

from pipeline.on_kubeflow.submission.links import run_link
from pipeline.on_kubeflow.submission.preparation import Job, prepared, utc_now
from pipeline.on_kubeflow.submission.target import Target
from pipeline.on_kubeflow.submission.waiting import wait_for


def submit(target: Target, job: Job, terminal: TextIO, wait: bool = False, timeout_s: float | None = None) -> None:
    """Uploads a package where it is not there yet, and starts a run of it.

    Args:
      target: where to, and as whom.
      job: what shall run.
      terminal: is told what is done, and the run's page.
      wait: whether to come back only when the run has ended.
      timeout_s: how long to wait at most; the run goes on then. None: without limit.

    Raises:
      InputError: something given cannot be used.
      ExplainedError: the server cannot be reached or refuses; or, with `wait`, the run has not succeeded.
    """
    now = utc_now()
    with prepared(target, job, now, terminal) as ready:
        run_id = ready.server.start_run({**ready.body, "display_name": job.name or f"{ready.pipeline} {now}"})
        link = run_link(ready.host, ready.server.namespace, run_id)
        terminal.write(f"Run: {link}\n")
        if wait:
            wait_for(ready.server, run_id, list(ready.package.root["dag"]["tasks"]), link, terminal, timeout_s)
