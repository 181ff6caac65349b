"""Real executors, as the platform runs them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.proto import example_gen_pb2
from tfx.types import standard_artifacts

from components import findings
from components.errors import ExplainedError
from components.findings import Finding, Findings
from pipeline.on_kubeflow.runtime import logs, staged_paths
from pipeline.on_kubeflow.runtime.__main__ import main
from pipeline.on_kubeflow.runtime.failures import describe
from pipeline.on_kubeflow.runtime.invocation import NODE_VARIABLE, Invocation
from pipeline.on_kubeflow.runtime.node_run import run_node
from tests.pipeline.on_kubeflow.runtime.driver_json import ROOT, driver_json, schema, spec_json, uri

GATE = "components.anomaly_gate.executor.Executor"
BEAM_ARGS = ["--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner", "--sdk_container_image=none"]
CLEAN = Finding("duplicates", "warning", "2 rows")
BLACK = Finding("black_images", "error", "9 rows: the image is black", "Remove them.", 9, tuple(range(1, 10)))


@pytest.fixture
def pod(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A container's file system."""
    monkeypatch.setattr(staged_paths, "FOLDERS", {"minio://": f"{tmp_path}/minio/"})
    monkeypatch.delenv(NODE_VARIABLE, raising=False)
    return tmp_path


def run(invocation: Invocation) -> None:
    run_node(invocation, time.monotonic())


def staged(pod: Path, at: str) -> Path:
    return pod / at.replace("minio://", "minio/")


def gate(pod: Path, found: Finding, root: str = ROOT) -> Invocation:
    """AnomalyGate's invocation; its inputs are staged, and the folder of its output file is not there yet."""
    examples, report = uri("EmotionExampleGen", "examples", root), uri("EmotionFindingsGen", "findings", root)
    (staged(pod, examples) / "Split-train").mkdir(parents=True)
    (staged(pod, examples) / "Split-train" / "data").write_bytes(b"records")
    staged(pod, report).mkdir(parents=True)
    findings.write(str(staged(pod, report)), [found], {"data_set": "emotion"})
    metadata = {"span": 2.0, "split_names": '["train"]', "rows": {"struct": {"train": 3.0}}, "display_name": "examples"}
    return Invocation(
        GATE,
        driver_json(
            f"{pod}/kfp_outputs/output_metadata.json",
            {
                "examples": {"name": "3", "uri": examples, "metadata": metadata},
                "findings": {"name": "4", "uri": report},
            },
            {"passed_examples": (standard_artifacts.Examples, uri("EmotionAnomalyGate", "passed_examples", root))},
            {"code_fingerprint": "x"},
        ),
        spec_json({"examples": standard_artifacts.Examples, "findings": Findings}, {"code_fingerprint": "STRING"}),
        BEAM_ARGS,
    )


def command(invocation: Invocation) -> list[str]:
    return [
        *(sys.executable, "-m", "pipeline.on_kubeflow.runtime", "--executor_class_path", invocation.executor),
        *("--json_serialized_invocation_args", invocation.executor_input),
        *("--json_serialized_inputs_spec_args", invocation.inputs_spec),
        *invocation.beam_args,
    ]


def output(pod: Path) -> dict[str, Any]:
    """What the launcher reads, strictly parsed."""
    text = (pod / "kfp_outputs" / "output_metadata.json").read_text()
    json_format.Parse(text, pipeline_spec_pb2.ExecutorOutput())
    parsed: dict[str, Any] = json.loads(text)
    return parsed


