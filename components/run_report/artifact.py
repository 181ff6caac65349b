"""What Kubeflow's UI can show, as artifacts: it knows them by the names of their types."""

from __future__ import annotations

from tfx.types import artifact

REPORT_FILE = "report.html"


class HtmlReport(artifact.Artifact):
    """Artifact: `report.html`, one file that needs nothing else."""

    TYPE_NAME = "system.HTML"


class Metrics(artifact.Artifact):
    """Artifact without files: each custom property is a metric, a float, by its name for people."""

    TYPE_NAME = "system.Metrics"


class ClassificationMetrics(artifact.Artifact):
    """Artifact without files: a confusion matrix and a ROC curve, as the custom properties that the UI draws.

    confusionMatrix: {annotationSpecs: [{displayName}], rows: [{row}]}, a spec and a row for each class in the order of
      their ids; a row has the numbers of examples of its class by predicted class.
    confidenceMetrics: [{confidenceThreshold, falsePositiveRate, recall}], by falling threshold.

    Without both where nothing was evaluated; the UI then says that there is nothing to see.
    """

    TYPE_NAME = "system.ClassificationMetrics"
