"""Lets a package run again and again."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timezone
from typing import Any, TextIO

from components.errors import InputError
from pipeline.on_kubeflow.submission.cron import cron_expression, interval_seconds
from pipeline.on_kubeflow.submission.links import schedule_link
from pipeline.on_kubeflow.submission.preparation import Job, prepared
from pipeline.on_kubeflow.submission.server import Server
from pipeline.on_kubeflow.submission.target import Target, connect

# The newest releases put the time in; older ones leave the words as they are, so every run has the same.
_EVERY_TIME_ANOTHER = "[[ScheduledTime]]"
_MOST_AT_ONCE = 10


@dataclasses.dataclass(frozen=True)
class Timing:
    """When to run; exactly one of `cron` and `every`.

    Attributes:
      cron: cron expression of five or six fields, by the cluster's clock.
      every: interval such as 12h.
      start: ISO 8601 time of the earliest run; "": now.
      end: ISO 8601 time after which no run starts; "": never.
      at_once: how many runs may be under way at a time, 1 to 10.
      catch_up: whether runs that were missed (the schedule was off) are made up for, one by one.
      enabled: whether it begins to run; a schedule of the same name is replaced by one that rests otherwise.
    """

    cron: str = ""
    every: str = ""
    start: str = ""
    end: str = ""
    at_once: int = 1
    catch_up: bool = False
    enabled: bool = True


def schedule(target: Target, job: Job, timing: Timing, terminal: TextIO) -> None:
    """Makes a recurring run of a package; one of the same name is replaced.

    Where the job names no data version, each run must look at the data anew. As only the newest releases can give each
    run another value, such a schedule runs without the cache.

    Args:
      target: where to, and as whom.
      job: what shall run; its name is the schedule's, by default the pipeline's.
      timing: when.
      terminal: is told what is done, and the schedule's page.

    Raises:
      InputError: something given cannot be used.
      ExplainedError: the server cannot be reached or refuses.
    """
    fields = _timing_fields(timing)
    looks_anew = not job.data_version and not any(text.startswith("data_version=") for text in job.parameters)
    if looks_anew:
        job = dataclasses.replace(job, caching=False)
    with prepared(target, job, _EVERY_TIME_ANOTHER, terminal) as ready:
        name = job.name or ready.pipeline
        before = ready.server.schedules(name)
        # The new one first: whatever goes wrong here, one schedule is there.
        schedule_id = ready.server.add_schedule({**ready.body, **fields, "display_name": name})
        for old in before:
            ready.server.remove_schedule(old)
        terminal.write(f"Schedule {name}: {'replaced' if before else 'made'}, {_in_words(timing)}\n")
        if looks_anew:
            terminal.write("Its runs do not use the cache: each looks at the data anew. With --data-version they do.\n")
        terminal.write(f"{schedule_link(ready.host, ready.server.namespace, schedule_id)}\n")


def unschedule(target: Target, name: str, terminal: TextIO) -> None:
    """Ends the schedule of a name; runs that it has started go on.

    Raises:
      InputError: there is none.
      ExplainedError: the server cannot be reached or refuses.
    """
    with connect(target, terminal) as connection:
        server = Server(connection, target.namespace)
        found = server.schedules(name)
        if not found:
            raise InputError(
                f"{name}: {connection.host} has no schedule of this name. Its page 'Recurring Runs' lists them."
            )
        for schedule_id in found:
            server.remove_schedule(schedule_id)
    terminal.write(f"Schedule {name}: ended\n")


def _timing_fields(timing: Timing) -> dict[str, Any]:
    """The fields of a recurring run that say when."""
    if bool(timing.cron) == bool(timing.every):
        raise InputError("a schedule needs exactly one of --cron and --every.")
    if not 1 <= timing.at_once <= _MOST_AT_ONCE:
        raise InputError(f"--at-once {timing.at_once}: Kubeflow allows 1 to {_MOST_AT_ONCE}.")
    start, end = _time("--start", timing.start), _time("--end", timing.end)
    limits = {"start_time": start, "end_time": end}
    if start and end and end <= start:
        raise InputError(f"--end {timing.end}: is not after --start.")
    if end and end <= datetime.now(timezone.utc):
        raise InputError(f"--end {timing.end}: is over.")
    trigger: dict[str, Any] = {
        name: time.strftime("%Y-%m-%dT%H:%M:%SZ") for name, time in limits.items() if time is not None
    }
    # Numbers of 64 bits are texts in JSON.
    if timing.cron:
        kind, trigger["cron"] = "cron_schedule", cron_expression(timing.cron)
    else:
        kind, trigger["interval_second"] = "periodic_schedule", str(interval_seconds(timing.every))
    return {
        "trigger": {kind: trigger},
        "max_concurrency": str(timing.at_once),
        "no_catchup": not timing.catch_up,
        "mode": "ENABLE" if timing.enabled else "DISABLE",
    }


def _time(flag: str, text: str) -> datetime | None:
    if not text:
        return None
    try:
        # Python 3.10 does not read the Z itself.
        time = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise InputError(f"{flag} {text}: expected a time such as 2026-12-01T06:00:00Z.") from None
    # Without a zone it is that of the person who writes it.
    return time.astimezone(timezone.utc)


def _in_words(timing: Timing) -> str:
    when = f"cron {timing.cron}, by the cluster's clock (mostly UTC)" if timing.cron else f"every {timing.every}"
    return when if timing.enabled else f"{when}; it rests (--disabled)"
