"""A server with the API of Kubeflow Pipelines, which keeps all in memory and distrusts every request.

It answers with the codes and in the words of Kubeflow's own server, as far as our commands can come across them.
"""

from __future__ import annotations

import email.parser
import email.policy
import json
import socket
import subprocess
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import uvicorn
import yaml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.pipeline.on_kubeflow.submission.openapi import OpenApi

# Content of a package -> what is wrong with it: the same one comes again and again, and each parse takes a second.
_PARSED: dict[bytes, str] = {}
_CODES = {400: 3, 401: 16, 403: 7, 404: 5, 409: 6, 500: 13}


class ApiError(Exception):
    """An answer with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class FakeKubeflow:
    """State and behaviour of the server.

    Attributes:
      host: its address.
      requests: (method, path) of each that came.
      bodies: JSON bodies of each, None where there was none.
      problems: what the OpenAPI did not allow.
      token: the only one that may ask; None: everyone.
      multi_user: whether namespaces count.
      script: answers that come before the real ones: (status, text, content type).
      stories: run states, of which each look at a run takes one; the last one stays. [] for SUCCEEDED at once.
      refused: message for each kind of thing (last part of the path) of which no new one is made.
      before_upload: called once, before an upload is looked at.
    """

    def __init__(self, openapi: OpenApi, python: Path, folder: Path) -> None:
        self.host = ""
        self.requests: list[tuple[str, str]] = []
        self.bodies: list[Any] = []
        self.problems: list[str] = []
        self.token: str | None = None
        self.multi_user = False
        self.script: list[tuple[int, str, str]] = []
        self.stories: list[dict[str, Any]] = []
        self.refused: dict[str, str] = {}
        self.before_upload: Any = None
        self.pipelines: dict[str, dict[str, Any]] = {}
        self.versions: dict[str, dict[str, Any]] = {}
        self.experiments: dict[str, dict[str, Any]] = {}
        self.runs: dict[str, dict[str, Any]] = {}
        self.schedules: dict[str, dict[str, Any]] = {}
        self._openapi = openapi
        self._python = python
        self._folder = folder

    def count(self, method: str, end_of_path: str) -> int:
        """How many requests there were of a kind."""
        return sum(seen == method and path.endswith(end_of_path) for seen, path in self.requests)

    async def answer(self, request: Request) -> Response:
        raw = await request.body()
        files, body = _parts(request.headers.get("content-type", ""), raw)
        path = request.url.path
        self.requests.append((request.method, path))
        self.bodies.append(body)
        self.problems += self._openapi.problems(request.method, path, request.query_params, body, list(files))
        if self.script:
            status, text, kind = self.script.pop(0)
            return Response(text, status, media_type=kind)
        try:
            if self.token and request.headers.get("authorization") != f"Bearer {self.token}":
                raise ApiError(401, "Request header error: there is no user identity header.")
            return JSONResponse(self._dispatch(request, body, files))
        except ApiError as error:
            if "/upload" in path:
                return JSONResponse({"error_message": error.message, "error_details": error.message}, error.status)
            code = _CODES[error.status]
            details = [{"@type": "type.googleapis.com/google.rpc.Status", "code": code, "message": error.message}]
            return JSONResponse(
                {"error": error.message, "code": code, "message": error.message, "details": details}, error.status
            )

    def _dispatch(self, request: Request, body: Any, files: dict[str, tuple[str, bytes]]) -> dict[str, Any]:
        query = request.query_params
        if request.method == "POST" and (kind := request.url.path.rpartition("/")[2]) in self.refused:
            raise ApiError(400, self.refused[kind])
        match request.method, *request.url.path.removeprefix("/apis/v2beta1/").split("/"):
            case "GET", "healthz":
                return {"multi_user": self.multi_user, "pipeline_store": "database"}
            case "GET", "pipelines", "names", name:
                self._need_namespace(query.get("namespace"))
                for pipeline in self.pipelines.values():
                    if pipeline["name"] == name and pipeline["namespace"] == query.get("namespace", ""):
                        return pipeline
                raise ApiError(404, f"Failed to get a pipeline with name {name}: ResourceNotFoundError")
            case "POST", "pipelines":
                self._need_namespace(body.get("namespace"))
                return self._new_pipeline(body)
            case "DELETE", "pipelines", pipeline_id:
                if any(version["pipeline_id"] == pipeline_id for version in self.versions.values()):
                    raise ApiError(400, "Failed to delete pipeline as it has existing pipeline versions")
                del self.pipelines[pipeline_id]
                return {}
            case "GET", "pipelines", pipeline_id, "versions":
                mine = [version for version in self.versions.values() if version["pipeline_id"] == pipeline_id]
                return _page("pipeline_versions", mine, query)
            case "POST", "pipelines", "upload_version":
                return self._upload(query, files)
            case "GET", "experiments":
                self._need_namespace(query.get("namespace"))
                mine = [
                    experiment
                    for experiment in self.experiments.values()
                    if experiment["namespace"] == query.get("namespace", "")
                ]
                return _page("experiments", mine, query)
            case "POST", "experiments":
                self._need_namespace(body.get("namespace"))
                return _kept(self.experiments, "experiment_id", {"namespace": "", "storage_state": "AVAILABLE", **body})
            case "POST", "runs":
                self._check_source(body)
                return _kept(self.runs, "run_id", {**body, "state": "PENDING"})
            case "GET", "runs", run_id:
                return self._run(run_id)
            case "GET", "recurringruns":
                self._need_namespace(query.get("namespace"))
                return _page("recurringRuns", list(self.schedules.values()), query)
            case "POST", "recurringruns":
                self._check_source(body)
                if not 1 <= int(body["max_concurrency"]) <= 10:
                    raise ApiError(400, "Max concurrency of a recurring run must be at least 1 and at most 10.")
                return _kept(self.schedules, "recurring_run_id", body)
            case "DELETE", "recurringruns", schedule_id:
                del self.schedules[schedule_id]
                return {}
        raise ApiError(404, "Not Found")

    def _need_namespace(self, namespace: str | None) -> None:
        if self.multi_user and not namespace:
            raise ApiError(400, "An experiment cannot have an empty namespace in multi-user mode")
        if self.multi_user and namespace != "team":
            raise ApiError(403, f"Failed to authorize with API: User is not authorized in namespace {namespace}")

    def _new_pipeline(self, body: dict[str, Any]) -> dict[str, Any]:
        name = body.get("name") or body["display_name"]
        if any(pipeline["name"] == name for pipeline in self.pipelines.values()):
            raise ApiError(409, "Failed to create a pipeline: already exist")
        return _kept(self.pipelines, "pipeline_id", {"namespace": "", "name": name, **body})

    def _upload(self, query: Any, files: dict[str, tuple[str, bytes]]) -> dict[str, Any]:
        if self.before_upload:
            action, self.before_upload = self.before_upload, None
            action()
        file_name, content = files["uploadfile"]
        if query["pipelineid"] not in self.pipelines:
            raise ApiError(400, "Failed to create a pipeline version")
        if not file_name.endswith((".yaml", ".yml")):
            raise ApiError(400, "Failed to create a pipeline version. Error reading pipeline spec file: not YAML")
        problem = self._problem(content)
        if problem:
            raise ApiError(400, f"Failed to create a pipeline version: {problem}")
        if any(
            version["name"] == query["name"] and version["pipeline_id"] == query["pipelineid"]
            for version in self.versions.values()
        ):
            raise ApiError(409, "Failed to create a pipeline version")
        version = {"pipeline_id": query["pipelineid"], "name": query["name"], "display_name": query["name"]}
        return _kept(self.versions, "pipeline_version_id", {**version, "text": content.decode()})

    def _problem(self, content: bytes) -> str:
        """What a strict parse finds."""
        if content not in _PARSED:
            path = self._folder / f"{uuid.uuid4()}.yaml"
            path.write_bytes(content)
            script = Path(__file__).with_name("parse_strictly.py")
            parsed = subprocess.run([self._python, "-I", script, path], capture_output=True, text=True, check=True)
            _PARSED[content] = parsed.stdout.strip()
        return _PARSED[content]

    def _check_source(self, body: dict[str, Any]) -> None:
        if body["experiment_id"] not in self.experiments:
            raise ApiError(404, "Experiment not found")
        version = self.versions.get(body["pipeline_version_reference"]["pipeline_version_id"])
        if not version or version["pipeline_id"] != body["pipeline_version_reference"]["pipeline_id"]:
            raise ApiError(404, "PipelineVersion not found")
        spec = next(yaml.load_all(version["text"], Loader=yaml.CSafeLoader))
        definitions = spec["root"].get("inputDefinitions", {}).get("parameters", {})
        given = body["runtime_config"]["parameters"]
        for name, definition in definitions.items():
            if name not in given and not definition.get("isOptional") and "defaultValue" not in definition:
                raise ApiError(
                    400, f"parameter {name} is not optional, yet has neither default value nor user provided value"
                )
        for name in given:
            if name not in definitions:
                raise ApiError(400, f"parameter {name} provided is not required by pipeline")

    def _run(self, run_id: str) -> dict[str, Any]:
        if run_id not in self.runs:
            raise ApiError(404, f"Failed to get run {run_id}: not found")
        story = self.stories.pop(0) if len(self.stories) > 1 else (self.stories or [{"state": "SUCCEEDED"}])[0]
        return {**self.runs[run_id], **story}


@contextmanager
def serving(kubeflow: FakeKubeflow, **options: Any) -> Iterator[FakeKubeflow]:
    """Within the context it listens on a free port; `options` are uvicorn's."""
    app = Starlette(routes=[Route("/{rest:path}", kubeflow.answer, methods=["GET", "POST", "DELETE", "PATCH"])])
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="error", access_log=False, timeout_graceful_shutdown=1, **options)
    )
    listener = socket.create_server(("127.0.0.1", 0))
    scheme = "https" if options else "http"
    kubeflow.host = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}"
    # It is connected to before the server takes connections: the system keeps them until then.
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield kubeflow
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def _kept(store: dict[str, dict[str, Any]], key: str, values: dict[str, Any]) -> dict[str, Any]:
    identity = str(uuid.uuid4())
    store[identity] = {**values, key: identity}
    return store[identity]


def _page(name: str, entries: list[dict[str, Any]], query: Any) -> dict[str, Any]:
    """One entry a page, so that the rest is found only by who asks on."""
    if "filter" in query:
        # Kubeflow decodes it once more than HTTP does.
        for predicate in json.loads(unquote_plus(query["filter"]))["predicates"]:
            assert predicate["operation"] == "EQUALS"
            entries = [entry for entry in entries if entry[predicate["key"]] == predicate["string_value"]]
    first = int(query.get("page_token", "0"))
    more = {"next_page_token": str(first + 1)} if first + 1 < len(entries) else {}
    return {name: entries[first : first + 1], "total_size": len(entries), **more} if entries else {}


def _parts(content_type: str, raw: bytes) -> tuple[dict[str, tuple[str, bytes]], Any]:
    """Files by field, and the JSON body."""
    if content_type.startswith("multipart/"):
        message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(
            b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + raw
        )
        files = {}
        for part in message.iter_parts():  # type: ignore[attr-defined]
            name = part.get_param("name", header="content-disposition")
            files[name] = (part.get_filename(), part.get_payload(decode=True))
        return files, None
    return {}, json.loads(raw) if raw else None
