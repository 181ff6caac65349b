"""Pushed versions, and where one comes from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dashboard import blocks
from dashboard.addresses import run_address, version_address
from dashboard.blocks import Cell, Section
from dashboard.lineage import Lineage, PushedVersion

_SHOWN_DIGITS = 12


def list_section(versions: Sequence[PushedVersion]) -> Section:
    """All versions, newest first."""
    if not versions:
        body = blocks.notice("info", "No model has been pushed yet.")
        return Section("versions", "Pushed versions", body)
    rows: list[list[str | Cell]] = [
        [
            Cell(f"{version.model} {version.version}", href=version_address(version.artifact_id)),
            f"{version.pushed:%d %b %Y, %H:%M:%S}" if version.pushed else "–",
            Cell(version.run_id, href=run_address(version.run_id)),
            whereabouts(version),
        ]
        for version in versions
    ]
    head = ["Model and version", "Pushed (UTC)", "By run", "Now"]
    return Section("versions", "Pushed versions", blocks.table(head, rows, numbers_from=len(head)))


def whereabouts(version: PushedVersion) -> Cell:
    """Whether a server can still load the version; of a bucket nobody is asked."""
    if "://" in version.destination:
        return Cell("–")
    there = Path(version.destination).is_dir()
    return Cell("there", "good") if there else Cell("removed or withdrawn")


def lineage_section(lineage: Lineage) -> Section:
    """One version, back to the data."""
    version = lineage.version
    counts = lineage.row_counts
    trained_here = lineage.trained_in == version.run_id
    splits = ", ".join(f"{name} {counts[name]:,}" for name in ("train", "eval", "test") if name in counts)
    steps: list[tuple[str, str | Cell]] = [
        ("Version", f"{version.model} {version.version}"),
        ("Now", whereabouts(version)),
        ("Pushed by run", Cell(version.run_id, href=run_address(version.run_id))),
        (
            "Trained in run",
            Cell("the same" if trained_here else lineage.trained_in, href=run_address(lineage.trained_in)),
        ),
        ("Training", ", ".join(f"{name} {value}" for name, value in lineage.training.items()) or "–"),
        ("Data", lineage.data_file or "–"),
        ("Fingerprint of the data", lineage.data_fingerprint or "–"),
        ("Rows", f"{counts.get('read', 0):,} read; {splits}" if counts else "–"),
        ("Fingerprint of the schema", lineage.schema_fingerprint or "–"),
        ("Commit of the code", lineage.commit or "–"),
        ("Environment", ", ".join(f"{name} {value}" for name, value in sorted(lineage.environment.items())) or "–"),
    ]
    code = [[node, fingerprint[:_SHOWN_DIGITS]] for node, fingerprint in lineage.code.items()]
    body = blocks.join(
        blocks.facts(steps),
        blocks.details("Fingerprints of the nodes' code", blocks.table(["Node", "Code"], code)) if code else None,
    )
    return Section("lineage", "Where it comes from", body)
