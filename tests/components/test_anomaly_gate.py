"""The gate between real TFDV results and Transform."""

from __future__ import annotations

from pathlib import Path

import pytest
from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.types import standard_artifacts

from components.anomaly_gate.executor import Executor, describe
from components.errors import ExplainedError, InputError


def run_gate(folder: Path, anomalies: anomalies_pb2.Anomalies) -> standard_artifacts.Examples:
    examples, found, passed = (
        standard_artifacts.Examples(),
        standard_artifacts.ExampleAnomalies(),
        standard_artifacts.Examples(),
    )
    examples.uri, found.uri, passed.uri = str(folder / "in"), str(folder / "anomalies"), str(folder / "out")
    examples.split_names = found.split_names = '["train"]'
    examples.set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")
    (folder / "in" / "Split-train").mkdir(parents=True)
    (folder / "in" / "Split-train" / "data").write_bytes(b"records")
    (folder / "anomalies" / "Split-train").mkdir(parents=True)
    (folder / "anomalies" / "Split-train" / "SchemaDiff.pb").write_bytes(anomalies.SerializeToString())
    (folder / "out").mkdir()
    Executor().Do({"examples": [examples], "anomalies": [found]}, {"passed_examples": [passed]}, {})
    return passed


def test_clean_examples_pass_with_their_properties(tmp_path: Path) -> None:
    passed = run_gate(tmp_path, anomalies_pb2.Anomalies())
    assert (tmp_path / "out" / "Split-train" / "data").read_bytes() == b"records"
    assert passed.uri == str(tmp_path / "out")
    assert passed.split_names == '["train"]'
    assert passed.get_string_custom_property("payload_format") == "FORMAT_TF_EXAMPLE"


def test_an_anomaly_stops_and_is_named(tmp_path: Path) -> None:
    anomalies = anomalies_pb2.Anomalies()
    info = anomalies.anomaly_info["nose_tip_x"]
    info.short_description, info.description = "Out-of-range values", "Unexpectedly high value: 200."
    with pytest.raises(ExplainedError, match=r"\[train\] nose_tip_x: .*Unexpectedly high value: 200") as caught:
        run_gate(tmp_path, anomalies)
    assert not isinstance(caught.value, InputError), "only this branch stops"
    assert not list((tmp_path / "out").iterdir())


def test_describe_names_the_whole_data_set_too() -> None:
    anomalies = anomalies_pb2.Anomalies()
    anomalies.dataset_anomaly_info.description = "Too few examples"
    assert list(describe(anomalies)) == ["data set: Too few examples"]
