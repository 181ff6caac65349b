"""The probe of compose.yaml and the Deployment, run by bash as the cluster would."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from tests.serving.config.shipped import COMPOSE, CONTAINER, FOLDER, INFERENCE_SERVICES, MODELS
from tests.serving.local_server import LocalServer

HEALTHCHECK = COMPOSE["services"]["tensorflow-serving"]["healthcheck"]["test"]
COMMANDS = {
    "startup": CONTAINER["startupProbe"]["exec"]["command"],
    "readiness": CONTAINER["readinessProbe"]["exec"]["command"],
    "compose": HEALTHCHECK[1:],
}


def run(command: list[str], port: int) -> subprocess.CompletedProcess[str]:
    local = [argument.replace("/config", str(FOLDER)) for argument in command]
    environment = {"PATH": os.environ["PATH"], "REST_PORT": str(port)}
    return subprocess.run(local, env=environment, capture_output=True, text=True, timeout=30)


def port_of(server: LocalServer) -> int:
    port = urlsplit(server.rest).port
    assert port
    return port


def status(state: str) -> bytes:
    """What the server says about a model, whatever the state of its version: always with status 200."""
    version = {"version": "1", "state": state, "status": {"error_code": "OK", "error_message": ""}}
    body = json.dumps({"model_version_status": [version]}, indent=1)
    return f"HTTP/1.0 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()


@contextmanager
def answering(answers: dict[str, bytes | None]) -> Iterator[int]:
    """A port where each model is answered with the given bytes, or never."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        kept: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                request = b""
                while not request.endswith(b"\r\n\r\n"):
                    request += connection.recv(4096)
                name = request.split(b" ")[1].decode().removeprefix("/v1/models/")
                answer = answers[name]
                if answer is None:
                    kept.append(connection)
                    continue
                with connection:
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in kept:
                connection.close()


def test_the_healthcheck_asks_for_the_same_models() -> None:
    assert HEALTHCHECK[0] == "CMD"
    assert all(command[2:] == MODELS for command in COMMANDS.values())


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_it_succeeds_when_both_models_are_available(command: list[str], served: LocalServer) -> None:
    result = run(command, port_of(served))
    assert result.returncode == 0, result.stderr


def test_it_fails_when_a_model_is_not_there(served: LocalServer) -> None:
    result = run([*COMMANDS["readiness"], "another"], port_of(served))
    assert result.returncode == 1
    assert result.stderr == "another: not available\n"


@pytest.mark.parametrize("state", ["START", "LOADING", "UNLOADING", "END"])
@pytest.mark.parametrize("waiting", MODELS)
def test_it_fails_while_a_model_is_in_another_state(state: str, waiting: str) -> None:
    with answering({name: status(state if name == waiting else "AVAILABLE") for name in MODELS}) as port:
        assert run(COMMANDS["readiness"], port).returncode == 1
    with answering(dict.fromkeys(MODELS, status("AVAILABLE"))) as port:
        assert run(COMMANDS["readiness"], port).returncode == 0


def test_it_fails_when_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert run(COMMANDS["readiness"], port).returncode == 1


def test_it_fails_in_time_when_the_server_hangs() -> None:
    started = time.monotonic()
    with answering(dict.fromkeys(MODELS)) as port:
        assert run(COMMANDS["readiness"], port).returncode == 1
    limits = [CONTAINER[probe]["timeoutSeconds"] for probe in ("startupProbe", "readinessProbe")]
    assert time.monotonic() - started < min(limits)


@pytest.mark.parametrize("service", INFERENCE_SERVICES, ids=lambda service: service["metadata"]["name"])
def test_the_readiness_of_kserve_is_that_of_its_model(service: dict[str, Any], served: LocalServer) -> None:
    path = service["spec"]["predictor"]["model"]["readinessProbe"]["httpGet"]["path"]
    assert requests.get(served.rest + path, timeout=10).status_code == 200
    assert requests.get(served.rest + path.replace("/metadata", "_2/metadata"), timeout=10).status_code == 404
