"""The gate between findings and Transform."""

from __future__ import annotations

from pathlib import Path

import pytest
from tfx.types import standard_artifacts

from components import findings
from components.anomaly_gate.executor import Executor
from components.errors import ExplainedError, InputError
from components.findings import Finding, Findings

BLACK = Finding("black_images", "error", "9 rows: the image is black", "Remove them.", 9, tuple(range(1, 10)))


def run_gate(folder: Path, found: list[Finding]) -> standard_artifacts.Examples:
    examples, artifact, passed = standard_artifacts.Examples(), Findings(), standard_artifacts.Examples()
    examples.uri, artifact.uri, passed.uri = str(folder / "in"), str(folder / "findings"), str(folder / "out")
    examples.split_names = '["train"]'
    examples.set_string_custom_property("payload_format", "FORMAT_TF_EXAMPLE")
    (folder / "in" / "Split-train").mkdir(parents=True)
    (folder / "in" / "Split-train" / "data").write_bytes(b"records")
    (folder / "findings").mkdir()
    findings.write(artifact.uri, found, {"data_set": "emotion"})
    (folder / "out").mkdir()
    Executor().Do({"examples": [examples], "findings": [artifact]}, {"passed_examples": [passed]}, {})
    return passed


def test_examples_pass_with_their_properties_where_nothing_stops(tmp_path: Path) -> None:
    warning = Finding("duplicates", "warning", "2 rows")
    waived = Finding("black_images", "error", "9 rows", waived="Ada, until 2027-01-01: known")
    passed = run_gate(tmp_path, [warning, waived])
    assert (tmp_path / "out" / "Split-train" / "data").read_bytes() == b"records"
    assert passed.uri == str(tmp_path / "out")
    assert passed.split_names == '["train"]'
    assert passed.get_string_custom_property("payload_format") == "FORMAT_TF_EXAMPLE"


def test_an_error_stops_and_is_named_with_its_first_rows(tmp_path: Path) -> None:
    with pytest.raises(ExplainedError) as caught:
        run_gate(tmp_path, [BLACK, Finding("duplicates", "warning", "2 rows")])
    message = str(caught.value)
    assert message.startswith("1 finding in the data, training is stopped: black_images: 9 rows: the image is black")
    assert "(row 1, 2, 3, 4, 5, ...)" in message
    assert "duplicates" not in message
    assert not isinstance(caught.value, InputError), "only this branch stops"
    assert not list((tmp_path / "out").iterdir())


def test_findings_come_back_worst_first(tmp_path: Path) -> None:
    waived = Finding("flat_images", "error", "1 row", count=1, rows=(3,), waived="Ada")
    info = Finding("near_duplicates", "info", "2 rows", count=2, rows=(1, 2), groups=((1, 2),), by_split={"train": 2})
    summary = findings.write(str(tmp_path), [info, waived, BLACK], {"data_set": "emotion"})
    listed, read_summary = findings.read(str(tmp_path))
    assert listed == [BLACK, waived, info]
    assert summary == read_summary
    assert summary == {"data_set": "emotion", "stops": True, "error": 1, "warning": 0, "info": 1, "waived": 1}
