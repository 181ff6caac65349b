"""Runs `session_check` in a process of its own, and makes a reason out of the way in which that ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tensorflow as tf

import components
from components.servable_check import session_check
from components.servable_check.checks import Budgets
from components.servable_check.report import UNFINISHED, Report

_MAX_TAIL = 300


def check_in_clean_process(
    model_path: str,
    examples: list[bytes],
    expected: npt.NDArray[np.float32],
    prediction_key: str,
    budgets: Budgets,
    timeout_s: float,
) -> Report:
    """Checks a SavedModel, see `check_model`. A process that crashes or does not end makes the model a refused one.

    Args:
      model_path: the SavedModel, with warm-up requests.
      examples: serialized tf.Examples, n >= 1 of them.
      expected: float32 [n, ...], what the evaluation got for them.
      prediction_key: the output that this is.
      budgets: for latency and memory.
      timeout_s: for the whole process.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        request = session_check.Request(
            model_path,
            str(folder / "examples.tfrecord"),
            str(folder / "expected.npy"),
            prediction_key,
            budgets,
            str(folder / "report.json"),
        )
        with tf.io.TFRecordWriter(request.examples_path) as writer:
            for example in examples:
                writer.write(example)
        np.save(request.expected_path, expected)
        (folder / "request.json").write_text(request.to_json())

        end = _run(str(folder / "request.json"), folder / "stderr", timeout_s)
        report_path = Path(request.report_path)
        report = Report.from_json(report_path.read_text()) if report_path.exists() else Report()
        if end:
            in_check = report.checks and report.checks[-1].detail == UNFINISHED
            running = report.checks.pop().name if in_check else "process"
            report.refuse(running, f"{end} It happened in the check '{running}'.")
        return report


def _run(request_path: str, stderr_path: Path, timeout_s: float) -> str:
    """Runs the process; what went wrong with it, or nothing."""
    root = str(Path(components.__file__).parent.parent)
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    with open(stderr_path, "wb") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", session_check.__name__, request_path],
            stderr=stderr,
            env=os.environ | {"PYTHONPATH": path},
            start_new_session=True,
        )
        try:
            status = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return (
                f"Serving the model did not come to an end within {timeout_s:g} s. Make the model smaller, and look "
                f"for a loop without end."
            )
        finally:
            # A model server that it has started goes with it.
            _kill_group(process)
    lines = stderr_path.read_text(errors="replace").split("\n")
    tail = next((line.strip() for line in reversed(lines) if line.strip()), "")[-_MAX_TAIL:]
    if status < 0:
        return (
            f"The model crashes the process that serves it: {signal.Signals(-status).name}, {tail!r}. Guard its inputs "
            f"with tf.ensure_shape as the first operation, or give it more memory."
        )
    return f"The process that serves the model failed: {tail!r}. Correct what it names." if status else ""


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
