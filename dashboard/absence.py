"""Says why there is nothing to see yet, or any more."""

from __future__ import annotations

from markupsafe import Markup

from dashboard.blocks import Kind, notice
from dashboard.paths import without_folders
from dashboard.runs import Branch, NodeState

_WHY: dict[NodeState, tuple[Kind, str]] = {
    "running": ("info", "is at work; this is here when it has ended."),
    "waiting": ("info", "has not begun yet."),
    "skipped": ("warning", "did not run, as the branch had stopped before."),
    "failed": ("bad", "failed"),
    "done": ("warning", "has ended, but its files are missing or broken."),
    "cached": ("warning", "was cached, but its files are missing or broken."),
}


def absent(branch: Branch, suffix: str) -> Markup | None:
    """Why what a node puts out is missing; None where the branch has no such node.

    Args:
      branch: of the node.
      suffix: of its id, after the branch's name.
    """
    node = branch.node(suffix)
    if node is None:
        return None
    kind, why = _WHY[node.state]
    if node.state == "failed":
        why += f": {without_folders(node.message)}" if node.message else "."
    return notice(kind, f"{node.id} {why}")
