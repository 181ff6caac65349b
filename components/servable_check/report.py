"""What was looked at, and what came of it.

As JSON: `passed`, bool; `reasons`, what is wrong and what to do about it, a string each; `first_request_ms`,
`median_ms`, `memory_mb`, numbers, or null where it did not come to measuring; `checks`, objects with `name`, `passed`
and `detail`, in the order in which they ran.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable
from pathlib import Path

# Detail of a check that runs, and of the one in which the process has crashed.
UNFINISHED = "did not end"


class CheckFailedError(Exception):
    """The model cannot be served; the text names the signature and says what to do."""


@dataclasses.dataclass
class Outcome:
    """One check: its name, whether the model passed, and what was found."""

    name: str
    passed: bool
    detail: str


@dataclasses.dataclass
class Report:
    """The measurements and the outcomes so far; None where it did not come to them."""

    first_request_ms: float | None = None
    median_ms: float | None = None
    memory_mb: float | None = None
    checks: list[Outcome] = dataclasses.field(default_factory=list)

    @property
    def reasons(self) -> list[str]:
        """Why the model is refused."""
        return [check.detail for check in self.checks if not check.passed]

    def refuse(self, name: str, reason: str) -> None:
        """Adds a check that the model did not pass."""
        self.checks.append(Outcome(name, False, reason))

    def to_json(self) -> str:
        """The JSON that the module describes."""
        fields = dataclasses.asdict(self)
        return json.dumps({"passed": not self.reasons, "reasons": self.reasons} | fields, indent=2)

    @classmethod
    def from_json(cls, text: str) -> Report:
        """The report that `to_json` has written."""
        fields = json.loads(text)
        del fields["passed"], fields["reasons"]
        return cls(**fields | {"checks": [Outcome(**check) for check in fields["checks"]]})


class Recorder:
    """Runs checks and keeps a file up to date with what came of them.

    A check stands in the file as failed while it runs: after a crash one sees in which it was.
    """

    def __init__(self, path: str) -> None:
        self.report = Report()
        self._path = Path(path)

    def check(self, name: str, function: Callable[[], str]) -> bool:
        """Runs one check.

        Args:
          name: of the check.
          function: gives the detail, or raises CheckFailedError.

        Returns:
          Whether the model passed.
        """
        outcome = Outcome(name, False, UNFINISHED)
        self.report.checks.append(outcome)
        self._write()
        try:
            outcome.detail = function()
            outcome.passed = True
        except CheckFailedError as error:
            outcome.detail = str(error)
        self._write()
        return outcome.passed

    def _write(self) -> None:
        aside = self._path.with_suffix(".writing")
        aside.write_text(self.report.to_json())
        os.replace(aside, self._path)
