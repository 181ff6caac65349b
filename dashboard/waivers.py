"""What has become of waivers: whether each of them accepts anything, and for how long yet."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

from dashboard.blocks import Cell

_SOON_DAYS = 30


def status(waiver: Mapping[str, Any], finding: Mapping[str, Any] | None, today: datetime.date) -> Cell:
    """What a waiver did in a run, and what it will do.

    Args:
      waiver: {finding, who, why, until, expired, at_most}, as the run had it.
      finding: the one that it names, as it stands in findings.jsonl; None where it was not found.
      today: when somebody looks at it, which may be long after the run.
    """
    until = datetime.date.fromisoformat(waiver["until"])
    if waiver["expired"]:
        return Cell("expired: accepts nothing any more", "bad")
    if finding is None:
        return Cell("accepts nothing: not found in the data", "warning")
    if not finding["waived"]:
        return Cell(f"does not hold: {finding['count']:,} rows, it accepts {waiver['at_most']:,} at most", "bad")
    accepts = f"accepts {finding['count']:,} rows" if finding["count"] else "accepts it"
    if until < today:
        return Cell(f"{accepts}, but has expired since: the next run stops", "bad")
    left = (until - today).days
    if left < _SOON_DAYS:
        return Cell(f"{accepts}; expires in {left} day{'s' * (left != 1)}", "warning")
    return Cell(accepts, "good")
