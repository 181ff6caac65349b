"""Thresholds, and how a candidate stands to them."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

PASSED, FAILED, NOT_JUDGED = "passed", "failed", "not judged"
LIMIT, CHANGE = "limit", "change"

# An equal model is no worse: room for rounding.
_ROUNDING = 1e-9


@dataclasses.dataclass(frozen=True)
class Limits:
    """Limits of one metric: exactly one of `at_least` and `at_most`, and what a baseline may be missed by."""

    at_least: float | None = None
    at_most: float | None = None
    may_worsen_by: float = 0.0

    def gain(self, value: float, reference: float) -> float:
        """By how much the value is better than the reference."""
        return value - reference if self.at_least is not None else reference - value

    @property
    def bound(self) -> float:
        """The absolute limit."""
        bound = self.at_least if self.at_least is not None else self.at_most
        assert bound is not None
        return bound

    @property
    def direction(self) -> str:
        """'at_least' or 'at_most'."""
        return "at_least" if self.at_least is not None else "at_most"


@dataclasses.dataclass(frozen=True)
class Verdict:
    """One threshold and how the candidate stands to it.

    Attributes:
      metric: its name.
      slice: '' for all rows, or '<feature>: <value>'.
      kind: 'limit', or 'change' against the baseline.
      value: the candidate's.
      bound: of the value for 'limit'; of the gain over the baseline for 'change', 0 or negative.
      direction: 'at_least' or 'at_most': whether higher or lower values are better.
      baseline: the baseline's value, for 'change'.
      margin: by how much the bound is kept; negative where it is not.
      interval: 95 % interval of the value for 'limit', of the gain for 'change'; None where there is none.
      examples: rows in the slice.
      state: 'passed', 'failed' or 'not judged'.
      note: why it was not judged.
    """

    metric: str
    slice: str
    kind: str
    value: float
    bound: float
    direction: str
    baseline: float | None
    margin: float
    interval: tuple[float, float] | None
    examples: int
    state: str
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Measured:
    """A metric of one slice.

    Attributes:
      value: the candidate's.
      baseline: the baseline's, or None.
      value_interval: of the value.
      gain_interval: of the gain over the baseline (higher is better), or None.
      examples: rows.
    """

    value: float
    baseline: float | None
    value_interval: tuple[float, float] | None
    gain_interval: tuple[float, float] | None
    examples: int


def judge(metric: str, slice_name: str, limits: Limits, measured: Measured, min_examples: int) -> list[Verdict]:
    """The verdicts on one metric of one slice: its limit, and the change where there is a baseline.

    Args:
      metric: its name.
      slice_name: '' for all rows.
      limits: of the metric.
      measured: what was found.
      min_examples: a slice with fewer rows is not judged. All rows together always are.
    """
    note = ""
    if slice_name and measured.examples < min_examples:
        note = f"fewer than {min_examples} examples"
    elif slice_name and math.isnan(measured.value):
        note = "not defined here"

    def verdict(kind: str, bound: float, margin: float, interval: tuple[float, float] | None) -> Verdict:
        # NaN passes nothing.
        state = NOT_JUDGED if note else PASSED if margin >= -_ROUNDING else FAILED
        baseline = measured.baseline if kind == CHANGE else None
        examples = measured.examples
        return Verdict(
            metric,
            slice_name,
            kind,
            measured.value,
            bound,
            limits.direction,
            baseline,
            margin,
            interval,
            examples,
            state,
            note,
        )

    verdicts = [verdict(LIMIT, limits.bound, limits.gain(measured.value, limits.bound), measured.value_interval)]
    if measured.baseline is not None:
        margin = limits.gain(measured.value, measured.baseline) + limits.may_worsen_by
        verdicts.append(verdict(CHANGE, -limits.may_worsen_by, margin, measured.gain_interval))
    return verdicts


def parse_limits(fields: Mapping[str, Mapping[str, float | None]]) -> dict[str, Limits]:
    """Metric -> limits, from JSON."""
    return {metric: Limits(**values) for metric, values in fields.items()}  # type: ignore[arg-type]