def test_the_containers_command_runs_a_node(pod: Path) -> None:
    # On a volume: the launcher's own folders, /minio and so on, are for tests/kubeflow.
    root = f"{pod}/volume"
    done = subprocess.run(
        command(gate(pod, CLEAN, root)),
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "KFP_POD_NAME": "p-1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    passed = uri("EmotionAnomalyGate", "passed_examples", root)
    assert (Path(passed) / "Split-train" / "data").read_bytes() == b"records"
    [artifact] = output(pod)["artifacts"]["passed_examples"]["artifacts"]
    assert artifact["uri"] == passed
    lines = done.stdout.splitlines()
    assert f"EmotionAnomalyGate starts: {GATE}, pod p-1" in lines[0]
    assert f"  input examples: {uri('EmotionExampleGen', 'examples', root)}" in lines[1]
    assert f"  output passed_examples: {passed}" in lines[-2]
    assert "EmotionAnomalyGate is done after" in lines[-1]
    assert len(lines) < 10, "no wall of library logs"
    assert not done.stderr, done.stderr


def test_a_node_between_staged_folders(pod: Path) -> None:
    run(gate(pod, CLEAN))
    passed = uri("EmotionAnomalyGate", "passed_examples")
    assert (staged(pod, passed) / "Split-train" / "data").read_bytes() == b"records"
    [artifact] = output(pod)["artifacts"]["passed_examples"]["artifacts"]
    assert artifact["uri"] == passed
    version = artifact["metadata"].pop("tfx_version")
    assert version
    assert artifact["metadata"] == {"span": 2, "split_names": '["train"]', "rows": {"train": 3}}


def test_a_failed_node_ends_with_its_reason(
    pod: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(logs, "log_to_stdout", lambda: None)
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert main(command(gate(pod, BLACK))[3:]) == 1
    finally:
        signal.signal(signal.SIGTERM, before)
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(
        "EmotionAnomalyGate failed: 1 finding in the data, training is stopped: black_images: 9 rows"
    )
    assert not (pod / "kfp_outputs" / "output_metadata.json").exists()


def test_an_output_file_of_an_attempt_before_does_no_harm(pod: Path) -> None:
    invocation = gate(pod, CLEAN)
    (pod / "kfp_outputs").mkdir()
    (pod / "kfp_outputs" / "output_metadata.json").write_text('{"parameterValues": {"code_fingerprint": 7')
    run(invocation)
    assert "passed_examples" in output(pod)["artifacts"]


def test_an_image_without_the_executor_says_so(pod: Path) -> None:
    invocation = Invocation("components.not_there.executor.Executor", gate(pod, CLEAN).executor_input, "{}", [])
    with pytest.raises(ImportError) as caught:
        run(invocation)
    line = describe(caught.value, invocation.node)
    assert line.startswith("EmotionAnomalyGate failed: ModuleNotFoundError: No module named 'components.not_there'")
    assert "The image lacks it" in line


def test_the_temporary_folder_is_beside_the_output_file(pod: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(LeavesOut, "Do", lambda self, *_: seen.append(self._get_tmp_dir()))
    run(leaves_out(pod))
    assert seen[0].startswith(f"{pod}/kfp_outputs/.temp/")
    assert Path(seen[0]).is_dir()


class LeavesOut(base_executor.BaseExecutor):
    """Publishes no model; fails where it gets none of its own."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        assert input_dict["before"] == []
        output_dict["model"].clear()


def leaves_out(pod: Path) -> Invocation:
    before = {"uri": uri("A", "model"), "metadata": {"absent": 1.0}}
    return Invocation(
        f"{__name__}.LeavesOut",
        driver_json(
            f"{pod}/kfp_outputs/output_metadata.json",
            {"before": before},
            {"model": (standard_artifacts.Model, uri("B", "model"))},
        ),
        spec_json({"before": standard_artifacts.Model}),
        [],
    )


def test_what_one_node_leaves_out_the_next_does_not_get(pod: Path) -> None:
    run(leaves_out(pod))
    [artifact] = output(pod)["artifacts"]["model"]["artifacts"]
    assert artifact == {"uri": uri("B", "model"), "metadata": {"absent": 1}}
    assert list(staged(pod, uri("B", "model")).iterdir()), "an object, or the next node's launcher finds nothing"


def example_gen(pod: Path, pattern: str) -> Invocation:
    config = example_gen_pb2.Input(splits=[example_gen_pb2.Input.Split(name="single", pattern=pattern)])
    for span, rows in (("1", "1,2\n"), ("2", "3,4\n5,6\n")):
        (pod / "data" / f"span-{span}").mkdir(parents=True)
        (pod / "data" / f"span-{span}" / "a.csv").write_text("x,y\n" + rows)
    output_config = example_gen_pb2.Output(
        split_config=example_gen_pb2.SplitConfig(
            splits=[example_gen_pb2.SplitConfig.Split(name="train", hash_buckets=1)]
        )
    )
    return Invocation(
        "tfx.components.example_gen.csv_example_gen.executor.Executor",
        driver_json(
            f"{pod}/kfp_outputs/output_metadata.json",
            outputs={"examples": (standard_artifacts.Examples, uri("CsvExampleGen", "examples"))},
            parameters={
                "input_base": str(pod / "data"),
                "input_config": json_format.MessageToJson(config),
                "output_config": json_format.MessageToJson(output_config),
                "output_data_format": 6,
                "output_file_format": 5,
            },
        ),
        spec_json(
            parameters={
                "input_base": "STRING",
                "input_config": "STRING",
                "output_config": "STRING",
                "output_data_format": "NUMBER_INTEGER",
                "output_file_format": "NUMBER_INTEGER",
            }
        ),
        BEAM_ARGS,
    )


def test_tfxs_own_example_gen_gets_its_driver(pod: Path) -> None:
    run(example_gen(pod, "span-{SPAN}/*.csv"))
    [examples] = output(pod)["artifacts"]["examples"]["artifacts"]
    assert examples["metadata"]["custom:span"] == 2, "the newest"
    assert examples["metadata"]["input_fingerprint"].startswith("split:single,num_files:1,")
    assert examples["metadata"]["split_names"] == '["train"]'
    assert list((staged(pod, uri("CsvExampleGen", "examples")) / "Split-train").iterdir())
    assert "parameterValues" not in output(pod), "the driver's; the component declares no such outputs"


def test_tfxs_own_example_gen_without_files_says_so(pod: Path) -> None:
    with pytest.raises(Exception, match="Cannot find matching") as caught:
        run(example_gen(pod, "nothing-{SPAN}/*.csv"))
    assert not isinstance(caught.value, ExplainedError)
    assert "nothing-" in describe(caught.value, "CsvExampleGen")


def test_types_of_inputs_are_needed_by_the_driver_json_itself() -> None:
    # The tests' own input is like the platform's: inputs have no type, outputs have one.
    given = json.loads(driver_json("", {"a": {"uri": "x"}}, {"b": (Findings, "y")}))
    assert given["inputs"]["artifacts"]["a"]["artifacts"][0]["type"] == {}
    assert given["outputs"]["artifacts"]["b"]["artifacts"][0]["type"] == schema(Findings)
