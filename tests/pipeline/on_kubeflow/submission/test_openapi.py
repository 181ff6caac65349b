"""The check that the other tests rely on can fail."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pipeline.on_kubeflow.submission.openapi import OpenApi

pytestmark = pytest.mark.e2e

_RUN: dict[str, Any] = {
    "display_name": "r",
    "pipeline_version_reference": {"pipeline_id": "p"},
    "runtime_config": {"parameters": {"a": 1, "b": {"c": []}}},
}
_SCHEDULE: dict[str, Any] = {
    "mode": "ENABLE",
    "max_concurrency": "1",
    "no_catchup": True,
    "trigger": {"cron_schedule": {"cron": "@daily", "start_time": "2026-01-01T00:00:00Z"}},
}
_API = "/apis/v2beta1"


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "files"),
    [
        ("GET", "/runs", {"page_size": "5", "filter": "x"}, None, []),
        ("GET", "/runs/1-2", {}, None, []),
        ("POST", "/runs", {}, _RUN, []),
        ("POST", "/recurringruns", {}, _SCHEDULE, []),
        ("POST", "/recurringruns/1:disable", {}, None, []),
        ("POST", "/pipelines/upload_version", {"name": "n", "pipelineid": "p"}, None, ["uploadfile"]),
    ],
)
def test_what_it_allows(
    openapi: OpenApi, method: str, path: str, query: dict[str, str], body: Any, files: list[str]
) -> None:
    assert openapi.problems(method, _API + path, query, body, files) == []


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "files", "words"),
    [
        ("GET", "/run", {}, None, [], "no such operation"),
        ("PUT", "/runs", {}, _RUN, [], "no such operation"),
        ("GET", "/runs", {"pagesize": "5"}, None, [], "query parameter pagesize: unknown"),
        ("GET", "/runs", {"page_size": "many"}, None, [], "no int"),
        ("GET", "/runs", {}, {}, [], "a body, expected none"),
        ("POST", "/runs", {}, {**_RUN, "name": "x"}, [], "body.name: unknown"),
        ("POST", "/runs", {}, {**_RUN, "display_name": 1}, [], "body.display_name: 1 is no str"),
        ("POST", "/runs", {}, {**_RUN, "runtime_config": {"root": ""}}, [], "body.runtime_config.root: unknown"),
        ("POST", "/runs", {}, {**_RUN, "runtime_config": {"parameters": []}}, [], "parameters: no object"),
        ("POST", "/runs", {}, None, [], "body: no object"),
        ("POST", "/recurringruns", {}, {**_SCHEDULE, "mode": "ON"}, [], "'ON' is none of"),
        ("POST", "/recurringruns", {}, {**_SCHEDULE, "max_concurrency": 1}, [], "1 is no str"),
        ("POST", "/recurringruns", {}, {"trigger": {"cron_schedule": {"end_time": "soon"}}}, [], "is no datetime"),
        ("POST", "/pipelines/upload_version", {}, None, ["file"], "expected"),
    ],
)
def test_what_it_refuses(
    openapi: OpenApi, method: str, path: str, query: dict[str, str], body: Any, files: list[str], words: str
) -> None:
    (problem,) = openapi.problems(method, _API + path, query, body, files)
    assert words in problem
