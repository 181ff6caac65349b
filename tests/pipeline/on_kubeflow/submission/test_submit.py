"""`emotion-ai submit` against a server that is held against Kubeflow's OpenAPI."""

from __future__ import annotations

import dataclasses
import io
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.errors import ExplainedError, InputError
from pipeline.on_kubeflow.package import read_package, write_package
from pipeline.on_kubeflow.submission.preparation import Job
from pipeline.on_kubeflow.submission.submit import submit
from pipeline.on_kubeflow.submission.target import Target
from pipeline.on_kubeflow.submission.variants import version_name
from tests.pipeline.on_kubeflow.submission.api_server import FakeKubeflow
from tests.pipeline.on_kubeflow.submission.conftest import GOLDEN

pytestmark = pytest.mark.e2e


def _submit(target: Target, job: Job, **options: object) -> str:
    terminal = io.StringIO()
    submit(target, job, terminal, **options)  # type: ignore[arg-type]
    return terminal.getvalue()


def test_a_first_run_makes_pipeline_version_and_experiment(kubeflow: FakeKubeflow, target: Target, job: Job) -> None:
    said = _submit(target, dataclasses.replace(job, parameters=("split=usage",), pipeline_root="s3://b/r"))
    (pipeline,) = kubeflow.pipelines.values()
    (version,) = kubeflow.versions.values()
    (experiment,) = kubeflow.experiments.values()
    (run,) = kubeflow.runs.values()
    assert pipeline["name"] == experiment["display_name"] == "emotion-ai"
    # With its comments: as it was compiled.
    assert version["text"] == GOLDEN.read_text(encoding="utf-8")
    parameters = run["runtime_config"]["parameters"]
    assert parameters["split"] == "usage"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", parameters["data_version"])
    assert run["display_name"] == f"emotion-ai {parameters['data_version']}"
    assert run["runtime_config"]["pipeline_root"] == "s3://b/r"
    assert "service_account" not in run
    assert f"Run: {kubeflow.host}/#/runs/details/{run['run_id']}\n" in said
    assert "uploaded" in said
    assert "Experiment emotion-ai: made" in said


def test_the_same_content_is_uploaded_once(kubeflow: FakeKubeflow, target: Target, job: Job, tmp_path: Path) -> None:
    package = read_package(GOLDEN)
    reformatted = tmp_path / "again.yaml"
    write_package(reformatted, package.spec, package.platform)
    _submit(target, job)
    said = _submit(target, dataclasses.replace(job, package=reformatted))
    assert "there already" in said
    assert kubeflow.count("POST", "/upload_version") == 1
    assert len(kubeflow.runs) == 2
    assert len(kubeflow.experiments) == 1


def test_other_content_is_a_new_version_of_the_same_pipeline(
    kubeflow: FakeKubeflow, target: Target, job: Job, tmp_path: Path
) -> None:
    package = read_package(GOLDEN)
    package.spec["pipelineInfo"]["description"] = "another"
    changed = tmp_path / "changed.yaml"
    write_package(changed, package.spec, package.platform)
    _submit(target, job)
    _submit(target, dataclasses.replace(job, package=changed))
    # The first is found on the second page, too.
    said = _submit(target, job)
    assert len(kubeflow.pipelines) == 1
    assert len(kubeflow.versions) == 2
    assert "there already" in said


def test_names_and_account_are_those_given(kubeflow: FakeKubeflow, target: Target, job: Job) -> None:
    # Characters that a query changes if it is not quoted as often as Kubeflow unquotes it.
    experiment = "quick + 100% öffentlich [bold] :cat:"
    given = dataclasses.replace(
        job, pipeline="faces", experiment=experiment, name="try", service_account="sa", data_version="v7"
    )
    assert f"Experiment {experiment}: made" in _submit(target, given)
    assert f"Experiment {experiment}: there already" in _submit(target, given)
    assert [pipeline["name"] for pipeline in kubeflow.pipelines.values()] == ["faces"]
    assert [found["display_name"] for found in kubeflow.experiments.values()] == [experiment]
    run = next(iter(kubeflow.runs.values()))
    assert run["display_name"] == "try"
    assert run["service_account"] == "sa"
    assert run["runtime_config"]["parameters"]["data_version"] == "v7"


def test_without_cache_another_version_is_uploaded(kubeflow: FakeKubeflow, target: Target, job: Job) -> None:
    _submit(target, job)
    _submit(target, dataclasses.replace(job, caching=False))
    cached, uncached = (
        list(yaml.load_all(version["text"], Loader=yaml.CSafeLoader)) for version in kubeflow.versions.values()
    )
    tasks = uncached[0]["root"]["dag"]["tasks"]
    assert all(not task.get("cachingOptions", {}).get("enableCache") for task in tasks.values())
    for documents in (cached, uncached):
        for task in documents[0]["root"]["dag"]["tasks"].values():
            task.pop("cachingOptions", None)
    assert cached == uncached


