"""The server's flags in all shipped files and on the page about serving: they exist, and say the same everywhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.serving.config.shipped import COMPOSE, CONTAINER, FOLDER, INFERENCE_SERVICES, POD, of_kind
from tests.serving.config.upstream import FLAGS

PAGE = FOLDER.parent / "docs" / "serving.md"


def flags(arguments: list[str]) -> dict[str, str]:
    assert all(re.fullmatch(r"--[a-z_]+=\S+", argument) for argument in arguments)
    return dict(argument[2:].split("=", 1) for argument in arguments)


COMPOSE_FLAGS = flags(COMPOSE["services"]["tensorflow-serving"]["command"])
KUBERNETES_FLAGS = flags(CONTAINER["args"])


@pytest.mark.parametrize("used", [COMPOSE_FLAGS, KUBERNETES_FLAGS], ids=["compose", "kubernetes"])
def test_flags_exist(used: dict[str, str]) -> None:
    assert set(used) <= FLAGS


@pytest.mark.parametrize("service", INFERENCE_SERVICES, ids=lambda service: service["metadata"]["name"])
def test_flags_of_kserve_exist(service: dict[str, Any]) -> None:
    assert set(flags(service["spec"]["predictor"]["model"]["args"])) <= FLAGS


def test_commands_on_the_page_use_flags_that_exist() -> None:
    commands = re.findall(r"tensorflow_model_server((?:[^\n]*\\\n)*[^\n]*)", PAGE.read_text())
    named = {flag for command in commands for flag in re.findall(r"--(\w+)", command)}
    assert named <= FLAGS
    assert named


def test_kubernetes_starts_the_server_as_compose_does() -> None:
    assert KUBERNETES_FLAGS.keys() - COMPOSE_FLAGS.keys() == {"grpc_channel_arguments"}
    assert {name: KUBERNETES_FLAGS[name] for name in COMPOSE_FLAGS} == COMPOSE_FLAGS
    assert CONTAINER["command"] == COMPOSE["services"]["tensorflow-serving"]["entrypoint"]
    assert CONTAINER["image"] == COMPOSE["services"]["tensorflow-serving"]["image"]


def test_files_that_flags_name_are_shipped() -> None:
    named = {Path(value) for name, value in COMPOSE_FLAGS.items() if name.endswith("_file")}
    assert {path.parent for path in named} == {Path("/config")}
    assert {path.name for path in named} == {path.name for path in FOLDER.glob("*.config")}


def test_a_pod_that_goes_has_neither_connections_nor_requests_left() -> None:
    channel = dict(pair.split("=") for pair in KUBERNETES_FLAGS["grpc_channel_arguments"].split(","))
    # gRPC ends a connection up to a tenth later than it says.
    grpc = 1.1 * int(channel["grpc.max_connection_age_ms"]) + int(channel["grpc.max_connection_age_grace_ms"])
    waits = 1000 * int(CONTAINER["lifecycle"]["preStop"]["exec"]["command"][1])
    assert grpc < waits < 1000 * POD["terminationGracePeriodSeconds"]
    assert int(KUBERNETES_FLAGS["rest_api_timeout_in_ms"]) < waits
    assert of_kind("Deployment")["spec"]["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}


def test_threads_are_as_many_as_the_cores_that_may_be_used() -> None:
    cores = str(COMPOSE["services"]["tensorflow-serving"]["cpus"])
    assert CONTAINER["resources"]["limits"]["cpu"] == cores
    assert {COMPOSE_FLAGS[f"tensorflow_{kind}_op_parallelism"] for kind in ("intra", "inter")} == {cores}
