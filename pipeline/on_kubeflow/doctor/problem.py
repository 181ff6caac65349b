"""What the doctor finds."""

from __future__ import annotations

import dataclasses
from typing import Literal

Severity = Literal["error", "warning"]


@dataclasses.dataclass(frozen=True)
class Problem:
    """Something that Kubeflow refuses, ignores, or does otherwise than the author of the package expects.

    Attributes:
      node: its task, with the tasks that hold it ('condition-1/hello'); '' is the package as a whole.
      severity: 'error' where it is refused or a run fails, 'warning' where something else happens than is written.
      what: is wrong, without the node's name, so that equal problems of several nodes can be shown as one.
      remedy: what to do about it.
    """

    node: str
    severity: Severity
    what: str
    remedy: str


def error(node: str, what: str, remedy: str) -> Problem:
    """A problem with which the package is refused, or a run fails."""
    return Problem(node, "error", what, remedy)


def warning(node: str, what: str, remedy: str) -> Problem:
    """A problem with which a run succeeds, but not as expected."""
    return Problem(node, "warning", what, remedy)
