"""Where the nodes of a run stand in its picture: a column for each depth, a lane for each branch."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from dashboard.runs import Branch, Node

_BOX_WIDTH, _BOX_HEIGHT = 78, 58
_COLUMN, _ROW = 89, 70
_LANE_TITLE = 26
_MARGIN = 2
_LINE_LENGTH = 9


@dataclasses.dataclass(frozen=True)
class Box:
    """A node; `lines` is its name without the branch's, to be read one below the other; x and y of its centre."""

    node: Node
    lines: tuple[str, ...]
    x: float
    y: float


@dataclasses.dataclass(frozen=True)
class Picture:
    """All in pixels.

    Attributes:
      width, height: of the whole.
      box: width and height of each box.
      lanes: title and y of its base line.
      boxes: in the order of the run, lane by lane.
      lines: SVG paths from a node to one that needs it.
    """

    width: float
    height: float
    box: tuple[float, float]
    lanes: tuple[tuple[str, float], ...]
    boxes: tuple[Box, ...]
    lines: tuple[str, ...]


def draw(branches: Sequence[Branch]) -> Picture:
    """The picture of a run's branches."""
    boxes: list[Box] = []
    lanes: list[tuple[str, float]] = []
    lines: list[str] = []
    columns, top = 1, 0.0
    for branch in branches:
        depths = node_depths(branch.nodes)
        by_depth = [[node for node in branch.nodes if depths[node.id] == d] for d in range(max(depths.values()) + 1)]
        rows = max(len(nodes) for nodes in by_depth)
        lanes.append((branch.name, top + _LANE_TITLE - 8))
        top += _LANE_TITLE
        placed = {}
        for depth, nodes in enumerate(by_depth):
            first = top + (rows - len(nodes)) * _ROW / 2 + _BOX_HEIGHT / 2 + _MARGIN
            for place, node in enumerate(nodes):
                x = depth * _COLUMN + _BOX_WIDTH / 2 + _MARGIN
                placed[node.id] = Box(node, _name_lines(node.id.removeprefix(branch.name)), x, first + place * _ROW)
        boxes += [placed[node.id] for node in branch.nodes]
        lines += [
            _line(placed[before], placed[node.id])
            for node in branch.nodes
            for before in direct_upstream(node, branch.nodes)
        ]
        columns, top = max(columns, len(by_depth)), top + rows * _ROW
    width = (columns - 1) * _COLUMN + _BOX_WIDTH + 2 * _MARGIN
    return Picture(width, top, (_BOX_WIDTH, _BOX_HEIGHT), tuple(lanes), tuple(boxes), tuple(lines))


def node_depths(nodes: Sequence[Node]) -> dict[str, int]:
    """Id -> how many nodes the longest way to it has; the nodes stand in the order of the run."""
    depths: dict[str, int] = {}
    for node in nodes:
        depths[node.id] = max((depths[before] + 1 for before in node.upstream if before in depths), default=0)
    return depths


def direct_upstream(node: Node, nodes: Sequence[Node]) -> list[str]:
    """The nodes before one that are not before another of them anyway: fewer lines say the same order."""
    ancestors: dict[str, set[str]] = {}
    for each in nodes:
        known = [before for before in each.upstream if before in ancestors]
        ancestors[each.id] = set(known).union(*(ancestors[before] for before in known))
    before = [name for name in node.upstream if name in ancestors]
    return [name for name in before if not any(name in ancestors[other] for other in before)]


def _name_lines(name: str) -> tuple[str, ...]:
    """A name of words in camel case in lines that fit into a box, as far as the words do."""
    lines: list[str] = []
    for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[^A-Z]+", name) or [name]:
        if lines and len(lines[-1]) + len(word) <= _LINE_LENGTH:
            lines[-1] += word
        else:
            lines.append(word)
    return tuple(lines[:2]) if len(lines) <= 2 else (lines[0], f"{lines[1]}…")


def _line(start: Box, end: Box) -> str:
    x1, x2 = start.x + _BOX_WIDTH / 2, end.x - _BOX_WIDTH / 2
    middle = (x1 + x2) / 2
    return f"M{x1:g} {start.y:g}C{middle:g} {start.y:g} {middle:g} {end.y:g} {x2:g} {end.y:g}"
