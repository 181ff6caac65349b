"""A person's mistake."""

from __future__ import annotations


class UsageError(Exception):
    """Something that a person can mend; the text names what is wrong, and what to do."""
