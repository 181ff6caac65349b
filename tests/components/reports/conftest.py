"""Both report nodes of both branches, run by the local launcher on small real artifacts."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from tfx.dsl.components.base.base_node import BaseNode
from tfx.dsl.components.common.importer import Importer
from tfx.orchestration import metadata
from tfx.orchestration.pipeline import Pipeline
from tfx.types import artifact, standard_artifacts

from components.blessing.report import BlessingReport
from components.data_report.component import DataReport
from components.findings import Findings
from components.model_card.artifact import ModelCard
from components.predictions import Predictions
from components.run_report.artifact import REPORT_FILE
from components.run_report.component import RunReport
from pipeline.local_runner import NodeRun, run_pipeline
from pipeline.tasks import EMOTION, KEYPOINTS, Task
from tests.dashboard.branches import BranchMaker
from tests.data_chain import DataChain

TRAINING = {"training": {"epochs": 2, "batch_size": 32, "seed": 1}}
MEDIAN_LIMIT_MS = 77.0


class _Nobody:
    def node_started(self, node_id: str) -> None:
        pass

    def node_ended(self, run: NodeRun) -> None:
        pass


@dataclasses.dataclass(frozen=True)
class Reports:
    """What the report nodes of a branch have put out, as ML Metadata gives it back."""

    task: Task
    outputs: Mapping[str, artifact.Artifact]

    def page(self, name: str) -> str:
        """The page of an output; it must be its only file, as Kubeflow shows just one."""
        [path] = Path(self.outputs[name].uri).iterdir()
        assert path.name == REPORT_FILE
        return path.read_text()


@pytest.fixture(scope="session")
def reports(drawn_csvs: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Reports]:
    """By the name of the task."""
    folder = tmp_path_factory.mktemp("reports")
    nodes: list[BaseNode] = []
    for task, csv in ((KEYPOINTS, drawn_csvs[0]), (EMOTION, drawn_csvs[1])):
        nodes += _report_nodes(folder / task.name, task, csv)
    pipeline = Pipeline(
        "reports",
        str(folder / "nodes"),
        components=nodes,
        enable_cache=False,
        metadata_connection_config=metadata.sqlite_metadata_connection_config(str(folder / "metadata.sqlite")),
    )
    runs = run_pipeline(pipeline, "run-1", _Nobody())
    assert {run.state for run in runs.values()} == {"done"}, [run.message for run in runs.values()]
    return {
        task.name: Reports(
            task,
            {
                name: of_name[0]
                for suffix in ("DataReport", "RunReport")
                for name, of_name in runs[task.node_id(suffix)].outputs.items()
            },
        )
        for task in (KEYPOINTS, EMOTION)
    }


def _report_nodes(folder: Path, task: Task, csv: Path) -> list[BaseNode]:
    maker = BranchMaker(folder, task, csv)
    chain = maker.chain
    chain.validate()
    made = {name: output for node in maker.nodes(1) for name, output in node.outputs.items() if name != "blessing"}
    servable = folder / "servable"
    servable.mkdir()
    checked = {"passed": True, "checks": [], "reasons": [], "median_ms": 3.5}
    (servable / "servable_check.json").write_text(json.dumps(checked))
    inputs = {
        "examples": chain.examples,
        "statistics": chain.statistics,
        "anomalies": chain.anomalies,
        "findings": _artifact(Findings, made["findings"].uri),
        "model_run": _artifact(standard_artifacts.ModelRun, made["model_run"].uri),
        "predictions": _artifact(Predictions, made["predictions"].uri),
        "report": _artifact(BlessingReport, made["report"].uri),
        "infra_blessing": _artifact(standard_artifacts.InfraBlessing, str(servable)),
        "model_card": _artifact(ModelCard, made["model_card"].uri),
    }
    importers = {name: _importer(task, name, given) for name, given in inputs.items()}
    channels = {name: importer.outputs["result"] for name, importer in importers.items()}
    parameters = _parameters(task, chain)
    data_report = DataReport(
        **{name: channels[name] for name in ("examples", "statistics", "anomalies", "findings")},
        branch=task.node_id(""),
        parameters=parameters,
        code_fingerprint="",
    )
    run_report = RunReport(
        **channels,
        branch=task.node_id(""),
        parameters={
            **parameters,
            "BlessingGen": {"split": "test"},
            "ServableCheck": {"max_median_ms": MEDIAN_LIMIT_MS},
        },
        training=json.dumps(TRAINING),
        has_classes=bool(task.measures.class_names),
        code_fingerprint="",
    )
    reports = {"DataReport": data_report, "RunReport": run_report}
    return [*importers.values(), *(node.with_id(task.node_id(name)) for name, node in reports.items())]


def _parameters(task: Task, chain: DataChain) -> dict[str, dict[str, Any]]:
    return {
        "ExampleGen": {"csv_format": task.csv_format.to_json()},
        "FindingsGen": {"waivers": "[]", "model_base_path": str(chain.folder / "models")},
    }


def _artifact(kind: type[artifact.Artifact], uri: str) -> artifact.Artifact:
    made = kind()
    made.uri = uri
    return made


def _importer(task: Task, name: str, given: artifact.Artifact) -> Importer:
    def values(properties: Any) -> dict[str, str]:
        # An importer takes nothing else, and the reports need no more.
        return {key: value.string_value for key, value in properties.items() if value.string_value}

    return Importer(
        source_uri=given.uri,
        artifact_type=type(given),
        properties=values(given.mlmd_artifact.properties),
        custom_properties=values(given.mlmd_artifact.custom_properties),
    ).with_id(task.node_id(f"{name}_importer"))
