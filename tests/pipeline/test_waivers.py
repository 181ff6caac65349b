from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from components.errors import InputError
from components.findings_gen.waivers import Waiver
from pipeline.tasks import DEFAULT_WAIVERS
from pipeline.waivers import load_waivers

NAMES = ["keypoints", "emotion"]
TODAY = datetime.date(2026, 12, 31)
ENTRY = """
waivers:
  - finding: emotion/drift:brightness
    who: Ada Lovelace
    why: a new camera
    until: {until}
    at_most: 3
"""


def load(folder: Path, text: str) -> dict[str, list[Waiver]]:
    path = folder / "waivers.yaml"
    path.write_text(text)
    return load_waivers(path, NAMES, TODAY)


@pytest.mark.parametrize(("until", "expired"), [("2026-12-30", True), ("2026-12-31", False), ("2027-01-01", False)])
def test_a_waiver_lasts_through_its_last_day(tmp_path: Path, until: str, expired: bool) -> None:
    waivers = load(tmp_path, ENTRY.format(until=until))
    assert waivers == {
        "keypoints": [],
        "emotion": [Waiver("drift:brightness", "Ada Lovelace", "a new camera", until, expired, 3)],
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ENTRY.replace("until: {until}", ""), "'waivers.0.until': Field required"),
        (ENTRY.replace("Ada Lovelace", "''"), "'waivers.0.who'"),
        (ENTRY.replace("at_most", "at_least"), "unknown key 'waivers.0.at_least'"),
        (ENTRY.replace("{until}", "soon"), "'waivers.0.until'"),
        (ENTRY.replace("emotion/", "emotions/"), "no data set 'emotions'; there are keypoints, emotion"),
        (ENTRY.replace("/drift", "/drfit"), "no finding 'drfit:brightness'; there are too_many_bad_rows"),
        (ENTRY.replace("emotion/drift:brightness", "everything"), "'waivers.0.finding'"),
        (ENTRY + ENTRY.replace("waivers:\n", "")[1:], "'emotion/drift:brightness' is waived twice"),
        ("- one\n", "expected keys and values"),
        ("waivers: [\n", "not valid YAML"),
    ],
)
def test_a_wrong_entry_is_explained(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(InputError) as caught:
        load(tmp_path, text.replace("{until}", "2027-01-01"))
    assert str(caught.value).startswith(str(tmp_path / "waivers.yaml"))
    assert expected in str(caught.value)


def test_a_missing_file_names_the_setting(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such file. Check the setting data\.waivers"):
        load_waivers(tmp_path / "none.yaml", NAMES, TODAY)


@pytest.mark.parametrize("path", sorted(DEFAULT_WAIVERS.parent.glob("*waivers.yaml")), ids=lambda path: path.name)
def test_shipped_waivers_are_valid(path: Path) -> None:
    load_waivers(path, NAMES, TODAY)
