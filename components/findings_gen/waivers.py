"""Applies waivers: written acceptances of findings."""

from __future__ import annotations

import dataclasses
import datetime

from components.findings import Finding
from components.findings_gen.catalogue import CHECKS


@dataclasses.dataclass(frozen=True)
class Waiver:
    """Somebody accepts a finding.

    Attributes:
      finding: its name.
      who: accepts it.
      why: it may be accepted.
      until: the last day, as YYYY-MM-DD.
      expired: whether that day is over.
      at_most: rows that it accepts; None for any number.
    """

    finding: str
    who: str
    why: str
    until: str
    expired: bool
    at_most: int | None = None


def on_day(waiver: Waiver, today: datetime.date) -> Waiver:
    """The waiver as it stands on a day: a pipeline may run long after somebody has put it together."""
    last_day = datetime.date.fromisoformat(waiver.until)
    return dataclasses.replace(waiver, expired=waiver.expired or last_day < today)


def apply_waivers(findings: list[Finding], waivers: list[Waiver]) -> list[Finding]:
    """The findings, waived where a waiver accepts them, and a finding for each waiver that has expired or fits none."""
    result = []
    waiver_of = {waiver.finding: waiver for waiver in waivers if not waiver.expired}
    for finding in findings:
        waiver = waiver_of.get(finding.name)
        if waiver and (waiver.at_most is None or finding.count <= waiver.at_most):
            finding = dataclasses.replace(finding, waived=f"{waiver.who}, until {waiver.until}: {waiver.why}")
        elif waiver:
            message = f"{finding.message} ({waiver.who} accepts {waiver.at_most:,} at most)"
            finding = dataclasses.replace(finding, message=message)
        result.append(finding)
    names = {finding.name for finding in findings}
    for waiver in waivers:
        about = f"of {waiver.finding} by {waiver.who}, until {waiver.until}"
        if waiver.expired:
            result.append(_about_waiver("expired_waiver", waiver.finding, about))
        elif waiver.finding not in names:
            result.append(_about_waiver("unmatched_waiver", waiver.finding, about))
    return result


def _about_waiver(name: str, finding: str, about: str) -> Finding:
    check = CHECKS[name]
    return Finding(f"{name}:{finding}", check.severity, f"{check.meaning}: {about}", check.remedy)
