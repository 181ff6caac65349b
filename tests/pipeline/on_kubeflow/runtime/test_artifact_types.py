"""Classes of artifact types."""

from __future__ import annotations

from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.orchestration.kubeflow.v2 import compiler_utils
from tfx.types import standard_artifacts
from tfx.types.artifact import Artifact

from components.findings import Findings
from components.run_report.artifact import HtmlReport
from pipeline.on_kubeflow.runtime import artifact_types


def test_titles() -> None:
    schema = pipeline_spec_pb2.ArtifactTypeSchema
    assert artifact_types.title_of(schema(instance_schema="title: tfx.Examples\ntype: object\n")) == "tfx.Examples"
    assert artifact_types.title_of(schema(schema_title="system.Artifact")) == "system.Artifact"
    assert artifact_types.title_of(schema()) == ""


def test_loaded_classes_are_found_by_their_type_name() -> None:
    artifact_types.register([Findings.TYPE_NAME, HtmlReport.TYPE_NAME, "tfx.Model", ""])
    assert artifact_types.class_of(Findings.TYPE_NAME) is Findings
    assert artifact_types.class_of("system.HTML") is HtmlReport
    assert artifact_types.class_of("tfx.Model") is standard_artifacts.Model
    assert "" not in compiler_utils.TITLE_TO_CLASS_PATH


def test_unknown_types_get_a_bare_class() -> None:
    artifact_types.register(["other-team.Audio-Clip"])
    cls = artifact_types.class_of("other-team.Audio-Clip")
    assert issubclass(cls, Artifact)
    assert cls().type_name == "other-team.Audio-Clip"
    artifact_types.register(["other-team.Audio-Clip"])
    assert artifact_types.class_of("other-team.Audio-Clip") is cls
