"""Addresses of the dashboard's pages."""

from __future__ import annotations

from urllib.parse import quote


def run_address(run_id: str) -> str:
    """The page of a run."""
    return f"/runs/{quote(run_id, safe='')}"


def version_address(artifact_id: int) -> str:
    """The page of a pushed version, by its PushedModel artifact."""
    return f"/models/{artifact_id}"
