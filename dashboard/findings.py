"""Reads a Findings artifact."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from typing import Any, TypeAlias

import tensorflow as tf

_FINDINGS_FILE, _SUMMARY_FILE = "findings.jsonl", "summary.json"
_DRIFT = "drift:"

# A line of findings.jsonl: {name, severity, message, remedy, count, rows, groups, by_split, waived}.
Finding: TypeAlias = dict[str, Any]


def read_findings(uri: str) -> tuple[list[Finding], dict[str, Any]] | None:
    """The findings, worst first, and the summary, of a Findings artifact; None where its files are gone, or cut off."""
    paths = [os.path.join(uri, name) for name in (_FINDINGS_FILE, _SUMMARY_FILE)]
    if not all(tf.io.gfile.exists(path) for path in paths):
        return None
    lines, summary = (tf.io.gfile.GFile(path).read() for path in paths)
    try:
        return [json.loads(line) for line in lines.splitlines()], json.loads(summary)
    except ValueError:
        return None


def stops(finding: Finding) -> bool:
    """Whether the branch does not go on with it."""
    return bool(finding["severity"] == "error" and not finding["waived"])


def drifted(found: Iterable[Finding]) -> list[str]:
    """The features that differ from what the served model has learned from."""
    return [finding["name"].removeprefix(_DRIFT) for finding in found if finding["name"].startswith(_DRIFT)]
