"""The command line, and the node's name."""

from __future__ import annotations

import json

import pytest
from tfx.types import standard_artifacts

from pipeline.on_kubeflow.runtime.invocation import NODE_VARIABLE, Invocation, parse_command_line
from tests.pipeline.on_kubeflow.runtime.driver_json import driver_json, uri

EXECUTOR = "components.atomic_pusher.executor.Executor"


@pytest.fixture(autouse=True)
def no_name_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NODE_VARIABLE, raising=False)


def node_of(at: str, executor: str = EXECUTOR) -> str:
    given = driver_json("/tmp/kfp_outputs/output_metadata.json", outputs={"model": (standard_artifacts.Model, at)})
    return Invocation(executor, given, "{}", []).node


@pytest.mark.parametrize(
    ("at", "node"),
    [
        (uri("EmotionTrainer", "model"), "EmotionTrainer"),
        ("minio://b/v2/emotion-ai/run/EmotionTrainer/model", "EmotionTrainer"),
        ("s3://b/emotion-ai/run/EmotionTrainer/4711/model", "EmotionTrainer"),
        ("gs://b/elsewhere", "atomic_pusher"),
        ("", "atomic_pusher"),
    ],
)
def test_the_node_is_read_off_its_outputs(at: str, node: str) -> None:
    assert node_of(at) == node


def test_our_packages_name_the_node(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NODE_VARIABLE, "KeypointsTrainer")
    assert node_of(uri("EmotionTrainer", "model")) == "KeypointsTrainer"


def test_inputs_are_known_before_tfx_is() -> None:
    given = driver_json("", {"model": {"uri": "s3://b/m"}, "examples": {"uri": "s3://b/e"}})
    assert Invocation(EXECUTOR, given, "{}", []).input_uris == [("examples", ["s3://b/e"]), ("model", ["s3://b/m"])]
    assert Invocation(EXECUTOR, "{{$}}", "{}", []).input_uris == []


def test_without_outputs_the_executor_names_it() -> None:
    assert Invocation(EXECUTOR, "{}", "{}", []).node == "atomic_pusher"
    assert Invocation(EXECUTOR, "{{$}}", "{}", []).node == "atomic_pusher"
    assert Invocation("Executor", json.dumps({"outputs": {}}), "{}", []).node == "Executor"


def test_other_arguments_are_beams() -> None:
    args = ["--executor_class_path", EXECUTOR, "--json_serialized_invocation_args", "{}"]
    args += ["--json_serialized_inputs_spec_args", "{}", "--runner=DirectRunner", "--json", "x"]
    assert parse_command_line(args) == Invocation(EXECUTOR, "{}", "{}", ["--runner=DirectRunner", "--json", "x"])


def test_a_missing_argument_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse_command_line(["--executor_class_path", EXECUTOR])
    assert "--json_serialized_invocation_args" in capsys.readouterr().err
