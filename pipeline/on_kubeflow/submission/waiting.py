"""Waits for the end of a run, and shows how its nodes get on."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from typing import Any, TextIO

from rich.console import Console
from rich.text import Text

from components.errors import ExplainedError
from pipeline.on_kubeflow.submission.connection import RefusedError, UnreachableError
from pipeline.on_kubeflow.submission.server import Server
from pipeline.terminal import new_console

_POLL_S = 5.0
# As long as a server's restart may take.
_MAX_SILENCE_S = 600.0
_ENDED = ("SUCCEEDED", "FAILED", "CANCELED", "SKIPPED")
_DRIVER = "-driver"


def wait_for(
    server: Server,
    run_id: str,
    nodes: list[str],
    link: str,
    terminal: TextIO,
    timeout_s: float | None = None,
    poll_s: float = _POLL_S,
    max_silence_s: float = _MAX_SILENCE_S,
) -> None:
    """Comes back when a run has succeeded.

    Args:
      server: where it runs.
      run_id: of the run.
      nodes: the pipeline's, in its own order.
      link: the run's page.
      terminal: gets a line for each change of a node's state.
      timeout_s: how long to wait at most, None for ever.
      poll_s: seconds between two looks.
      max_silence_s: seconds without an answer after which waiting ends.

    Raises:
      ExplainedError: the run has failed, which names the failed nodes; or it goes on after the time-out, after a long
        silence of the server, after Ctrl-C, or because the token has expired.
    """
    started = last_answer = time.monotonic()
    console = new_console(terminal)
    shown: dict[str, str] = {}
    try:
        with console.status("waiting for the run to begin ...") as status:
            while True:
                try:
                    run = server.run(run_id)
                except UnreachableError as error:
                    if time.monotonic() - last_answer > max_silence_s:
                        raise ExplainedError(f"{error} The run goes on: {link}") from None
                    status.update(Text(str(error)))
                except RefusedError as error:
                    raise ExplainedError(f"{error} The run goes on: {link}") from None
                else:
                    last_answer = time.monotonic()
                    states = node_states(run, nodes)
                    _show_changes(console, shown, states)
                    status.update(_summary(states, len(nodes), last_answer - started))
                    if run.get("state") in _ENDED:
                        break
                if timeout_s is not None and time.monotonic() - started + poll_s > timeout_s:
                    raise ExplainedError(
                        f"the run has not ended within --timeout {timeout_s:.0f} s; it goes on: {link}"
                    )
                time.sleep(poll_s)
    except KeyboardInterrupt:
        raise ExplainedError(f"interrupted; the run goes on: {link} (Terminate is on that page)") from None
    console.print(_summary(states, len(nodes), time.monotonic() - started))
    if run["state"] != "SUCCEEDED":
        raise ExplainedError(_failure(run, nodes, link))
    console.print("The run has succeeded.")


def node_states(run: dict[str, Any], nodes: Iterable[str]) -> dict[str, str]:
    """State of each node that has begun.

    The server lists Argo's steps: a node has one of its own name, one more for its driver, which comes first, and
    further ones inside.
    """
    steps = _steps(run)
    states = {}
    for node in nodes:
        own, driver = steps.get(node), steps.get(f"{node}{_DRIVER}")
        if own:
            states[node] = _state(own)
        elif driver:
            states[node] = "FAILED" if _state(driver) == "FAILED" else "RUNNING"
    return states


def _steps(run: dict[str, Any]) -> dict[str, dict[str, Any]]:
    details = (run.get("run_details") or {}).get("task_details") or []
    return {detail.get("display_name", ""): detail for detail in details}


def _state(step: dict[str, Any]) -> str:
    return str(step.get("state") or "PENDING")


def _show_changes(console: Console, shown: dict[str, str], states: dict[str, str]) -> None:
    for node, state in states.items():
        if shown.get(node) != state:
            shown[node] = state
            console.print(Text(f"{time.strftime('%H:%M:%S')}  {state.lower():9}  {node}"))


def _summary(states: dict[str, str], count: int, seconds: float) -> str:
    counts = Counter(state.lower() for state in states.values())
    to_come = count - len(states)
    parts = [f"{number} {state}" for state, number in sorted(counts.items())]
    if to_come:
        parts.append(f"{to_come} to come")
    minutes, rest = divmod(round(seconds), 60)
    return f"{count} nodes: {', '.join(parts)} ({minutes}:{rest:02} min)"


def _failure(run: dict[str, Any], nodes: list[str], link: str) -> str:
    """One line for each failed node.

    Releases to this day leave out why a node has failed: then its log is named.
    """
    steps = _steps(run)
    failed = [node for node, state in node_states(run, nodes).items() if state == "FAILED"]
    lines = []
    for node in failed:
        own, driver = steps.get(node, {}), steps.get(f"{node}{_DRIVER}", {})
        in_driver = _state(driver) == "FAILED"
        error = _error(driver if in_driver else own) or "the end of its log says why"
        lines.append(f"  {node}{', before it could start' if in_driver else ''}: {error}")
    whole = _error(run)
    if not lines:
        lines.append(f"  {whole or 'no node has failed; the page says more'}")
    return "\n".join([f"the run has ended as {run['state']}: {link}", *lines])


def _error(value: dict[str, Any]) -> str:
    """Message of a run or of a step, "" where there is none."""
    candidates = [value.get("error"), *(entry.get("error") for entry in reversed(value.get("state_history") or []))]
    return next((" ".join(str(error["message"]).split()) for error in candidates if error and error.get("message")), "")
