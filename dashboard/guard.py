"""Sections that may fail: whatever is broken in an artifact must not hide what the others have to say."""

from __future__ import annotations

import logging
from collections.abc import Callable

from markupsafe import Markup

from dashboard import blocks
from dashboard.blocks import Section

_log = logging.getLogger(__name__)


def guarded(section_id: str, title: str, make: Callable[[], Markup | None]) -> Section | None:
    """A section; where making its body fails, it says so; None where there is nothing to show."""
    try:
        body = make()
    except Exception as error:
        return broken(section_id, title, error)
    return Section(section_id, title, body) if body else None


def broken(section_id: str, title: str, error: Exception) -> Section:
    """What stands in the place of a section that has failed; to be called where the error is handled."""
    _log.exception("%s cannot be shown", title)
    text = f"This part cannot be shown: an artifact is missing or broken ({type(error).__name__}). See the log."
    return Section(f"{section_id}-broken", title, blocks.notice("bad", text))
