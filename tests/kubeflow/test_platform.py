"""The emulation's own rules, with containers that run a few lines of Python."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.kubeflow.packages import Step, small_package
from tests.kubeflow.platform.containers import Processes
from tests.kubeflow.platform.memory_group import memory_group
from tests.kubeflow.platform.release import V2_0, V2_14, V2_15, Release
from tests.kubeflow.platform.scheduler import Kubeflow, Run, TaskRun

SHOW = "print(json.dumps(given)); save({})"
DATA = {"pvcMount": [{"constant": "data", "mountPath": "/data"}]}
SECRET = {"secretAsEnv": [{"secretName": "key", "keyToEnv": [{"secretKey": "token", "envVar": "TOKEN"}]}]}


@pytest.fixture
def make(tmp_path: Path, containers: Processes) -> Any:
    def installation(release: Release = V2_15, secrets: dict[str, dict[str, str]] | None = None) -> Kubeflow:
        (tmp_path / "data").mkdir(exist_ok=True)
        return Kubeflow(tmp_path / "kubeflow", release, containers, {"data": tmp_path / "data"}, secrets)

    return installation


def run(kubeflow: Kubeflow, folder: Path, steps: dict[str, Step], root: str = "minio://bucket/root") -> Run:
    return kubeflow.run(small_package(folder, steps), {}, root)


def seen(task: TaskRun) -> dict[str, Any]:
    """The ExecutorInput that a container has printed."""
    assert task.state == "SUCCEEDED", task.message + task.log_text
    value: dict[str, Any] = json.loads(task.log_text.splitlines()[-1])
    return value


def test_inputs_arrive_without_a_type_and_with_what_ml_metadata_gives_back(make: Any, tmp_path: Path) -> None:
    metadata = {"text": "a", "number": 3, "yes": True, "list": [1, "b"], "struct": {"c": [2]}}
    code = f"""
path("outputs", "made").mkdir()
(path("outputs", "made") / "file.txt").write_text("content")
artifact = {{"name": "mine", "metadata": json.loads({json.dumps(metadata)!r})}}
save({{"artifacts": {{"made": {{"artifacts": [artifact]}}}}}})
"""
    steps = {
        "make": Step(code, outputs={"made": "test.Made"}),
        "use": Step(
            'print((path("inputs", "made") / "file.txt").read_text())\n' + SHOW,
            inputs={"made": "make.made"},
            parameters={"number": 5, "text": "x"},
        ),
    }
    done = run(make(), tmp_path, steps)
    given = seen(done.tasks["use"])
    [artifact] = given["inputs"]["artifacts"]["made"]["artifacts"]
    assert artifact["type"] == {"instanceSchema": ""}
    assert artifact["name"] == str(done.tasks["make"].outputs["made"].id)
    assert artifact["metadata"].pop("store_session_info")
    assert artifact["metadata"] == {
        "text": "a",
        "number": 3,
        "yes": 1,
        "list": {"list": [1, "b"]},
        "struct": {"struct": {"c": [2]}},
        "display_name": "made",
    }
    assert given["inputs"]["parameterValues"] == {"number": "5", "text": "x"}
    assert done.tasks["make"].outputs["made"].type == "test.Made"
    assert "content" in done.tasks["use"].log_text


@pytest.mark.parametrize(
    ("release", "root", "staged"),
    [(V2_0, "gs://b/r", "/gcs"), (V2_14, "s3://b/r", "/s3"), (V2_15, "minio://b/r/", "/minio")],
)
def test_each_release_has_its_layout(make: Any, tmp_path: Path, release: Release, root: str, staged: str) -> None:
    done = run(make(release), tmp_path, {"make": Step(SHOW, outputs={"made": "test.Made"})}, root)
    outputs = seen(done.tasks["make"])["outputs"]
    [artifact] = outputs["artifacts"]["made"]["artifacts"]
    task_root = f"{root.rstrip('/')}/small/{done.id}/make"
    folder = artifact["uri"].removesuffix("/made")
    assert folder == task_root if release is V2_0 else folder.startswith(f"{task_root}/")
    assert artifact["type"]["instanceSchema"].startswith("title: test.Made")
    if release is V2_15:
        assert outputs["outputFile"] == f"{staged}/{folder.partition('://')[2]}/output_metadata.json"
        assert artifact["name"] == "made"
    else:
        assert outputs["outputFile"] == "/tmp/kfp_outputs/output_metadata.json"
        assert "name" not in artifact
    assert ("executor-logs" in outputs["artifacts"]) == (release is not V2_0)


def test_a_file_becomes_one_object_and_an_empty_folder_none(make: Any, tmp_path: Path) -> None:
    code = """
