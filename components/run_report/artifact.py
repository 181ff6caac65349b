"""The report, as an artifact."""

from __future__ import annotations

from tfx.types import artifact

REPORT_FILE = "report.html"


class HtmlReport(artifact.Artifact):
    """Artifact: `report.html`, one file that needs nothing else.

    The type's name is the one by which the UI of Kubeflow Pipelines knows what it can show.
    """

    TYPE_NAME = "system.HTML"
