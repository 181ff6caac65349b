"""Runs the checks, applies the waivers and writes the findings."""

from __future__ import annotations

import datetime
import itertools
import json
import os
from typing import Any

import apache_beam as beam
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx import types
from tfx.components.example_validator import executor as example_validator
from tfx.components.statistics_gen import stats_artifact_utils
from tfx.dsl.components.base import base_beam_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import io_utils

from components import findings
from components.face_csv_example_gen.csv_format import FaceCsvFormat
from components.face_csv_example_gen.executor import QUARANTINE_FILE, ROW_COUNTS_PROPERTY
from components.findings import Finding
from components.findings_gen import distributions
from components.findings_gen.catalogue import CHECKS
from components.findings_gen.face_checks import CheckFaces
from components.findings_gen.reading import ReadExamples
from components.findings_gen.waivers import Waiver, apply_waivers, on_day
from components.model_versions import TRAINING_STATISTICS, latest_version, version_path

_FACE_FINDINGS_FILE = "face_findings.jsonl"


class Executor(base_beam_executor.BaseBeamExecutor):
    """Writes one Findings artifact from all that the nodes before have found, and from the faces themselves."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Runs the checks; see FindingsGen."""
        self._log_startup(input_dict, output_dict, exec_properties)
        examples, statistics_artifact, anomalies_artifact = (
            artifact_utils.get_single_instance(input_dict[name]) for name in ("examples", "statistics", "anomalies")
        )
        schema_uri = artifact_utils.get_single_uri(input_dict["schema"])
        schema = io_utils.SchemaReader().read(io_utils.get_only_uri_in_dir(schema_uri))
        output = artifact_utils.get_single_instance(output_dict["findings"])
        split_names = artifact_utils.decode_split_names(examples.split_names)

        face_findings = os.path.join(output.uri, _FACE_FINDINGS_FILE)
        patterns = [
            (number, os.path.join(artifact_utils.get_split_uri([examples], split), "*"))
            for number, split in enumerate(split_names)
        ]
        with self._make_beam_pipeline() as pipeline:
            _ = (
                pipeline
                | "Splits" >> beam.Create(patterns)
                | ReadExamples(schema)
                | CheckFaces(FaceCsvFormat.from_json(exec_properties["csv_format"]), split_names)
                | "ToList" >> beam.combiners.ToList().without_defaults()
                | "Write" >> beam.Map(_write_lines, face_findings)
            )
        found: list[Finding] = []
        if fileio.exists(face_findings):
            with fileio.open(face_findings) as file:
                found += [Finding.from_json(line) for line in file.read().splitlines()]
            fileio.remove(face_findings)

        statistics = {
            split: stats_artifact_utils.load_statistics(statistics_artifact, split).proto() for split in split_names
        }
        found += distributions.from_anomalies(
            {split: _load_anomalies(anomalies_artifact, split) for split in split_names}
        )
        found += distributions.rare_classes(statistics.values(), schema)
        found += distributions.skew(statistics, schema)
        base = exec_properties["model_base_path"]
        version = latest_version(base)
        if version is not None:
            served = tfdv.load_stats_binary(os.path.join(version_path(base, version), TRAINING_STATISTICS))
            found += distributions.drift(statistics["train"], served, schema)
        found += _bad_rows(examples, exec_properties["max_bad_rows"])

        today = datetime.datetime.now(datetime.timezone.utc).date()
        waivers = [on_day(Waiver(**fields), today) for fields in json.loads(exec_properties["waivers"])]
        context = {
            "data_set": exec_properties["data_set"],
            "examples": examples.uri,
            "drift_from_version": version,
        }
        findings.write(output.uri, apply_waivers(found, waivers), context)


def _write_lines(found: list[Finding], path: str) -> None:
    with fileio.open(path, "w") as file:
        file.write("".join(f"{finding.to_json()}\n" for finding in found))


def _load_anomalies(artifact: types.Artifact, split: str) -> anomalies_pb2.Anomalies:
    path = os.path.join(artifact_utils.get_split_uri([artifact], split), example_validator.DEFAULT_FILE_NAME)
    with fileio.open(path, "rb") as file:
        return anomalies_pb2.Anomalies.FromString(file.read())


def _bad_rows(examples: types.Artifact, max_share: float) -> list[Finding]:
    counts = json.loads(examples.get_string_custom_property(ROW_COUNTS_PROPERTY))
    if not counts["bad"]:
        return []
    path = os.path.join(examples.uri, QUARANTINE_FILE)
    with fileio.open(path) as file:
        bad_rows = [json.loads(line) for line in itertools.islice(file, findings.MAX_ROWS)]
    share = counts["bad"] / counts["read"]
    name = "too_many_bad_rows" if share > max_share else "bad_rows"
    first = min(bad_rows, key=lambda bad: bad["row"])
    return [
        Finding(
            name=name,
            severity=CHECKS[name].severity,
            message=f"{counts['bad']:,} of {counts['read']:,} rows {CHECKS[name].meaning} ({100 * share:.2g} %, "
            f"limit {100 * max_share:g} %), the first: row "
            f"{first['row']}, column '{first['column']}' ('{first['value']}'): {first['reason']}",
            remedy=CHECKS[name].remedy,
            count=counts["bad"],
            rows=tuple(sorted(bad["row"] for bad in bad_rows)),
        )
    ]
