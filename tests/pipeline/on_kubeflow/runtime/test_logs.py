"""What a container logs."""

from __future__ import annotations

import logging

import pytest

from pipeline.on_kubeflow.runtime.logs import is_shown


@pytest.mark.parametrize(
    ("name", "level", "shown"),
    [
        ("emotion_ai.progress", logging.INFO, True),
        ("components.run_report.executor", logging.INFO, True),
        ("pipeline.on_kubeflow.runtime.node_run", logging.INFO, True),
        ("components.x", logging.DEBUG, False),
        ("absl", logging.INFO, False),
        ("absl", logging.WARNING, False),
        ("apache_beam.io.fileio", logging.WARNING, False),
        ("apache_beam.io.fileio", logging.ERROR, True),
        ("somebody.elses.trainer", logging.INFO, False),
        ("somebody.elses.trainer", logging.WARNING, True),
    ],
)
def test_own_lines_and_what_is_wrong(name: str, level: int, shown: bool) -> None:
    assert is_shown(logging.LogRecord(name, level, __file__, 1, "text", None, None)) is shown
