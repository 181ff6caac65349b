"""`emotion-ai schedule` against a server that is held against Kubeflow's OpenAPI."""

from __future__ import annotations

import dataclasses
import io

import pytest
import yaml

from components.errors import ExplainedError, InputError
from pipeline.on_kubeflow.submission.preparation import Job
from pipeline.on_kubeflow.submission.schedule import Timing, schedule, unschedule
from pipeline.on_kubeflow.submission.target import Target
from tests.pipeline.on_kubeflow.submission.api_server import FakeKubeflow

pytestmark = pytest.mark.e2e


def _schedule(target: Target, job: Job, timing: Timing) -> str:
    terminal = io.StringIO()
    schedule(target, job, timing, terminal)
    return terminal.getvalue()


def test_a_new_schedule(kubeflow: FakeKubeflow, target: Target, job: Job) -> None:
    said = _schedule(target, job, Timing(cron="30 6 * * MON-FRI", start="2026-01-01T00:00:00+01:00", end="2999-01-01"))
    (made,) = kubeflow.schedules.values()
    trigger = made["trigger"]["cron_schedule"]
    assert trigger["cron"] == "0 30 6 * * MON-FRI"
    assert trigger["start_time"] == "2025-12-31T23:00:00Z"
    assert made["display_name"] == "emotion-ai"
    assert (made["mode"], made["max_concurrency"], made["no_catchup"]) == ("ENABLE", "1", True)
    assert f"{kubeflow.host}/#/recurringrun/details/{made['recurring_run_id']}\n" in said
    assert "Schedule emotion-ai: made, cron 30 6 * * MON-FRI" in said


def test_no_run_of_a_schedule_takes_results_of_old_data(kubeflow: FakeKubeflow, target: Target, job: Job) -> None:
    said = _schedule(target, job, Timing(every="12h"))
    (made,) = kubeflow.schedules.values()
    (version,) = kubeflow.versions.values()
    assert made["runtime_config"]["parameters"]["data_version"] == "[[ScheduledTime]]"
    spec = next(yaml.load_all(version["text"], Loader=yaml.CSafeLoader))
    tasks = spec["root"]["dag"]["tasks"].values()
    assert not any(task.get("cachingOptions", {}).get("enableCache") for task in tasks)
    assert "do not use the cache" in said


def test_a_data_version_keeps_the_cache(kubeflow: FakeKubeflow, target: Target, job: Job) -> None:
    said = _schedule(target, dataclasses.replace(job, data_version="2026"), Timing(every="12h"))
    (version,) = kubeflow.versions.values()
    assert "enableCache: true" in version["text"]
    assert "do not use the cache" not in said


def test_a_schedule_of_the_same_name_is_replaced(kubeflow: FakeKubeflow, target: Target, job: Job) -> None:
    kubeflow.schedules["other"] = {"recurring_run_id": "other", "display_name": "other"}
    nightly = dataclasses.replace(job, name="nightly")
    _schedule(target, nightly, Timing(cron="@daily"))
    (_, first) = kubeflow.schedules
    # Somebody has made a second one in the UI: it is found on the next page.
    kubeflow.schedules["twin"] = {"recurring_run_id": "twin", "display_name": "nightly"}
    said = _schedule(target, nightly, Timing(every="1d12h", at_once=2, catch_up=True, enabled=False))
    assert "Schedule nightly: replaced, every 1d12h; it rests" in said
    assert first not in kubeflow.schedules
    assert set(kubeflow.schedules) >= {"other"}
    assert len(kubeflow.schedules) == 2
    made = list(kubeflow.schedules.values())[-1]
    assert made["trigger"] == {"periodic_schedule": {"interval_second": "129600"}}
    assert (made["mode"], made["max_concurrency"], made["no_catchup"]) == ("DISABLE", "2", False)


def test_a_refused_schedule_leaves_the_old_one(kubeflow: FakeKubeflow, target: Target, job: Job) -> None:
    _schedule(target, job, Timing(every="1h"))
    (old,) = kubeflow.schedules
    kubeflow.refused = {"recurringruns": "Schedule is not supported"}
    with pytest.raises(ExplainedError, match=r"refuses \(400\): Schedule is not supported"):
        _schedule(target, job, Timing(every="2h"))
    assert list(kubeflow.schedules) == [old]


def test_a_schedule_ends(kubeflow: FakeKubeflow, target: Target, job: Job) -> None:
    _schedule(target, job, Timing(every="1h"))
    terminal = io.StringIO()
    unschedule(target, "emotion-ai", terminal)
    assert kubeflow.schedules == {}
    assert terminal.getvalue() == "Schedule emotion-ai: ended\n"
    with pytest.raises(InputError, match="no schedule of this name"):
        unschedule(target, "emotion-ai", terminal)


@pytest.mark.parametrize(
    ("timing", "words"),
    [
        (Timing(), "exactly one of --cron and --every"),
        (Timing(cron="@daily", every="1h"), "exactly one of --cron and --every"),
        (Timing(every="1h", at_once=11), "--at-once 11: Kubeflow allows 1 to 10"),
        (Timing(every="1h", start="tomorrow"), "--start tomorrow: expected a time"),
        (Timing(every="1h", start="2999-01-02", end="2999-01-01"), "is not after --start"),
        (Timing(every="1h", end="2020-01-01"), "--end 2020-01-01: is over"),
    ],
)
def test_what_is_no_timing_is_found_before_anything_is_sent(
    timing: Timing, words: str, kubeflow: FakeKubeflow, target: Target, job: Job
) -> None:
    with pytest.raises(InputError, match=words):
        _schedule(target, job, timing)
    assert kubeflow.requests == []
