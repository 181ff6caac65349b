from __future__ import annotations

import math

import pytest

from components.blessing.judging import FAILED, NOT_JUDGED, PASSED, Limits, Measured, judge

ACCURACY = Limits(at_least=0.7)
ERROR = Limits(at_most=2.0)


def states(
    limits: Limits, value: float, baseline: float | None = None, slice_name: str = "", examples: int = 99
) -> list[str]:
    measured = Measured(value, baseline, None, None, examples)
    return [verdict.state for verdict in judge("m", slice_name, limits, measured, min_examples=50)]


def test_the_first_model_is_judged_by_its_limit_alone() -> None:
    assert states(ACCURACY, 0.71) == states(ERROR, 1.9) == [PASSED]
    assert states(ACCURACY, 0.69) == states(ERROR, 2.1) == [FAILED]


def test_an_equal_model_is_accepted_and_a_worse_one_refused() -> None:
    assert states(ACCURACY, 0.8, baseline=0.8) == states(ERROR, 1.5, baseline=1.5) == [PASSED, PASSED]
    assert states(ACCURACY, 0.8, baseline=0.80001) == states(ERROR, 1.50001, baseline=1.5) == [PASSED, FAILED]
    assert states(Limits(at_least=0.7, may_worsen_by=0.05), 0.76, baseline=0.8) == [PASSED, PASSED]
    assert states(Limits(at_most=2.0, may_worsen_by=0.05), 1.56, baseline=1.5) == [PASSED, FAILED]


def test_a_small_slice_is_shown_and_not_judged() -> None:
    assert states(ACCURACY, 0.1, baseline=0.9, slice_name="emotion: Sad", examples=49) == [NOT_JUDGED] * 2
    assert states(ACCURACY, 0.1, slice_name="emotion: Sad", examples=50) == [FAILED]
    assert states(ACCURACY, 0.1, examples=49) == [FAILED], "all rows together are always judged"


def test_what_is_not_a_number_passes_nothing() -> None:
    assert states(ERROR, math.nan) == [FAILED]
    assert states(ERROR, math.nan, slice_name="marked_points: 4") == [NOT_JUDGED]


def test_margins_and_bounds_say_by_how_much() -> None:
    measured = Measured(1.6, 1.5, (1.4, 1.8), (-0.3, 0.1), 99)
    limit, change = judge("rmse_px", "", Limits(at_most=2.0, may_worsen_by=0.05), measured, 50)
    assert (limit.margin, limit.bound, limit.interval) == (pytest.approx(0.4), 2.0, (1.4, 1.8))
    assert (change.margin, change.bound, change.interval) == (pytest.approx(-0.05), -0.05, (-0.3, 0.1))
    assert (limit.baseline, change.baseline) == (None, 1.5)
