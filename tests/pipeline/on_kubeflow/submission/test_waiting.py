"""`emotion-ai submit --wait`: the run's nodes as they get on, and how it ends."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.errors import ExplainedError
from pipeline.on_kubeflow.submission import waiting
from pipeline.on_kubeflow.submission.connection import Connection, RefusedError, UnreachableError
from pipeline.on_kubeflow.submission.preparation import Job
from pipeline.on_kubeflow.submission.server import Server
from pipeline.on_kubeflow.submission.submit import submit
from pipeline.on_kubeflow.submission.target import Target
from pipeline.on_kubeflow.submission.waiting import node_states, wait_for
from tests.pipeline.on_kubeflow.submission.api_server import FakeKubeflow

_NODES = ["Gen", "Trainer", "Pusher"]


def _run(state: str, *steps: tuple[str, str], error: str = "") -> dict[str, Any]:
    """A run as Kubeflow describes it; `error` is that of the last step."""
    details: list[dict[str, Any]] = [{"display_name": name, "state": step} for name, step in steps]
    if error:
        details[-1]["state_history"] = [{"state": "RUNNING"}, {"state": "FAILED", "error": {"message": error}}]
    return {"run_id": "r", "state": state, "run_details": {"task_details": details}}


class _Stories:
    """A server that tells one after the other; an exception is raised."""

    def __init__(self, *stories: dict[str, Any] | Exception) -> None:
        self._stories = list(stories)

    def run(self, run_id: str) -> dict[str, Any]:
        story = self._stories.pop(0)
        if isinstance(story, Exception):
            raise story
        return story


def _wait(*stories: dict[str, Any] | Exception, **options: Any) -> str:
    terminal = io.StringIO()
    server: Any = _Stories(*stories)
    wait_for(server, "r", _NODES, "LINK", terminal, poll_s=0, **options)
    return terminal.getvalue()


def test_each_change_of_a_node_is_a_line() -> None:
    said = _wait(
        _run("PENDING"),
        _run("RUNNING", ("root", "RUNNING"), ("root-driver", "SUCCEEDED"), ("Gen-driver", "RUNNING")),
        _run("RUNNING", ("Gen-driver", "SUCCEEDED"), ("Gen", "RUNNING"), ("executor", "RUNNING")),
        _run("RUNNING", ("Gen-driver", "SUCCEEDED"), ("Gen", "SUCCEEDED"), ("Trainer", "RUNNING")),
        _run("SUCCEEDED", ("Gen", "SUCCEEDED"), ("Trainer", "SUCCEEDED"), ("Pusher", "SUCCEEDED")),
    )
    lines = [line.split()[1:] for line in said.splitlines() if ":" in line[:3]]
    assert lines == [
        ["running", "Gen"],
        ["succeeded", "Gen"],
        ["running", "Trainer"],
        ["succeeded", "Trainer"],
        ["succeeded", "Pusher"],
    ]
    assert "3 nodes: 3 succeeded (0:00 min)" in said
    assert said.endswith("The run has succeeded.\n")


def test_failed_nodes_are_named_with_their_errors() -> None:
    run = _run("FAILED", ("Gen", "SUCCEEDED"), ("Pusher-driver", "FAILED"), ("Trainer", "FAILED"), error="OOM\nKilled")
    with pytest.raises(ExplainedError) as raised:
        _wait(run)
    assert str(raised.value) == (
        "the run has ended as FAILED: LINK\n"
        "  Trainer: OOM Killed\n"
        "  Pusher, before it could start: the end of its log says why"
    )


@pytest.mark.parametrize("state", ["FAILED", "CANCELED", "SKIPPED"])
def test_every_other_end_is_a_failure(state: str) -> None:
    with pytest.raises(ExplainedError, match=f"ended as {state}: LINK\n  no node has failed"):
        _wait(_run(state))


def test_the_error_of_the_whole_run_counts_where_no_node_has_one() -> None:
    with pytest.raises(ExplainedError, match=r"\n  quota exceeded$"):
        _wait({**_run("FAILED"), "error": {"message": "quota exceeded"}})


def test_a_silent_server_is_waited_for() -> None:
    silence = UnreachableError("no answer")
    assert "succeeded" in _wait(silence, silence, _run("SUCCEEDED"))
    with pytest.raises(ExplainedError, match="no answer The run goes on: LINK"):
        _wait(silence, max_silence_s=-1)


def test_an_expired_token_leaves_the_run_alone() -> None:
    with pytest.raises(ExplainedError, match=r"wants a valid token\. The run goes on: LINK"):
        _wait(_run("RUNNING"), RefusedError("wants a valid token.", 401))


def test_the_timeout_leaves_the_run_alone() -> None:
    with pytest.raises(ExplainedError, match=r"not ended within --timeout 0 s; it goes on: LINK"):
        _wait(_run("RUNNING"), timeout_s=0)


def test_ctrl_c_leaves_the_run_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(waiting.time, "sleep", interrupt)
    with pytest.raises(ExplainedError, match="interrupted; the run goes on: LINK"):
        _wait(_run("RUNNING"))


def test_a_run_without_details_has_no_states() -> None:
    assert node_states({"state": "RUNNING"}, _NODES) == {}
    assert node_states({"run_details": None}, _NODES) == {}


@pytest.fixture
def server(kubeflow: FakeKubeflow, client_python: Path) -> Iterator[Server]:
    with Connection(client_python, kubeflow.host, lambda: None) as connection:
        yield Server(connection, "")


@pytest.mark.e2e
def test_submit_waits(kubeflow: FakeKubeflow, target: Target, job: Job) -> None:
    kubeflow.stories = [
        _run("RUNNING", ("KeypointsTrainer", "RUNNING")),
        _run("FAILED", ("KeypointsTrainer", "FAILED")),
    ]
    terminal = io.StringIO()
    with pytest.raises(ExplainedError, match=r"ended as FAILED: http.*/#/runs/details/.*\n  KeypointsTrainer: "):
        submit(target, job, terminal, wait=True)
    assert "running    KeypointsTrainer" in terminal.getvalue()
    kubeflow.stories = [_run("SUCCEEDED", ("KeypointsTrainer", "SUCCEEDED"))]
    submit(target, job, terminal, wait=True)
    assert terminal.getvalue().endswith("The run has succeeded.\n")


@pytest.mark.e2e
def test_a_server_that_restarts_is_waited_for(kubeflow: FakeKubeflow, server: Server) -> None:
    kubeflow.runs["r"] = {"run_id": "r"}
    kubeflow.script = [(503, "no healthy upstream", "text/plain")] * 6
    wait_for(server, "r", _NODES, "LINK", io.StringIO(), poll_s=0)
    assert kubeflow.count("GET", "/runs/r") == 7
