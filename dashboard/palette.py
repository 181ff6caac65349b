"""Colours of charts: the same thing has the same colour everywhere.

The first five and those of the splits can be told apart with every kind of colour blindness, and stand out from the
light and from the dark page with a contrast of 3:1. Where it can be, a chart also tells things apart by dash or name.
"""

from __future__ import annotations

# By the position of a class: red, teal, blue, amber, violet; then olive and slate, for data with more classes.
CLASS_COLOURS: tuple[str, ...] = ("#c34b3d", "#16a592", "#0c6cf2", "#cc830a", "#ae5ebb", "#7d7a2c", "#6b7683")

# 'validation' is what TensorBoard calls the split that training watches.
SPLIT_COLOURS: dict[str, str] = {"train": "#0c6cf2", "eval": "#cc830a", "validation": "#cc830a", "test": "#16a592"}

# A single series, and what has no colour of its own.
SINGLE, NEUTRAL = "#0c6cf2", "#7d8590"
# What a value is compared with.
LIMIT = "#c34b3d"
# Dashes by the position of a class.
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash")


def class_colour(position: int) -> str:
    """The colour of the class at a position; they begin again after the last."""
    return CLASS_COLOURS[position % len(CLASS_COLOURS)]


def class_dash(position: int) -> str:
    """The dash of the line of the class at a position."""
    return _DASHES[position % len(_DASHES)]
