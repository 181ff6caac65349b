"""From what the driver gives to what TFX parses: one test for each gap."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.components.evaluator import constants
from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_entrypoint_utils as tfx_utils
from tfx.types import standard_artifacts
from tfx.types.artifact import Artifact

from components.errors import ExplainedError
from components.findings import Findings
from components.run_report.artifact import HtmlReport
from pipeline.on_kubeflow.runtime import artifact_types, executor_input, staged_paths
from pipeline.on_kubeflow.runtime.staged_paths import StagedPaths
from tests.pipeline.on_kubeflow.runtime.driver_json import ROOT, driver_json, spec_json, uri


def completed(given: str, spec: str = "{}") -> Any:
    message = json_format.Parse(given, pipeline_spec_pb2.ExecutorInput(), ignore_unknown_fields=True)
    executor_input.complete(message, json_format.Parse(spec, pipeline_spec_pb2.ComponentInputsSpec()))
    artifact_types.register(artifact_types.title_of(a.type) for a in executor_input.all_artifacts(message))
    return message


def tfx_inputs(given: str, spec: str) -> dict[str, list[Artifact]]:
    artifacts: dict[str, list[Artifact]] = tfx_utils.parse_raw_artifact_dict(completed(given, spec).inputs.artifacts)
    return artifacts


def tfx_input(cls: type[Artifact], **artifact: Any) -> Any:
    given = driver_json("", {"a": {"name": "7", "uri": "minio://b/a", **artifact}})
    [parsed] = tfx_inputs(given, spec_json({"a": cls}))["a"]
    return parsed


def tfx_parameters(values: dict[str, Any], **types: Any) -> dict[str, Any]:
    spec = spec_json(parameters=types)
    message = completed(driver_json("", parameters=values), spec)
    parsed = json_format.Parse(spec, pipeline_spec_pb2.ComponentInputsSpec())
    parameters: dict[str, Any] = tfx_utils.parse_execution_properties(message.inputs.parameter_values, {}, parsed)
    return parameters


def test_tfx_alone_fails_on_an_empty_type() -> None:
    given = driver_json("", {"a": {"name": "7", "uri": "minio://b/a"}})
    message = json_format.Parse(given, pipeline_spec_pb2.ExecutorInput())
    with pytest.raises(UnboundLocalError):
        tfx_utils.parse_raw_artifact_dict(message.inputs.artifacts)


def test_types_come_from_the_inputs_spec() -> None:
    assert isinstance(tfx_input(standard_artifacts.Examples), standard_artifacts.Examples)
    assert isinstance(tfx_input(standard_artifacts.Model, type={"instanceSchema": ""}), standard_artifacts.Model)
    assert isinstance(tfx_input(Findings), Findings)


def test_kubeflows_own_kind_does_not_win() -> None:
    examples = tfx_input(standard_artifacts.Examples, type={"schemaTitle": "Artifact"})
    assert isinstance(examples, standard_artifacts.Examples)


def test_fields_of_newer_releases_do_no_harm() -> None:
    model = tfx_input(standard_artifacts.Model, artifactId="x", customPath="/y")
    assert model.uri == "minio://b/a"


def test_lists_and_structs_are_unwrapped() -> None:
    metadata = {
        "waivers": {"list": ["a", "b"]},
        "counts": {"struct": {"train": 3.0, "deep": {"list": [1]}}},
        "plain": {"train": 3.0},
        "list": {"list": "no list"},
    }
    findings = tfx_input(Findings, metadata=metadata)
    assert findings.get_json_value_custom_property("waivers") == ["a", "b"]
    assert findings.get_json_value_custom_property("counts") == {"train": 3.0, "deep": {"list": [1]}}
    assert findings.get_json_value_custom_property("plain") == {"train": 3.0}
    assert findings.get_json_value_custom_property("list") == {"list": "no list"}


def test_properties_and_custom_properties_of_one_name_stay_apart_and_ints_stay_ints() -> None:
    metadata = {"span": 3.0, "version": 1795380312.0, "custom:span": 4.0, "split_names": '["train"]', "rows": 12.0}
    examples = tfx_input(standard_artifacts.Examples, metadata=metadata)
    assert (examples.span, examples.version, examples.split_names) == (3, 1795380312, '["train"]')
    assert isinstance(examples.version, int)
    assert examples.get_int_custom_property("span") == 4
    assert examples.get_int_custom_property("rows") == 12
    assert isinstance(examples.get_int_custom_property("rows"), int)


def test_kubeflows_own_notes_are_left_out() -> None:
    metadata = {"display_name": "examples", "store_session_info": "{}", "rows": 1.0}
    examples = tfx_input(standard_artifacts.Examples, metadata=metadata)
    assert not examples.has_custom_property("display_name")
    assert not examples.has_custom_property("store_session_info")
    assert examples.has_custom_property("rows")


def test_an_absent_input_is_an_empty_list() -> None:
    given = driver_json(
        "", {"model": {"name": "1", "uri": "s3://b/m"}, "baseline": {"uri": "s3://b/x", "metadata": {"absent": 1.0}}}
    )
    inputs = tfx_inputs(given, spec_json({"model": standard_artifacts.Model, "baseline": standard_artifacts.Model}))
    assert inputs["baseline"] == []
    assert len(inputs["model"]) == 1


def test_the_evaluators_blessing_names_its_models_where_the_driver_names_none() -> None:
    given = driver_json("", {"model": {"name": "12", "uri": "s3://b/m"}, "baseline_model": {"uri": "s3://b/old"}})
    message = completed(
        given, spec_json({"model": standard_artifacts.Model, "baseline_model": standard_artifacts.Model})
    )
    names: dict[int, str] = {}
    inputs = tfx_utils.parse_raw_artifact_dict(message.inputs.artifacts, names)
    blessing = standard_artifacts.ModelBlessing()
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY, inputs["model"][0].id)
    blessing.set_int_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY, inputs["baseline_model"][0].id)
    tfx_utils.refactor_model_blessing(blessing, names)
    assert blessing.get_string_custom_property(constants.ARTIFACT_PROPERTY_CURRENT_MODEL_ID_KEY) == "12"
    assert blessing.get_string_custom_property(constants.ARTIFACT_PROPERTY_BASELINE_MODEL_ID_KEY) == "s3://b/old"


def test_the_launchers_log_is_no_output_of_the_executor() -> None:
    given = json.loads(driver_json("", outputs={"model": (standard_artifacts.Model, "s3://b/m")}))
    log = {"type": {"schemaTitle": "system.Artifact"}, "uri": "s3://b/executor-logs"}
    given["outputs"]["artifacts"]["executor-logs"] = {"artifacts": [log]}
    assert list(completed(json.dumps(given)).outputs.artifacts) == ["model"]


def test_parameters_have_their_types() -> None:
    parameters = tfx_parameters(
        {"epochs": 12.0, "rate": 0.5, "name": "a", "whole": 2.0, "flag": True},
        epochs="NUMBER_INTEGER",
        rate="NUMBER_DOUBLE",
        name="STRING",
        whole="NUMBER_DOUBLE",
        flag="BOOLEAN",
    )
    assert parameters == {"epochs": 12, "rate": 0.5, "name": "a", "whole": 2.0, "flag": True}
    types = {"epochs": int, "rate": float, "name": str, "whole": float, "flag": bool}
    assert {key: type(value) for key, value in parameters.items()} == types


def test_lists_and_structs_of_parameters_become_tfxs_json() -> None:
    parameters = tfx_parameters(
        {"config": {"rates": [1, 0.5], "epochs": 3}, "names": ["a"]}, config="STRUCT", names="LIST"
    )
    assert parameters == {"config": '{"epochs": 3, "rates": [1, 0.5]}', "names": '["a"]'}


def test_parameters_that_are_not_given_are_left_out_or_get_their_defaults() -> None:
    default = {"parameterType": "NUMBER_INTEGER", "defaultValue": 7, "isOptional": True}
    parameters = tfx_parameters(
        {"nothing": None, "given": 1}, nothing="STRING", other="STRING", seven=default, given=default
    )
    assert parameters == {"seven": 7, "given": 1}


def test_uris_are_paths_for_the_executor_in_metadata_too() -> None:
    model = uri("EmotionTrainer", "model")
    given = driver_json(
        "",
        {"model": {"uri": model}, "b": {"uri": "file:///models/1", "metadata": {"of": model, "l": {"list": [model]}}}},
        {"out": (standard_artifacts.Model, "s3://b/out")},
    )
    message = completed(given, spec_json({"model": standard_artifacts.Model, "b": standard_artifacts.ModelBlessing}))
    executor_input.use_local_paths(message, StagedPaths([model, "s3://b/out"]))
    path = model.replace("minio://", "/minio/")
    assert message.inputs.artifacts["model"].artifacts[0].uri == path
    assert message.outputs.artifacts["out"].artifacts[0].uri == "/s3/b/out"
    [blessing] = message.inputs.artifacts["b"].artifacts
    assert blessing.uri == "file:///models/1"
    assert json_format.MessageToDict(blessing.metadata) == {"of": path, "l": [path]}


def test_a_missing_input_is_named_before_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staged_paths, "FOLDERS", {"minio://": f"{tmp_path}/minio/"})
    paths = StagedPaths([f"{ROOT}/a"])
    message = completed(driver_json("", {"a": {"uri": f"{ROOT}/a"}}), spec_json({"a": Findings}))
    executor_input.use_local_paths(message, paths)
    with pytest.raises(
        ExplainedError, match=rf"^input 'a' is missing: nothing is at {ROOT}/a \(here {tmp_path}/minio/"
    ):
        executor_input.require_inputs(message, paths)
    Path(paths.to_local(f"{ROOT}/a")).mkdir(parents=True)
    executor_input.require_inputs(message, paths)


def test_a_single_file_is_a_folder_again(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("x")
    message = completed(driver_json("", {"a": {"uri": f"{tmp_path}/report.html"}}), spec_json({"a": HtmlReport}))
    executor_input.read_single_files(message)
    assert message.inputs.artifacts["a"].artifacts[0].uri == str(tmp_path)


def test_outputs_have_folders_and_values_only_their_parent(tmp_path: Path) -> None:
    outputs = {
        "model": (standard_artifacts.Model, f"{tmp_path}/m/model"),
        "html": (HtmlReport, f"{tmp_path}/html"),
        "value": (standard_artifacts.String, f"{tmp_path}/v/value"),
        "remote": (standard_artifacts.Model, "gs://b/m"),
    }
    executor_input.make_output_folders(completed(driver_json("", outputs=outputs)))
    assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*")) == ["html", "m", "m/model", "v"]