page, folder, moved = (path("outputs", key) for key in ("page", "folder", "moved"))
page.write_text("one")
(folder / "empty").mkdir(parents=True)
(folder / "a" / "b").mkdir(parents=True)
(folder / "a" / "b" / "file").write_text("two")
moved.mkdir()
(moved / "page.html").write_text("three")
uri = given["outputs"]["artifacts"]["moved"]["artifacts"][0]["uri"]
save({"artifacts": {"moved": {"artifacts": [{"uri": uri + "/page.html"}]}}})
"""
    kubeflow = make()
    outputs = {"page": "t.Page", "folder": "t.Folder", "moved": "t.Page", "missing": "t.Page"}
    made = run(kubeflow, tmp_path, {"make": Step(code, outputs=outputs)}).tasks["make"]
    assert made.state == "SUCCEEDED", made.log_text
    assert kubeflow.objects.names(made.outputs["page"].uri) == [""]
    assert kubeflow.objects.names(made.outputs["folder"].uri) == ["a/b/file"]
    assert made.outputs["moved"].uri.endswith("/moved/page.html")
    assert kubeflow.objects.read(made.outputs["moved"].uri) == b"three"
    assert kubeflow.objects.names(made.outputs["missing"].uri) == []
    assert kubeflow.objects.read(made.outputs["executor-logs"].uri) == b""


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ('{"outputs": {}}', "no field named"),
        ('{"artifacts": {"made": {"artifacts": [{"metadata": {"a": NaN}}]}}}', "invalid value NaN"),
        ('{"artifacts": {"made": {"artifacts": [{"metadata": {"a": null}}]}}}', "unsupported value type null_value"),
        ('{"artifacts": {}, "artifacts": {}}', "duplicate field"),
        ("", "syntax error"),
    ],
)
def test_executor_outputs_are_read_strictly(make: Any, tmp_path: Path, output: str, message: str) -> None:
    done = run(make(), tmp_path, {"make": Step(f"save({output!r})", outputs={"made": "test.Made"})})
    assert done.state == "FAILED"
    assert message in done.tasks["make"].message


def test_a_failure_stops_what_follows_and_nothing_else(make: Any, tmp_path: Path) -> None:
    steps = {
        "bad": Step("sys.exit(3)", outputs={"made": "t.M"}),
        "after": Step(inputs={"made": "bad.made"}, outputs={"made": "t.M"}),
        "last": Step(inputs={"made": "after.made"}),
        "other": Step(outputs={"made": "t.M"}),
        "other-after": Step(inputs={"made": "other.made"}),
    }
    done = run(make(), tmp_path, steps)
    assert done.state == "FAILED"
    assert done.tasks["bad"].exit_code == 3
    assert done.in_state("SKIPPED") == {"after", "last"}
    assert done.in_state("SUCCEEDED") == {"other", "other-after"}


def test_a_retry_begins_with_empty_folders_and_the_same_uris(make: Any, tmp_path: Path) -> None:
    code = """
made, tried = path("outputs", "made"), pathlib.Path("/data/tried")
assert not made.exists() and not pathlib.Path("/tmp/rest").exists()
made.mkdir()
pathlib.Path("/tmp/rest").touch()
print(made)
with tried.open("a") as file:
    file.write(str(made) + "\\n")
