"""The command `rollback` on a made workspace, and rollbacks that are killed."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
from ml_metadata import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx.orchestration import metadata
from tfx.types import standard_artifacts

from components.errors import InputError
from components.model_versions import latest_version
from pipeline import rollback
from pipeline.rollback import roll_back
from pipeline.workspace import Workspace
from tests.components.push_faults.killing import MAX_POINTS, copy_of, killed_at
from tests.components.push_faults.pushing import contents, push, saved_model, versions

ROOT = Path(__file__).resolve().parents[2]
MODEL = "emotion_ai"
OPERATIONS = (
    "os.fsync",
    "pathlib.Path.rename",
    "ml_metadata.MetadataStore.put_execution",
    "ml_metadata.MetadataStore.put_executions",
)


def store(workspace: Workspace) -> MetadataStore:
    return MetadataStore(metadata.sqlite_metadata_connection_config(str(workspace.metadata_file)))


def record(workspace: Workspace, pushed: standard_artifacts.PushedModel) -> int:
    """Writes the artifact as a run of the pipeline does; gives its id."""
    connection = store(workspace)
    pushed.mlmd_artifact.type_id = connection.put_artifact_type(pushed.artifact_type)
    [artifact_id] = connection.put_artifacts([pushed.mlmd_artifact])
    return int(artifact_id)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """With two versions, `good` and then `bad`, and a later run that has found `bad` unchanged."""
    made = Workspace(tmp_path / "workspace")
    made.metadata_file.parent.mkdir(parents=True)
    for content in ("good", "bad"):
        model = saved_model(tmp_path / content, content)
        record(made, push(tmp_path, model, base=made.models / MODEL))
    record(made, push(tmp_path, model, base=made.models / MODEL))
    return made


def run_command(workspace: Workspace, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline.cli", "rollback", *arguments, "--workspace", str(workspace.root)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)


def executions(workspace: Workspace) -> list[mlmd.Execution]:
    found: list[mlmd.Execution] = store(workspace).get_executions_by_type(rollback.EXECUTION_TYPE)
    return found


def test_the_command_brings_the_version_before_back_and_writes_it_down(workspace: Workspace) -> None:
    base = workspace.models / MODEL
    good, bad = versions(base)
    process = run_command(workspace, MODEL, "--why", "all are Happy", "--who", "Ada")
    assert process.returncode == 0
    assert process.stderr == ""
    assert process.stdout == (
        f"{MODEL}: version {bad} is withdrawn, {good} is the newest again (Ada: all are Happy).\n"
        f"The same model is not pushed again, unless {base}/.withdrawn-{bad} is deleted.\n"
    )
    assert latest_version(str(base)) == good
    assert contents(base) == ["good"]

    [execution] = executions(workspace)
    assert execution.last_known_state == mlmd.Execution.COMPLETE
    written = {name: value.string_value or value.int_value for name, value in execution.properties.items()}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", written.pop("when"))
    assert written == {
        "model_name": MODEL,
        "from_version": bad,
        "to_version": good,
        "who": "Ada",
        "why": "all are Happy",
    }
    [event] = store(workspace).get_events_by_execution_ids([execution.id])
    assert event.type == mlmd.Event.INPUT
    [push_of_bad] = store(workspace).get_artifacts_by_id([event.artifact_id])
    assert push_of_bad.custom_properties["pushed_version"].string_value == str(bad)
    assert push_of_bad.custom_properties["unchanged"].int_value == 0

    beside_the_model = json.loads((base / f".withdrawn-{bad}" / "withdrawn.json").read_text())
    assert beside_the_model.pop("when")
    assert beside_the_model == written


def test_a_later_run_does_not_push_the_withdrawn_model_again(workspace: Workspace, tmp_path: Path) -> None:
    assert run_command(workspace, MODEL, "--why", "all are Happy").returncode == 0
    base = workspace.models / MODEL
    pushed = push(tmp_path, saved_model(tmp_path / "bad again", "bad"), base=base)
    assert pushed.get_int_custom_property("pushed") == 0
    assert "all are Happy" in pushed.get_string_custom_property("not_pushed_because")
    assert contents(base) == ["good"]
    push(tmp_path, saved_model(tmp_path / "better", "better"), base=base)
    assert contents(base) == ["good", "better"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((MODEL, "--why", " "), "--why is empty"),
        ((MODEL, "--why", "a reason", "--who", ""), "--who is empty"),
        (("emotions", "--why", "a reason"), "no model emotions; there are emotion_ai"),
        (("../models/emotion_ai", "--why", "a reason"), "no model ../models/emotion_ai"),
    ],
)
def test_a_wrong_call_is_one_clear_message(workspace: Workspace, arguments: tuple[str, ...], expected: str) -> None:
    process = run_command(workspace, *arguments)
    assert process.returncode == 1
    assert process.stderr.count("\n") == 1
    assert expected in process.stderr
    assert contents(workspace.models / MODEL) == ["good", "bad"]
    assert not executions(workspace)


def test_no_workspace_there_is_one_clear_message(tmp_path: Path) -> None:
    process = run_command(Workspace(tmp_path / "nowhere"), MODEL, "--why", "a reason")
    assert process.returncode == 1
    assert "nowhere/models: not there yet" in process.stderr
    assert not (tmp_path / "nowhere").exists()


def test_the_only_version_stays(workspace: Workspace) -> None:
    roll_back(workspace, MODEL, "a reason", "Ada", StringIO())
    with pytest.raises(InputError, match=r"no version before \d+ to go back to"):
        roll_back(workspace, MODEL, "a reason", "Ada", StringIO())
    assert contents(workspace.models / MODEL) == ["good"]
    assert len(executions(workspace)) == 1


def test_works_where_the_metadata_know_nothing_of_the_push(workspace: Workspace) -> None:
    workspace.metadata_file.unlink()
    roll_back(workspace, MODEL, "a reason", None, StringIO())
    [execution] = executions(workspace)
    assert execution.properties["who"].string_value
    assert not store(workspace).get_events_by_execution_ids([execution.id])


def kill_and_repeat(workspace: Workspace, folder: Path, point: int) -> str | None:
    """Kills a rollback, looks at what it left, and calls it again; gives where it was killed."""
    base = workspace.models / MODEL
    operation = killed_at(point, OPERATIONS, folder, roll_back, workspace, MODEL, "a reason", "Ada", StringIO())
    if operation is None:
        return None
    states = [execution.last_known_state for execution in executions(workspace)]
    assert contents(base) in (["good", "bad"], ["good"])
    assert set(states) <= {mlmd.Execution.RUNNING}
    if contents(base) == ["good"]:
        assert states
    else:
        assert not list(base.rglob("withdrawn.json"))
    pushed = push(folder, saved_model(folder / f"bad {point}", "bad"), base=base)
    assert pushed.get_int_custom_property("unchanged") == (contents(base) == ["good", "bad"])
    roll_back(workspace, MODEL, "the same reason", "Bob", StringIO())
    return operation


def test_a_rollback_killed_anywhere_is_finished_by_the_next_one(workspace: Workspace, tmp_path: Path) -> None:
    killed_in = set()
    for point in range(1, MAX_POINTS):
        copy = Workspace(copy_of(workspace.root, tmp_path / f"killed at {point}"))
        operation = kill_and_repeat(copy, tmp_path, point)
        ended = [e for e in executions(copy) if e.last_known_state == mlmd.Execution.COMPLETE]
        assert len(ended) == 1
        assert all(e.last_known_state != mlmd.Execution.RUNNING for e in executions(copy))
        assert contents(copy.models / MODEL) == ["good"]
        [written] = copy.models.glob("*/.withdrawn-*/withdrawn.json")
        assert json.loads(written.read_text())["who"] == ended[0].properties["who"].string_value
        if operation is None:
            break
        killed_in.add(operation)
    assert killed_in == {"fsync", "rename", "put_execution", "put_executions"}


def test_a_killed_rollback_does_not_stop_that_of_a_later_version(workspace: Workspace, tmp_path: Path) -> None:
    base = workspace.models / MODEL
    assert killed_at(1, OPERATIONS[3:], tmp_path, roll_back, workspace, MODEL, "a reason", "Ada", StringIO())
    assert contents(base) == ["good"]
    push(tmp_path, saved_model(tmp_path / "worse", "worse"), base=base)
    roll_back(workspace, MODEL, "a reason", "Ada", StringIO())
    assert contents(base) == ["good"]
    assert [e.last_known_state for e in executions(workspace)] == [mlmd.Execution.COMPLETE] * 2
