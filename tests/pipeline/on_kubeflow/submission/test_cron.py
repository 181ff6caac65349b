from __future__ import annotations

import pytest

from components.errors import InputError
from pipeline.on_kubeflow.submission.cron import cron_expression, interval_seconds


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("0 6 * * *", "0 0 6 * * *"),
        ("15,45 */2 1-15/3 JAN-mar ?", "0 15,45 */2 1-15/3 JAN-mar ?"),
        ("30 0 6 * * MON,wed-FRI", "30 0 6 * * MON,wed-FRI"),
        ("@daily", "@daily"),
        ("5/10 * * * 0", "0 5/10 * * * 0"),
    ],
)
def test_expressions_get_a_second(given: str, sent: str) -> None:
    assert cron_expression(given) == sent


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("", "expected five fields"),
        ("0 6 * *", "expected five fields"),
        ("@sometimes", "expected five fields"),
        ("60 6 * * *", "'60' is no minute: 0 to 59"),
        ("0 24 * * *", "'24' is no hour"),
        ("0 6 0 * *", "'0' is no day of month: 1 to 31"),
        ("0 6 * 13 *", "'13' is no month: 1 to 12 or JAN to DEC"),
        ("0 6 * * 7", "'7' is no day of week: 0 to 6 or SUN to SAT.*0 is Sunday"),
        ("0 6 * * MONDAY", "'MONDAY' is no day of week"),
        ("10-5 6 * * *", "'10-5' is no minute"),
        ("*/0 6 * * *", r"'\*/0' is no minute"),
        ("*-5 6 * * *", r"'\*-5' is no minute"),
        ("5, 6 * * *", "'' is no minute"),
        ("²  6 * * *", "'²' is no minute"),
    ],
)
def test_what_is_no_expression(given: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        cron_expression(given)


@pytest.mark.parametrize(
    ("given", "seconds"), [("90", 90), ("90s", 90), ("30m", 1800), ("12h", 43200), ("7d", 604800), ("1d12h", 129600)]
)
def test_intervals(given: str, seconds: int) -> None:
    assert interval_seconds(given) == seconds


@pytest.mark.parametrize("given", ["", "0", "0h", "soon", "12 hours", "-5m", "1.5h", "1h1d", "9999999999d"])
def test_what_is_no_interval(given: str) -> None:
    with pytest.raises(InputError, match="expected an interval such as 30m"):
        interval_seconds(given)
