"""Kubeflow's schedules: cron expressions of six fields, and intervals."""

from __future__ import annotations

import re

from components.errors import InputError

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
# Name, least, most, names and the number of the first of them.
_FIELDS = (
    ("second", 0, 59, (), 0),
    ("minute", 0, 59, (), 0),
    ("hour", 0, 23, (), 0),
    ("day of month", 1, 31, (), 0),
    ("month", 1, 12, _MONTHS, 1),
    ("day of week", 0, 6, _DAYS, 0),
)
_NAMED = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_PART = re.compile(r"(?P<first>\*|\?|\w+)(-(?P<last>\w+))?(/(?P<step>\d+))?")
_LONGEST_S = 10 * 366 * 24 * 3600
_INTERVAL = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?")


def cron_expression(text: str) -> str:
    """A cron expression as Kubeflow wants it: six fields, of which the first is the second.

    Args:
      text: five fields, as everyone writes them, or six; or one of @hourly, @daily, @weekly, @monthly and @yearly.

    Raises:
      InputError: it is no such expression.
    """
    fields = text.split()
    if len(fields) == 1 and fields[0] in _NAMED:
        return fields[0]
    if len(fields) == 5:
        fields = ["0", *fields]
    if len(fields) != 6:
        raise InputError(
            f"--cron '{text}': expected five fields (minute, hour, day of month, month, day of week), six with the "
            "second before them, or a word such as @daily. In the shell it needs quotes."
        )
    for field, (name, least, most, names, first_number) in zip(fields, _FIELDS, strict=True):
        for part in field.split(","):
            if not _is_legal(part, least, most, {word: first_number + i for i, word in enumerate(names)}):
                known = f" or {names[0]} to {names[-1]}" if names else ""
                raise InputError(
                    f"--cron '{text}': '{part}' is no {name}: {least} to {most}{known}, *, ranges 1-5, steps */2"
                    f"{', 0 is Sunday' if names == _DAYS else ''}."
                )
    return " ".join(fields)


def interval_seconds(text: str) -> int:
    """Seconds of an interval such as 90s, 30m, 12h, 7d or 1d12h.

    Raises:
      InputError: it is no such interval, or longer than ten years.
    """
    match = _INTERVAL.fullmatch(text.strip())
    days, hours, minutes, seconds = (int(number or 0) for number in match.groups()) if match else (0, 0, 0, 0)
    total = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    if not 0 < total <= _LONGEST_S:
        raise InputError(f"--every {text}: expected an interval such as 30m, 12h, 7d or 1d12h.")
    return total


def _is_legal(part: str, least: int, most: int, names: dict[str, int]) -> bool:
    match = _PART.fullmatch(part)
    if not match or match["step"] == "0" or (match["step"] and int(match["step"]) > most):
        return False
    if match["first"] in ("*", "?"):
        return match["last"] is None
    ends = [_number(word, names) for word in (match["first"], match["last"]) if word is not None]
    return all(number is not None and least <= number <= most for number in ends) and ends == sorted(
        ends, key=lambda number: number or 0
    )


def _number(word: str, names: dict[str, int]) -> int | None:
    return int(word) if word.isascii() and word.isdigit() else names.get(word.upper())
