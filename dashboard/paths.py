"""What of a path may stand on a page: others read it, and need not know this machine's folders."""

from __future__ import annotations

import re

# Not the part of a URL after its host.
_ABSOLUTE = re.compile(r"(?<![\w./:\\-])/(?:[^\s/'\"<>:,;()\[\]{}]+/)+([^\s/'\"<>:,;()\[\]{}]*)")
# TFX puts an artifact into <pipeline root>/<node>/<output>/<number>.
_PARTS = 3


def without_folders(text: str) -> str:
    """The text with '…/name' in place of each absolute path."""
    return _ABSOLUTE.sub(r"…/\1", text)


def within_root(uri: str) -> str:
    """An artifact's folder relative to the pipeline root: node, output, number."""
    return "/".join(uri.rstrip("/").split("/")[-_PARTS:])
