"""The pages: which sections stand on which, and that each needs nothing else."""

from __future__ import annotations

import re

import pytest

from tests.components.reports.conftest import MEDIAN_LIMIT_MS, Reports

DATA = ["data", "looks", "faces"]
JUDGED = ["evaluation", "blessing"]
SECTIONS = {
    "statistics_html": DATA,
    "findings_html": ["findings"],
    "evaluation_html": JUDGED,
    "html": [*DATA, "findings", "training", *JUDGED],
}
BRANCHES = ("emotion", "keypoints")
PLOTLY_BYTES = 4_000_000


def without_scripts(page: str) -> str:
    return re.sub(r"(?s)<script>.*?</script>", "", page)


@pytest.mark.parametrize("branch", BRANCHES)
@pytest.mark.parametrize("name", SECTIONS)
def test_each_part_has_its_page(reports: dict[str, Reports], branch: str, name: str) -> None:
    page = without_scripts(reports[branch].page(name))
    assert re.findall(r'<section id="([^"]+)"', page) == [f"{branch}-{section}" for section in SECTIONS[name]]
    assert f"<h1>{branch.capitalize()}</h1>" in page


@pytest.mark.parametrize("branch", BRANCHES)
@pytest.mark.parametrize("name", SECTIONS)
def test_a_page_needs_nothing_else(reports: dict[str, Reports], branch: str, name: str) -> None:
    page = reports[branch].page(name)
    assert "default-src 'none'" in page
    assert not re.search(r'<(script|link|img|image|iframe)\b[^>]*\b(src|href)="(?!data:)', page)
    text = without_scripts(page)
    assert not re.search(r'href="(?!#|data:)', text)
    ids = set(re.findall(r'\bid="([^"]+)"', text))
    assert set(re.findall(r'href="#([^"]+)"', text)) <= ids


@pytest.mark.parametrize("branch", BRANCHES)
def test_only_pages_with_charts_carry_what_draws_them(reports: dict[str, Reports], branch: str) -> None:
    for name in SECTIONS:
        page = reports[branch].page(name)
        has_charts = name != "findings_html"
        assert ("data-figure=" in without_scripts(page)) == has_charts
        assert (len(page) > PLOTLY_BYTES) == has_charts


@pytest.mark.parametrize("branch", BRANCHES)
def test_settings_reach_the_page(reports: dict[str, Reports], branch: str) -> None:
    page = without_scripts(reports[branch].page("html"))
    assert "of 2 at most" in page
    assert f"{MEDIAN_LIMIT_MS:g} ms are allowed" in page
    assert "split test" in page
