"""URIs of object stores and the launcher's folders."""

from __future__ import annotations

import pytest

from pipeline.on_kubeflow.runtime.staged_paths import StagedPaths, has_remote_workers


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("minio://mlpipeline/v2/a", "/minio/mlpipeline/v2/a"),
        ("s3://bucket/a/b", "/s3/bucket/a/b"),
        ("gs://bucket/a/b", "/gcs/bucket/a/b"),
    ],
)
def test_a_uri_becomes_the_launchers_folder_and_back(uri: str, path: str) -> None:
    paths = StagedPaths([uri])
    assert paths.to_local(uri) == path
    assert paths.to_local(f"{uri}/Split-train/data") == f"{path}/Split-train/data"
    assert paths.to_uri(f"{path}/report.html") == f"{uri}/report.html"
    assert paths.to_local(f'{{"model": "{uri}"}}') == f'{{"model": "{path}"}}'
    assert paths.to_uri(paths.to_local(f"{uri}, {uri}/x")) == f"{uri}, {uri}/x"


@pytest.mark.parametrize("text", ["file:///data/a", "/data/a", "/models/emotion_ai/1", "Happy", ""])
def test_volumes_and_words_stay(text: str) -> None:
    paths = StagedPaths(["minio://b/a", "/data/a", "file:///data/a"])
    assert paths.to_local(text) == text
    assert paths.to_uri(text) == text


def test_what_only_looks_alike_stays() -> None:
    paths = StagedPaths(["s3://b/run-1"])
    assert paths.to_local("s3://b/run-12") == "s3://b/run-12"
    assert paths.to_local("s3://b/run-1.bak") == "s3://b/run-1.bak"
    assert paths.to_local("s3://other/run-1") == "s3://other/run-1", "not staged: no artifact of this node"
    assert paths.to_uri("/data/s3/b/run-1") == "/data/s3/b/run-1"


def test_the_longest_uri_wins() -> None:
    paths = StagedPaths(["s3://b/x", "gs://b/x", "s3://b/x/y"])
    assert paths.to_local("s3://b/x/y/z") == "/s3/b/x/y/z"
    assert paths.to_uri("/s3/b/x/y/z and /s3/b/x/q") == "s3://b/x/y/z and s3://b/x/q"


def test_remote_workers_see_gs_itself() -> None:
    paths = StagedPaths(["gs://b/x", "s3://b/x"], remote_workers=True)
    assert paths.to_local("gs://b/x") == "gs://b/x"
    assert paths.to_local("s3://b/x") == "/s3/b/x"


@pytest.mark.parametrize(
    ("args", "remote"),
    [
        ([], False),
        (["--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner"], False),
        (["--runner=DirectRunner", "--direct_num_workers=2"], False),
        (["--runner=DataflowRunner", "--project=p"], True),
        (["--runner=FlinkRunner"], True),
        (["--runner", "DataflowRunner"], True),
        (["--runner=direct"], False),
        (["--runner=DirectRunner", "--runner=DataflowRunner"], True),
    ],
)
def test_which_runners_are_remote(args: list[str], remote: bool) -> None:
    assert has_remote_workers(args) is remote
