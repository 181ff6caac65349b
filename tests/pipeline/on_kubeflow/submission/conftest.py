"""The real environment of Kubeflow's client, made once, and a server that is held against its OpenAPI."""

from __future__ import annotations

import io
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.on_kubeflow.submission import client_environment, connection, preparation
from pipeline.on_kubeflow.submission.target import Target
from tests.pipeline.on_kubeflow.submission.api_server import FakeKubeflow, serving
from tests.pipeline.on_kubeflow.submission.openapi import OpenApi

GOLDEN = Path(__file__).parents[1] / "golden" / "emotion-ai.yaml"


@pytest.fixture(scope="session")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def client_python(cache_folder: Path) -> Path:
    """Python of the environment, which is made as for a user."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(cache_folder))
        return client_environment.client_python(io.StringIO())


@pytest.fixture(scope="session")
def openapi(client_python: Path) -> OpenApi:
    script = Path(__file__).with_name("describe_openapi.py")
    described = subprocess.run([client_python, "-I", script], capture_output=True, text=True, check=True)
    return OpenApi(json.loads(described.stdout))


@pytest.fixture
def kubeflow(
    openapi: OpenApi,
    client_python: Path,
    cache_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[FakeKubeflow]:
    """The server; a request that Kubeflow's OpenAPI does not know fails the test."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache_folder))
    monkeypatch.delenv("KFP_TOKEN", raising=False)
    monkeypatch.setattr(connection.time, "sleep", lambda seconds: None)
    with serving(FakeKubeflow(openapi, client_python, tmp_path)) as kubeflow:
        yield kubeflow
    assert kubeflow.problems == []


@pytest.fixture
def target(kubeflow: FakeKubeflow) -> Target:
    return Target(kubeflow.host)


@pytest.fixture
def job() -> preparation.Job:
    return preparation.Job(GOLDEN)
