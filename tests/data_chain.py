"""Runs the real executors from a CSV to the gate, in this process."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

from tfx.components.example_validator.executor import Executor as ExampleValidator
from tfx.components.statistics_gen.executor import Executor as StatisticsGen
from tfx.types import artifact, artifact_utils, standard_artifacts

from components import findings
from components.anomaly_gate.executor import Executor as AnomalyGate
from components.errors import ExplainedError
from components.face_csv_example_gen.csv_format import FaceCsvFormat
from components.face_csv_example_gen.executor import Executor as FaceCsvExampleGen
from components.findings import Finding, Findings
from components.findings_gen.executor import Executor as FindingsGen
from components.findings_gen.waivers import Waiver
from components.model_versions import TRAINING_STATISTICS
from pipeline.dag import BEAM_PIPELINE_ARGS
from pipeline.tasks import Task


@dataclasses.dataclass
class Outcome:
    """What came of a CSV: its findings by name, the gate's message ('' where it let pass), the artifacts."""

    findings: dict[str, Finding]
    summary: dict[str, Any]
    stopped: str
    examples: standard_artifacts.Examples
    statistics: standard_artifacts.ExampleStatistics
    passed: standard_artifacts.Examples

    def quarantine(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in Path(self.examples.uri, "quarantine.jsonl").read_text().splitlines()]


def context_for(executor: Any, folder: Path) -> Any:
    return executor.Context(beam_pipeline_args=list(BEAM_PIPELINE_ARGS), tmp_dir=str(folder / "tmp"), unique_id="1")


def read_csv(
    folder: Path, csv: Path, csv_format: FaceCsvFormat, *, coding: str = "auto", split: str = "hash"
) -> standard_artifacts.Examples:
    """Examples of a CSV, in `folder`/examples.

    Raises:
      InputError: the file cannot be used.
    """
    examples = standard_artifacts.Examples()
    examples.uri = str(folder / "examples")
    FaceCsvExampleGen(context_for(FaceCsvExampleGen, folder)).Do(
        {},
        {"examples": [examples]},
        {"csv_path": str(csv), "csv_format": csv_format.to_json(), "class_coding": coding, "split_by": split},
    )
    return examples


def run_chain(
    folder: Path,
    csv: Path,
    task: Task,
    *,
    split: str = "hash",
    coding: str = "fer2013",
    max_bad_rows: float = 0.001,
    waivers: tuple[Waiver, ...] = (),
    served: standard_artifacts.ExampleStatistics | None = None,
) -> Outcome:
    """Reads `csv` and checks it, with artifacts below `folder`; `served` are statistics of a served model's data.

    Raises:
      InputError: the file cannot be used.
    """

    def made(kind: type[artifact.Artifact], name: str) -> Any:
        result = kind()
        result.uri = str(folder / name)
        Path(result.uri).mkdir(parents=True)
        return result

    examples = read_csv(folder, csv, task.csv_format, coding=coding, split=split)
    schema = made(standard_artifacts.Schema, "schema")
    shutil.copy(task.schema_file, Path(schema.uri, "schema.pbtxt"))
    statistics = made(standard_artifacts.ExampleStatistics, "statistics")
    none_excluded = {"exclude_splits": "[]"}
    StatisticsGen(context_for(StatisticsGen, folder)).Do(
        {"examples": [examples], "schema": [schema]}, {"statistics": [statistics]}, none_excluded
    )
    anomalies = made(standard_artifacts.ExampleAnomalies, "anomalies")
    inputs = {"statistics": [statistics], "schema": [schema]}
    ExampleValidator().Do(inputs, {"anomalies": [anomalies]}, none_excluded)

    models = folder / "models"
    if served:
        training_statistics = models / "1" / TRAINING_STATISTICS
        training_statistics.parent.mkdir(parents=True)
        shutil.copy(Path(artifact_utils.get_split_uri([served], "train"), "FeatureStats.pb"), training_statistics)
    found = made(Findings, "findings")
    FindingsGen(context_for(FindingsGen, folder)).Do(
        {"examples": [examples], "anomalies": [anomalies], **inputs},
        {"findings": [found]},
        {
            "data_set": task.name,
            "csv_format": task.csv_format.to_json(),
            "max_bad_rows": max_bad_rows,
            "waivers": json.dumps([dataclasses.asdict(waiver) for waiver in waivers]),
            "model_base_path": str(models),
        },
    )
    passed, stopped = made(standard_artifacts.Examples, "passed"), ""
    try:
        AnomalyGate().Do({"examples": [examples], "findings": [found]}, {"passed_examples": [passed]}, {})
    except ExplainedError as error:
        stopped = str(error)
    listed, summary = findings.read(found.uri)
    return Outcome({f.name: f for f in listed}, summary, stopped, examples, statistics, passed)
