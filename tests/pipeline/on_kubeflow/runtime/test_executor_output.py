"""From what TFX writes to what the launcher accepts: one test for each gap."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_entrypoint_utils as tfx_utils
from tfx.orchestration.portable import outputs_utils
from tfx.types import standard_artifacts
from tfx.types.artifact import Artifact

from components.findings import Findings
from components.run_report.artifact import HtmlReport
from pipeline.on_kubeflow.runtime import artifact_types, executor_output, staged_paths
from pipeline.on_kubeflow.runtime.staged_paths import StagedPaths


def written(
    outputs: dict[str, list[Artifact]], uris: dict[str, str] | None = None, paths: StagedPaths | None = None
) -> dict[str, Any]:
    """The ExecutorOutput's artifacts, after the way through JSON and a strict parser."""
    uris = uris or {key: artifact.uri for key, [artifact] in outputs.items()}
    outputs_utils.tag_output_artifacts_with_version(outputs)
    translate = executor_output.launcher_translation(
        tfx_utils.translate_executor_output, uris, paths or StagedPaths([])
    )
    result = pipeline_spec_pb2.ExecutorOutput()
    for key, artifacts in translate(outputs, {}).items():
        result.artifacts[key].CopyFrom(artifacts)
    text = json_format.MessageToJson(result)
    json_format.Parse(text, pipeline_spec_pb2.ExecutorOutput())
    parsed: dict[str, Any] = json.loads(text, parse_constant=_refuse)
    return {key: value["artifacts"][0] for key, value in parsed["artifacts"].items()}


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


def of_kind(title: str) -> Any:
    artifact_types.register([title])
    return artifact_types.class_of(title)()


def test_values_keep_their_kinds() -> None:
    examples = standard_artifacts.Examples()
    examples.uri = "/data/x"
    examples.span = 3
    examples.set_int_custom_property("span", 4)
    examples.set_int_custom_property("rows", 12)
    examples.set_float_custom_property("share", 0.25)
    examples.set_bool_custom_property("flag", True)
    examples.set_json_value_custom_property("list", [1, {"a": None}])
    artifact = written({"examples": [examples]})["examples"]
    version = artifact["metadata"].pop("tfx_version")
    assert version
    assert artifact == {
        "uri": "/data/x",
        "metadata": {"span": 3, "custom:span": 4, "rows": 12, "share": 0.25, "flag": 1, "list": [1, {"a": None}]},
    }


def test_no_nulls_at_the_top_and_nothing_that_json_lacks() -> None:
    findings = Findings()
    findings.set_json_value_custom_property("nothing", None)
    findings.mlmd_artifact.custom_properties["empty"].SetInParent()
    findings.set_float_custom_property("nan", math.nan)
    findings.set_float_custom_property("inf", math.inf)
    findings.mlmd_artifact.custom_properties["curve"].struct_value.update({"points": [0.5, math.inf]})
    metadata = written({"findings": [findings]})["findings"]["metadata"]
    metadata.pop("tfx_version")
    assert metadata == {"curve": {"points": [0.5, "Infinity"]}}


def test_kubeflows_metrics_hold_numbers_only() -> None:
    metrics = of_kind("system.Metrics")
    metrics.set_float_custom_property("accuracy", 0.93)
    metrics.set_int_custom_property("rows", 500)
    metrics.set_string_custom_property("model", "emotion_ai")
    assert written({"metrics": [metrics]})["metrics"]["metadata"] == {"accuracy": 0.93, "rows": 500}


def test_kubeflows_classification_metrics_hold_no_version_of_tfx() -> None:
    matrix = {"annotationSpecs": [{"displayName": "Happy"}], "rows": [{"row": [3]}]}
    metrics = of_kind("system.ClassificationMetrics")
    metrics.set_json_value_custom_property("confusionMatrix", matrix)
    assert written({"metrics": [metrics]})["metrics"]["metadata"] == {"confusionMatrix": matrix}


def test_paths_become_uris_again_in_metadata_too() -> None:
    blessing = standard_artifacts.ModelBlessing()
    blessing.uri = "/minio/b/run/blessing"
    blessing.set_string_custom_property("current_model", "/minio/b/run/model")
    blessing.set_string_custom_property("pushed_destination", "/models/emotion_ai/1")
    blessing.set_json_value_custom_property("all", [{"at": "/minio/b/run/model/Format-Serving"}])
    paths = StagedPaths(["minio://b/run/model", "minio://b/run/blessing"])
    artifact = written({"blessing": [blessing]}, paths=paths)["blessing"]
    assert artifact["uri"] == "minio://b/run/blessing"
    assert artifact["metadata"]["current_model"] == "minio://b/run/model"
    assert artifact["metadata"]["pushed_destination"] == "/models/emotion_ai/1"
    assert artifact["metadata"]["all"] == [{"at": "minio://b/run/model/Format-Serving"}]


def test_an_emptied_output_is_absent_and_has_an_object(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = "s3://b/baseline"
    monkeypatch.setattr(staged_paths, "FOLDERS", {"s3://": f"{tmp_path}/s3/"})
    paths = StagedPaths([uri])
    folder = Path(paths.to_local(uri))
    folder.mkdir(parents=True)
    artifact = written({"baseline": []}, {"baseline": str(folder)}, paths)["baseline"]
    assert artifact == {"uri": uri, "metadata": {"absent": 1}}
    assert [path.name for path in folder.iterdir()] == [".empty"], "or there is nothing to stage for the next node"


def test_a_report_is_its_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uri = "minio://b/run/html"
    monkeypatch.setattr(staged_paths, "FOLDERS", {"minio://": f"{tmp_path}/minio/"})
    paths = StagedPaths([uri])
    report = HtmlReport()
    report.uri = paths.to_local(uri)
    Path(report.uri).mkdir(parents=True)
    (Path(report.uri) / "report.html").write_text("<p>")
    assert written({"html": [report]}, paths=paths)["html"]["uri"] == f"{uri}/report.html"
    (Path(report.uri) / "more.html").write_text("<p>")
    assert written({"html": [report]}, paths=paths)["html"]["uri"] == uri, "the UI shows none of two"


def test_a_report_that_was_not_written_stays_a_folder(tmp_path: Path) -> None:
    report = HtmlReport()
    report.uri = str(tmp_path)
    assert written({"html": [report]})["html"]["uri"] == str(tmp_path)


def test_tfx_has_its_own_translation_back_afterwards() -> None:
    before = tfx_utils.translate_executor_output
    with executor_output.for_launcher({}, StagedPaths([])):
        assert tfx_utils.translate_executor_output is not before
    assert tfx_utils.translate_executor_output is before