def test_two_who_upload_the_same_at_once_both_run(kubeflow: FakeKubeflow, target: Target, job: Job) -> None:
    name = version_name(read_package(GOLDEN), "emotion-ai")

    def other_is_faster() -> None:
        (pipeline_id,) = kubeflow.pipelines
        kubeflow.versions["theirs"] = {
            "pipeline_id": pipeline_id,
            "pipeline_version_id": "theirs",
            "name": name,
            "display_name": name,
            "text": GOLDEN.read_text(encoding="utf-8"),
        }

    kubeflow.before_upload = other_is_faster
    _submit(target, job)
    (run,) = kubeflow.runs.values()
    assert run["pipeline_version_reference"]["pipeline_version_id"] == "theirs"


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda package: package.spec.update(schemaVersion="2.0.0"), "KFP only supports schema version 2.1.0"),
        (
            lambda package: package.spec["root"]["dag"]["tasks"]["EmotionTrainer"].update(iteratorPolicy=3),
            "iteratorPolicy",
        ),
        (lambda package: package.executors["EmotionTrainer_executor"]["container"].update(gpu=1), "gpu"),
        (lambda package: package.kubernetes["EmotionTrainer_executor"].update(nodes=["a"]), "nodes"),
    ],
)
def test_a_refused_package_leaves_nothing_behind(
    damage: object, words: str, kubeflow: FakeKubeflow, target: Target, job: Job, tmp_path: Path
) -> None:
    package = read_package(GOLDEN)
    damage(package)  # type: ignore[operator]
    refused = tmp_path / "refused.yaml"
    refused.write_text(yaml.safe_dump_all([package.spec, package.platform]))
    with pytest.raises(ExplainedError, match=words):
        _submit(target, dataclasses.replace(job, package=refused))
    assert kubeflow.pipelines == {}
    assert kubeflow.runs == {}


def test_what_is_wrong_with_a_parameter_is_found_before_anything_is_sent(
    kubeflow: FakeKubeflow, target: Target, job: Job
) -> None:
    with pytest.raises(InputError, match="no such parameter"):
        _submit(target, dataclasses.replace(job, parameters=("splitt=usage",)))
    assert kubeflow.requests == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"pipeline": "../x"}, r"--pipeline \.\./x: expected a name .*without '/'"),
        ({"pipeline": "x" * 101}, "--pipeline x+: expected a name of 100 characters at most"),
        ({"pipeline_root": "/mnt/x"}, "--pipeline-root /mnt/x: expected one that begins with minio://"),
        ({"service_account": "My Account"}, "--service-account My Account: expected lower-case letters"),
    ],
)
def test_what_kubeflow_would_find_only_in_the_run_is_found_before(
    given: dict[str, Any], words: str, kubeflow: FakeKubeflow, target: Target, job: Job
) -> None:
    with pytest.raises(InputError, match=words):
        _submit(target, dataclasses.replace(job, **given))
    assert kubeflow.requests == []


def test_several_users_need_a_namespace(kubeflow: FakeKubeflow, job: Job) -> None:
    kubeflow.multi_user = True
    with pytest.raises(InputError, match="--namespace is missing"):
        _submit(Target(kubeflow.host), job)
    said = _submit(Target(kubeflow.host, namespace="team"), job)
    assert "not used" not in said
    (pipeline,) = kubeflow.pipelines.values()
    (experiment,) = kubeflow.experiments.values()
    assert pipeline["namespace"] == experiment["namespace"] == "team"
    with pytest.raises(ExplainedError, match=r"forbidden .*not authorized in namespace theirs.*--namespace"):
        _submit(Target(kubeflow.host, namespace="theirs"), job)


def test_one_user_needs_no_namespace(kubeflow: FakeKubeflow, job: Job) -> None:
    said = _submit(Target(kubeflow.host, namespace="team"), job)
    assert "--namespace is not used" in said
    assert next(iter(kubeflow.experiments.values()))["namespace"] == ""
    assert "ns=team" not in said


def test_the_token_is_sent_and_renewed(
    kubeflow: FakeKubeflow, job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kubeflow.token = "right"
    with pytest.raises(ExplainedError, match=r"wants a valid token.*no user identity.*Give one with --token-file"):
        _submit(Target(kubeflow.host), job)
    file = tmp_path / "token"
    file.write_text("wrong\n")
    with pytest.raises(ExplainedError, match="Put a new one into the file of --token-file"):
        _submit(Target(kubeflow.host, token_file=file), job)
    monkeypatch.setenv("KFP_TOKEN", "right")
    _submit(Target(kubeflow.host), job)
    # Kubernetes renews the files of service accounts while a command waits.
    file.write_text("right\n")

    def renew() -> None:
        kubeflow.token = "newer"
        file.write_text("newer\n")

    kubeflow.before_upload = renew
    _submit(Target(kubeflow.host, token_file=file), dataclasses.replace(job, pipeline="other"))
    assert len(kubeflow.runs) == 2


def test_an_archived_experiment_is_named(kubeflow: FakeKubeflow, target: Target, job: Job) -> None:
    kubeflow.experiments["old"] = {
        "experiment_id": "old",
        "display_name": "emotion-ai",
        "namespace": "",
        "storage_state": "ARCHIVED",
    }
    with pytest.raises(InputError, match="emotion-ai: this experiment is archived"):
        _submit(target, job)
