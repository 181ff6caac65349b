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
from pipeline.deployment import BEAM_IN_PROCESS
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
    return executor.Context(beam_pipeline_args=list(BEAM_IN_PROCESS), tmp_dir=str(folder / "tmp"), unique_id="1")


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
    chain = DataChain(folder, task, read_csv(folder, csv, task.csv_format, coding=coding, split=split))
    chain.make_statistics()
    chain.validate()
    if served:
        training_statistics = folder / "models" / "1" / TRAINING_STATISTICS
        training_statistics.parent.mkdir(parents=True)
        shutil.copy(Path(artifact_utils.get_split_uri([served], "train"), "FeatureStats.pb"), training_statistics)
    chain.find(max_bad_rows, waivers)
    stopped = ""
    try:
        chain.gate()
    except ExplainedError as error:
        stopped = str(error)
    listed, summary = findings.read(chain.findings.uri)
    return Outcome(
        {finding.name: finding for finding in listed}, summary, stopped, chain.examples, chain.statistics, chain.passed
    )


class DataChain:
    """The nodes after FaceCsvExampleGen, to be run in order; each may run again and then writes anew."""

    def __init__(self, folder: Path, task: Task, examples: standard_artifacts.Examples) -> None:
        self.folder, self.task, self.examples = folder, task, examples
        self.schema = self._emptied(standard_artifacts.Schema, "schema")
        shutil.copy(task.schema_file, Path(self.schema.uri, "schema.pbtxt"))

    def _emptied(self, kind: type[artifact.Artifact], name: str) -> Any:
        result = kind()
        result.uri = str(self.folder / name)
        shutil.rmtree(result.uri, ignore_errors=True)
        Path(result.uri).mkdir(parents=True)
        return result

    def make_statistics(self) -> None:
        self.statistics = self._emptied(standard_artifacts.ExampleStatistics, "statistics")
        StatisticsGen(context_for(StatisticsGen, self.folder)).Do(
            {"examples": [self.examples], "schema": [self.schema]},
            {"statistics": [self.statistics]},
            {"exclude_splits": "[]"},
        )

    def validate(self) -> None:
        self.anomalies = self._emptied(standard_artifacts.ExampleAnomalies, "anomalies")
        inputs = {"statistics": [self.statistics], "schema": [self.schema]}
        ExampleValidator().Do(inputs, {"anomalies": [self.anomalies]}, {"exclude_splits": "[]"})

    def find(self, max_bad_rows: float = 0.001, waivers: tuple[Waiver, ...] = ()) -> None:
        self.findings = self._emptied(Findings, "findings")
        FindingsGen(context_for(FindingsGen, self.folder)).Do(
            {
                "examples": [self.examples],
                "statistics": [self.statistics],
                "anomalies": [self.anomalies],
                "schema": [self.schema],
            },
            {"findings": [self.findings]},
            {
                "data_set": self.task.name,
                "csv_format": self.task.csv_format.to_json(),
                "max_bad_rows": max_bad_rows,
                "waivers": json.dumps([dataclasses.asdict(waiver) for waiver in waivers]),
                "model_base_path": str(self.folder / "models"),
            },
        )

    def gate(self) -> None:
        """Raises ExplainedError where the findings stop."""
        self.passed = self._emptied(standard_artifacts.Examples, "passed")
        AnomalyGate().Do(
            {"examples": [self.examples], "findings": [self.findings]}, {"passed_examples": [self.passed]}, {}
        )
