"""What is wrong with data: the record that checks write, waivers accept, the gate obeys and people read."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable
from typing import Any

from tfx.dsl.io import fileio
from tfx.types import artifact

ERROR, WARNING, INFO = "error", "warning", "info"
SEVERITIES = (ERROR, WARNING, INFO)

# More rows than anybody looks at; keeps the file small where everything is wrong.
MAX_ROWS = 10_000

_FINDINGS_FILE = "findings.jsonl"
_SUMMARY_FILE = "summary.json"


class Findings(artifact.Artifact):
    """Artifact: `findings.jsonl`, a finding on each line, worst first, and `summary.json`, see `write`."""

    TYPE_NAME = "emotion_ai.Findings"


@dataclasses.dataclass(frozen=True)
class Finding:
    """Something found in the data.

    Attributes:
      name: what a waiver calls it: the check, and the feature after a colon where there is one ('drift:brightness').
      severity: 'error' stops the branch unless waived; 'warning' and 'info' do not.
      message: what was found.
      remedy: what to do.
      count: rows that it concerns; 0 where it is about a distribution.
      rows: their numbers in the file, ascending, MAX_ROWS at most.
      groups: row numbers that belong together, say copies of one picture.
      by_split: split -> count.
      waived: who accepted it, why and until when; '' where nobody did.
    """

    name: str
    severity: str
    message: str
    remedy: str = ""
    count: int = 0
    rows: tuple[int, ...] = ()
    groups: tuple[tuple[int, ...], ...] = ()
    by_split: dict[str, int] = dataclasses.field(default_factory=dict)
    waived: str = ""

    @property
    def stops(self) -> bool:
        """Whether the data may not be used."""
        return self.severity == ERROR and not self.waived

    def to_json(self) -> str:
        """One line of JSON."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, line: str) -> Finding:
        """Inverse of `to_json`."""
        fields = json.loads(line)
        groups = tuple(tuple(group) for group in fields["groups"])
        return cls(**{**fields, "rows": tuple(fields["rows"]), "groups": groups})


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Sorted: what stops, then by severity, then by rows."""
    return sorted(findings, key=lambda f: (not f.stops, SEVERITIES.index(f.severity), -f.count, f.name))


def write(uri: str, findings: Iterable[Finding], context: dict[str, Any]) -> dict[str, Any]:
    """Writes the files of a Findings artifact.

    Args:
      uri: its folder.
      findings: in any order.
      context: what else the summary says.

    Returns:
      The summary: `context`; 'stops', whether any finding does; 'waived' and each severity, how many there are that
      are waived, or are not.
    """
    ordered = worst_first(findings)
    counts = {severity: sum(f.severity == severity and not f.waived for f in ordered) for severity in SEVERITIES}
    summary = {**context, "stops": any(f.stops for f in ordered), "waived": sum(bool(f.waived) for f in ordered)}
    summary.update(counts)
    with fileio.open(os.path.join(uri, _FINDINGS_FILE), "w") as file:
        file.write("".join(f"{finding.to_json()}\n" for finding in ordered))
    with fileio.open(os.path.join(uri, _SUMMARY_FILE), "w") as file:
        file.write(json.dumps(summary, indent=2) + "\n")
    return summary


def read(uri: str) -> tuple[list[Finding], dict[str, Any]]:
    """The findings, worst first, and the summary of a Findings artifact."""
    with fileio.open(os.path.join(uri, _FINDINGS_FILE)) as file:
        findings = [Finding.from_json(line) for line in file.read().splitlines()]
    with fileio.open(os.path.join(uri, _SUMMARY_FILE)) as file:
        return findings, json.load(file)


def describe_counts(summary: dict[str, Any]) -> str:
    """How many findings there are, in words."""
    return ", ".join(f"{summary[kind]} {kind}" for kind in (*SEVERITIES, "waived"))
