"""Keeps library output off the terminal: all of it goes to the run's log file."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


@contextmanager
def output_to_log(log_file: Path) -> Iterator[TextIO]:
    """Within the context, everything that any code writes to stdout or stderr lands in `log_file`.

    The file descriptors themselves are redirected: TensorFlow's C++ code writes to descriptor 2 whatever the
    log level is.

    Yields:
      A stream to the terminal, for what people should see.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    saved = os.dup(1), os.dup(2)
    log = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    handler = logging.FileHandler(log_file)
    handler.setFormatter(logging.Formatter(_FORMAT))
    root = logging.getLogger()
    before = root.handlers[:], root.level
    terminal = os.fdopen(os.dup(saved[0]), "w", buffering=1, encoding="utf-8")
    try:
        os.dup2(log, 1)
        os.dup2(log, 2)
        # TFX at INFO writes thousands of lines a run, whole protos among them.
        root.handlers[:], root.level = [handler], logging.WARNING
        for package in ("pipeline", "components"):
            logging.getLogger(package).setLevel(logging.INFO)
        warnings.simplefilter("ignore")
        yield terminal
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os.dup2(saved[0], 1)
        os.dup2(saved[1], 2)
        root.handlers[:], root.level = before
        handler.close()
        terminal.close()
        for descriptor in (log, *saved):
            os.close(descriptor)