sys.exit(len(tried.read_text().splitlines()) < 3)
"""
    step = Step(code, outputs={"made": "t.M"}, config=DATA, fields={"retryPolicy": {"maxRetryCount": 2}})
    kubeflow = make()
    done = run(kubeflow, tmp_path, {"make": step})
    assert (done.tasks["make"].state, done.tasks["make"].attempts) == ("SUCCEEDED", 3)
    assert len(set((tmp_path / "data" / "tried").read_text().splitlines())) == 1
    assert kubeflow.objects.read(done.tasks["make"].outputs["executor-logs"].uri).startswith(b"/minio/bucket/root/")


def test_environment_and_secrets_arrive_and_nothing_of_this_machine(
    make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_THIS_MACHINE", "1")
    container = {"env": [{"name": "GIVEN", "value": "yes"}]}
    step = Step("print(json.dumps(dict(os.environ)))", container=container, config=SECRET)
    done = run(make(secrets={"key": {"token": "abc"}}), tmp_path, {"make": step})
    environment = seen(done.tasks["make"])
    assert (environment["GIVEN"], environment["TOKEN"]) == ("yes", "abc")
    assert "OF_THIS_MACHINE" not in environment


@pytest.mark.parametrize(
    ("secrets", "message"),
    [({}, 'secret "key" not found'), ({"key": {"other": "1"}}, "couldn't find key token in Secret key")],
)
def test_a_missing_secret_keeps_the_container_from_starting(
    make: Any, tmp_path: Path, secrets: dict[str, dict[str, str]], message: str
) -> None:
    steps = {
        "make": Step(outputs={"made": "t.M"}, config=SECRET),
        "use": Step(inputs={"made": "make.made"}),
        "other": Step(),
    }
    done = run(make(secrets=secrets), tmp_path, steps)
    assert done.state == "RUNNING"
    assert message in done.tasks["make"].message
    assert done.tasks["make"].exit_code is None
    assert done.in_state("SKIPPED") == {"use"}
    assert done.in_state("SUCCEEDED") == {"other"}


def test_a_missing_volume_keeps_the_pod_from_being_scheduled(make: Any, tmp_path: Path) -> None:
    config = {"pvcMount": [{"constant": "nowhere", "mountPath": "/data"}]}
    done = run(make(), tmp_path, {"make": Step(config=config)})
    assert done.tasks["make"].message == 'persistentvolumeclaim "nowhere" not found'


def test_the_same_work_is_done_once(make: Any, tmp_path: Path) -> None:
    cached = {"cachingOptions": {"enableCache": True}}
    steps = {
        "make": Step(outputs={"made": "t.M"}, parameters={"text": "$text"}, fields=cached),
        "use": Step(inputs={"made": "make.made"}, fields=cached),
        "always": Step(inputs={"made": "make.made"}),
        "fails": Step("sys.exit(1)", fields=cached),
    }
    package = small_package(tmp_path, steps, {"text": {"parameterType": "STRING"}})
    kubeflow = make()
    first = kubeflow.run(package, {"text": "a"})
    again = kubeflow.run(package, {"text": "a"})
    assert again.in_state("CACHED") == {"make", "use"}
    assert again.tasks["make"].outputs["made"] == first.tasks["make"].outputs["made"]
    assert again.in_state("SUCCEEDED") == {"always"}
    assert kubeflow.run(package, {"text": "b"}).in_state("CACHED") == set()
    steps["make"].container["image"] = "small:2"
    package = small_package(tmp_path, steps, {"text": {"parameterType": "STRING"}})
    assert kubeflow.run(package, {"text": "a"}).in_state("CACHED") == set()


def test_a_display_name_hides_a_task_on_old_releases(make: Any, tmp_path: Path) -> None:
    """kubeflow/pipelines#11106"""
    steps = {
        "make": Step(outputs={"made": "t.M"}, fields={"taskInfo": {"name": "Make it"}}),
        "use": Step(inputs={"made": "make.made"}),
    }
    done = run(make(V2_0), tmp_path, steps)
    assert done.tasks["use"].message.endswith('cannot find producer task "make"')
    assert run(make(V2_14), tmp_path, steps).state == "SUCCEEDED"


def test_memory_is_limited(make: Any, tmp_path: Path) -> None:
    with memory_group(10**8) as group:
        if group is None:
            pytest.skip("this user may make no control groups for memory")
    code = "print('begins', flush=True); rest = b'1' * 10**9"
    done = run(make(), tmp_path, {"make": Step(code, container={"resources": {"memoryLimit": 0.2}})})
    assert done.tasks["make"].exit_code == 137
    assert done.tasks["make"].log_text == "begins\n"


def test_placeholders_are_filled_in(make: Any, tmp_path: Path) -> None:
    step = Step(parameters={"text": "x y", "number": 3}, outputs={"made": "t.M"})
    step.container = {
        "command": ["sh", "-c", 'printf "%s\\n" "$@"', "show"],
        "args": [
            "{{$.inputs.parameters['text']}}",
            "--number={{$.inputs.parameters['number']}}",
            "{{$.outputs.artifacts['made'].uri}}",
            "{{$.outputs.artifacts['made'].path}}",
        ],
    }
    done = run(make(), tmp_path, {"make": step})
    text, number, uri, path = done.tasks["make"].log_text.splitlines()
    assert (text, number) == ("x y", "--number=3")
    assert uri == done.tasks["make"].outputs["made"].uri
    assert path == uri.replace("minio://", "/minio/")
