"""What a container logs: our own lines, and of libraries what is wrong."""

from __future__ import annotations

import logging
import os
import sys
import warnings

_OWN = ("pipeline", "components", "serving", "dashboard", "emotion_ai")

# These warn by the hundred on every run; their errors come as exceptions, too.
_TALKATIVE = ("absl", "apache_beam", "tensorflow", "tfx_bsl", "root", "py.warnings")


def log_to_stdout() -> None:
    """Sets logging up; to be called before TensorFlow is imported."""
    # TensorFlow's C++ code writes past Python's logging: errors only.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    warnings.simplefilter("ignore")
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    # On the handler, as TFX's runner turns absl's own level up to INFO: 8,000 lines a run.
    handler.addFilter(is_shown)
    root = logging.getLogger()
    root.handlers[:], root.level = [handler], logging.WARNING
    for name in _OWN:
        logging.getLogger(name).setLevel(logging.INFO)


def is_shown(record: logging.LogRecord) -> bool:
    """Whether people should see a record."""
    package = record.name.partition(".")[0]
    if package in _OWN:
        return record.levelno >= logging.INFO
    return record.levelno >= (logging.ERROR if package in _TALKATIVE else logging.WARNING)
