from __future__ import annotations

import datetime

import pytest

from components.findings import Finding
from components.findings_gen.waivers import Waiver, apply_waivers, on_day

BLACK = Finding("black_images", "error", "12 rows: the image is black", count=12, rows=tuple(range(12)))


def waiver(finding: str = "black_images", expired: bool = False, at_most: int | None = None) -> Waiver:
    return Waiver(finding, "Ada", "known", "2027-01-31", expired, at_most)


def test_a_waiver_accepts_and_says_who_why_and_until_when() -> None:
    [waived] = apply_waivers([BLACK], [waiver(at_most=12)])
    assert not waived.stops
    assert waived.waived == "Ada, until 2027-01-31: known"
    assert waived.rows == BLACK.rows


def test_more_rows_than_accepted_stop_again() -> None:
    [finding] = apply_waivers([BLACK], [waiver(at_most=11)])
    assert finding.stops
    assert finding.message.endswith("(Ada accepts 11 at most)")


@pytest.mark.parametrize(("day", "expired"), [("2027-01-31", False), ("2027-02-01", True)])
def test_a_waiver_expires_where_the_pipeline_runs(day: str, expired: bool) -> None:
    assert on_day(waiver(), datetime.date.fromisoformat(day)).expired is expired
    assert on_day(waiver(expired=True), datetime.date.fromisoformat(day)).expired


def test_an_expired_waiver_accepts_nothing_and_is_reported() -> None:
    finding, about = apply_waivers([BLACK], [waiver(expired=True)])
    assert finding == BLACK
    assert (about.name, about.severity) == ("expired_waiver:black_images", "warning")
    assert "Ada, until 2027-01-31" in about.message


def test_a_waiver_that_accepts_nothing_found_is_reported() -> None:
    [about] = apply_waivers([], [waiver("drift:brightness")])
    assert about.name == "unmatched_waiver:drift:brightness"
    assert not about.stops


def test_only_the_named_finding_is_accepted() -> None:
    drift = [Finding(f"drift:{name}", "error", "far") for name in ("brightness", "contrast")]
    brightness, contrast = apply_waivers(drift, [waiver("drift:brightness")])
    assert (brightness.stops, contrast.stops) == (False, True)
