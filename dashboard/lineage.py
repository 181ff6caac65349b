"""Where a pushed version comes from, back to the data."""

from __future__ import annotations

import dataclasses
import json
import posixpath
from datetime import datetime, timezone
from typing import Any

from ml_metadata.metadata_store import metadata_store

from dashboard.files import read_json
from dashboard.runs import Artifact, Branch, Node, outputs_by_run, read_run
from dashboard.tuning import best_values


@dataclasses.dataclass(frozen=True)
class PushedVersion:
    """A version of a model that a run has pushed.

    Attributes:
      artifact_id: of its PushedModel.
      model: its name.
      version: as a server knows it.
      run_id: of the run that pushed it.
      destination: its folder.
    """

    artifact_id: int
    model: str
    version: str
    run_id: str
    destination: str

    @property
    def pushed(self) -> datetime | None:
        """When, as far as the version is a time in seconds."""
        if not self.version.isdigit():
            return None
        return datetime.fromtimestamp(int(self.version), timezone.utc)


@dataclasses.dataclass(frozen=True)
class Lineage:
    """What a version was made from; parts that nobody has recorded are None or empty.

    Attributes:
      version: it.
      branch: of the run that pushed it.
      trained_in: id of the run that trained the model; an earlier one where the Trainer was cached.
      training: settings of the Trainer, with the best values of a Tuner in the place of those that they replaced.
      data_file: name of the CSV.
      data_fingerprint: of its content.
      row_counts: as the ExampleGen counts them.
      schema_fingerprint: of the curated schema.
      commit: of the code.
      environment: package -> version.
      code: node -> fingerprint of its code.
    """

    version: PushedVersion
    branch: Branch
    trained_in: str
    training: dict[str, Any]
    data_file: str
    data_fingerprint: str
    row_counts: dict[str, int]
    schema_fingerprint: str
    commit: str
    environment: dict[str, str]
    code: dict[str, str]


def list_pushed(store: metadata_store.MetadataStore) -> list[PushedVersion]:
    """All versions that runs have pushed, newest first; each once, however often a run found it there already."""
    found: dict[str, PushedVersion] = {}
    for run_id, artifacts in outputs_by_run(store, "PushedModel").items():
        for artifact in artifacts:
            version = pushed_version(artifact, run_id)
            if version and not artifact.properties.get("unchanged"):
                found.setdefault(version.destination, version)
    return sorted(found.values(), key=lambda version: version.artifact_id, reverse=True)


def pushed_version(artifact: Artifact, run_id: str) -> PushedVersion | None:
    """What a PushedModel artifact stands for; None where nothing was pushed."""
    destination = str(artifact.properties.get("pushed_destination", "")).rstrip("/")
    if not (artifact.properties.get("pushed") and destination):
        return None
    model = posixpath.basename(posixpath.dirname(destination))
    version = str(artifact.properties.get("pushed_version", ""))
    return PushedVersion(artifact.id, model, version, run_id, destination)


def read_lineage(store: metadata_store.MetadataStore, version: PushedVersion) -> Lineage:
    """Where a version comes from."""
    run = read_run(store, version.run_id)
    branch = next(
        branch
        for branch in run.branches
        if any(artifact.id == version.artifact_id for node in branch.nodes for artifact in _outputs(node))
    )
    example_gen, trainer = _maker(branch, "Examples"), _maker(branch, "Model")
    schema_gen = _maker(branch, "Schema")
    card = read_json(branch.output("emotion_ai.ModelCard"), "model_card.json") or {}
    read = example_gen.parameters if example_gen else {}
    return Lineage(
        version=version,
        branch=branch,
        trained_in=_trained_in(store, branch.output("Model")) or version.run_id,
        training={**_training(trainer), **best_values(branch.output("HyperParameters"))},
        data_file=posixpath.basename(str(read.get("csv_path", ""))),
        data_fingerprint=str(read.get("data_fingerprint", "")),
        row_counts=row_counts(branch),
        schema_fingerprint=str(schema_gen.parameters.get("schema_fingerprint", "")) if schema_gen else "",
        commit=str(card.get("commit", "")),
        environment=card.get("environment", {}),
        code={
            node.id: fingerprint
            for node in branch.nodes
            if (
                fingerprint := str(node.parameters.get("code_fingerprint") or _custom(node).get("code_fingerprint", ""))
            )
        },
    )


def row_counts(branch: Branch) -> dict[str, int]:
    """How many rows there are of what, as the ExampleGen has counted them; {} where it has not."""
    examples = _first(branch, "Examples")
    counts: dict[str, int] = json.loads(examples.properties.get("row_counts") or "{}") if examples else {}
    return counts


def _training(trainer: Node | None) -> dict[str, Any]:
    settings: dict[str, Any] = _custom(trainer).get("training", {}) if trainer else {}
    return settings


def _custom(node: Node) -> dict[str, Any]:
    config: dict[str, Any] = json.loads(node.parameters.get("custom_config") or "null") or {}
    return config


def _trained_in(store: metadata_store.MetadataStore, model: Artifact | None) -> str:
    """The first run that has the model among its outputs."""
    if model is None:
        return ""
    executions = sorted(event.execution_id for event in store.get_events_by_artifact_ids([model.id]))
    names = [c.name for c in store.get_contexts_by_execution(executions[0]) if c.type == "pipeline_run"]
    return names[0] if names else ""


def _maker(branch: Branch, artifact_type: str) -> Node | None:
    """The first node that puts out such an artifact."""
    return next((node for node in branch.nodes if any(a.type == artifact_type for a in _outputs(node))), None)


def _first(branch: Branch, artifact_type: str) -> Artifact | None:
    return next((a for node in branch.nodes for a in _outputs(node) if a.type == artifact_type), None)


def _outputs(node: Node) -> list[Artifact]:
    return [artifact for artifacts in node.outputs.values() for artifact in artifacts]
