"""Types of artifacts: what Kubeflow can store, and what its web page can show."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.on_kubeflow.doctor.nodes import OUR_RUNNER, TFX_RUNNER, Node, nodes_of, title_of
from pipeline.on_kubeflow.doctor.problem import Problem, error, warning
from pipeline.on_kubeflow.package import Package

_FILES = ("system.HTML", "system.Markdown")
_SHOWN = (*_FILES, "system.Metrics", "system.ClassificationMetrics", "system.SlicedClassificationMetrics")
_SYSTEM = (*_SHOWN, "system.Artifact", "system.Dataset", "system.Model")
# What TFX users look at, and Kubeflow's page shows nothing of.
_REPORTS = ("tfx.ExampleStatistics", "tfx.ExampleAnomalies", "tfx.ModelEvaluation")


def check_artifacts(package: Package) -> Iterator[Problem]:
    """Types of all outputs."""
    nodes = list(nodes_of(package))
    for node in nodes:
        for name, artifact in node.outputs.items():
            yield from _check_type(node, name, title_of(artifact))
    shown = any(title_of(artifact) in _SHOWN for node in nodes for artifact in node.outputs.values())
    if not shown:
        for node in nodes:
            titles = sorted({title for title in map(title_of, node.outputs.values()) if title in _REPORTS})
            if titles:
                yield warning(
                    node.name,
                    f"Kubeflow's page shows nothing of {' and '.join(titles)}.",
                    "Add a component that writes a report as system.HTML, such as our RunReport.",
                )


def _check_type(node: Node, name: str, title: str | None) -> Iterator[Problem]:
    if title is None:
        yield error(
            node.name,
            f"The type of its output '{name}' has no title that Kubeflow can read (schemaTitle, or instanceSchema "
            "with a title), and the launcher fails after the node has run.",
            "Compile again with a schemaTitle such as system.Artifact.",
        )
    elif title.startswith("system.") and title not in _SYSTEM:
        meant = [known for known in _SYSTEM if known.lower().rstrip("s") == title.lower().rstrip("s")]
        yield warning(
            node.name,
            f"Kubeflow has no type {title} (output '{name}'), and its page shows nothing of it.",
            f"Write {meant[0]}." if meant else f"Use one of {', '.join(_SYSTEM)}.",
        )
    elif title in _FILES and node.is_tfx and node.runner == TFX_RUNNER:
        yield error(
            node.name,
            f"Its output '{name}' is {title}, for which Kubeflow's page wants one file; TFX writes a folder.",
            f"Run it by {OUR_RUNNER}, which hands on the file in the folder.",
        )
