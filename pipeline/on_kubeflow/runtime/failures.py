"""The last lines of a container that fails: what, where, and what to do about it."""

from __future__ import annotations

import os
import re
import signal
import sys
import traceback
from collections.abc import Iterator
from types import FrameType

from components.errors import ExplainedError

# 128 + SIGTERM, as shells have it.
_TERMINATED = 143

# Beam hands an error of its workers on as the text of its traceback. The last line of it that names an error.
_ERROR_LINE = re.compile(r"^([A-Za-z_][\w.]*(?:Error|Exception|Interrupt|Exit)): (.*)$", re.MULTILINE)
_WORKER_NOTE = re.compile(r" \[while running .*\]$", re.DOTALL)
_EXPLAINED = ("components.errors.InputError", "components.errors.ExplainedError")

_REMEDIES = {
    "missing": "Does the path stand on a volume that is mounted into this node (volumes in the platform file)? Of the "
    "object stores only artifacts are staged; other files must come from a volume.",
    "permission": "Check the volume's permissions for the container's user (uid 65532), or of gs:// the rights of the "
    "service account.",
    "read_only": "The container's own file system is read-only: write below /tmp, or mount a volume there.",
    "disk": "The disk is full: give the node more ephemeral storage, or enlarge the volume.",
    "memory": "Raise memory_gb of components.{node} in the platform file.",
    "gpu_memory": "Take a smaller batch_size, or a GPU with more memory (node_selector of components.{node} in the "
    "platform file).",
    "scheme": "TFX opens gs://, and local paths. Put the file on a volume (volumes in the platform file).",
    "module": "The image lacks it: build the image again from the code that the package was compiled from.",
}

# Name of the error (of TensorFlow's, too: importing them takes seconds), words of its message, remedy. The first that
# fits: TensorFlow has few names for many causes.
_CAUSES = (
    ("", "No space left on device", "disk"),
    ("", "Disk quota exceeded", "disk"),
    ("", "Read-only file system", "read_only"),
    ("", "Cannot allocate memory", "memory"),
    ("MemoryError", "", "memory"),
    ("ResourceExhaustedError", "GPU", "gpu_memory"),
    ("ResourceExhaustedError", "", "memory"),
    ("FileNotFoundError", "", "missing"),
    ("NotFoundError", "No such file", "missing"),
    ("NotFoundError", "gs://", "missing"),
    ("PermissionError", "", "permission"),
    ("PermissionDeniedError", "", "permission"),
    ("UnimplementedError", "File system scheme", "scheme"),
    ("ModuleNotFoundError", "", "module"),
)


def report(error: BaseException, node: str) -> None:
    """Writes an error's last lines: the traceback where it tells something, then one line for people.

    Args:
      error: what ended the node.
      node: its id.
    """
    sys.stdout.flush()
    if not _explanation(error):
        traceback.print_exception(error)
    print(describe(error, node), file=sys.stderr, flush=True)


def describe(error: BaseException, node: str) -> str:
    """One line: the node, what went wrong, and what to do where that is known."""
    explanation = _explanation(error)
    if explanation:
        return f"{node} failed: {explanation}"
    cause = next((cause for cause in _chain(error) if _remedy(cause)), error)
    variable = _missing_variable(cause)
    if variable:
        return (
            f"{node} failed: the environment variable {variable} is not set. Give it to components.{node} in the "
            f"platform file, under secrets where a secret holds it, else under env."
        )
    name, message = _name_and_message(cause)
    place = f" (in {_place(cause)})" if _place(cause) else ""
    remedy = _remedy(cause)
    hint = " " + _REMEDIES[remedy].format(node=node) if remedy else " The traceback stands above."
    return f"{node} failed: {name}: {message.rstrip('.')}{place}.{hint}"


def exit_on_sigterm(node: str) -> None:
    """Says so when Kubernetes ends the container: evicted, timed out, or the run was terminated."""
    process = os.getpid()

    def leave(_signal: int, _frame: FrameType | None) -> None:
        # Children of a fork have this handler, too. No logging: it may be what was interrupted.
        if os.getpid() == process:
            os.write(
                2,
                f"{node} was stopped by Kubernetes (SIGTERM): the run was terminated, the node's time was up, or its "
                f"pod was evicted (`kubectl describe pod` says which). It wrote no outputs.\n".encode(),
            )
        os._exit(_TERMINATED)

    signal.signal(signal.SIGTERM, leave)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _explanation(error: BaseException) -> str:
    """The message of an error that needs no traceback; '' for any other."""
    for cause in _chain(error):
        if isinstance(cause, ExplainedError):
            return _WORKER_NOTE.sub("", str(cause))
        lines = _ERROR_LINE.findall(str(cause))
        if lines and lines[-1][0] in _EXPLAINED:
            return _WORKER_NOTE.sub("", lines[-1][1])
    return ""


def _name_and_message(error: BaseException) -> tuple[str, str]:
    text = str(error)
    lines = _ERROR_LINE.findall(text) if "Traceback (most recent call last)" in text else []
    if lines:
        return lines[-1][0].rpartition(".")[2], _WORKER_NOTE.sub("", lines[-1][1])
    return type(error).__name__, " ".join(text.split()) or "no message"


def _remedy(error: BaseException) -> str:
    if _missing_variable(error):
        return "variable"
    name, message = _name_and_message(error)
    fitting = (remedy for kind, words, remedy in _CAUSES if kind in ("", name) and words in message)
    return next(fitting, "")


def _missing_variable(error: BaseException) -> str:
    """The variable's name where `os.environ[...]` has failed."""
    if not isinstance(error, KeyError) or not error.__traceback__:
        return ""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return str(error.args[0]) if last.filename == os.__file__ and last.name == "__getitem__" else ""


def _place(error: BaseException) -> str:
    """The last line of code that is no library's."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if "site-packages" not in frame.filename and os.path.dirname(os.__file__) not in frame.filename
    ]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
