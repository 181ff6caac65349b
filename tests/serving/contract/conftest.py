"""The server that is asked."""

from __future__ import annotations

import os
from collections.abc import Iterator

import grpc
import pytest

from tests.serving.contract.clients import LABELS, MODELS, Grpc, Rest

Versions = dict[str, list[int]]


@pytest.fixture(scope="session")
def addresses(request: pytest.FixtureRequest) -> tuple[str, str]:
    """Base URL of the REST API; host and port of gRPC."""
    rest, grpc_address = os.environ.get("SERVING_REST"), os.environ.get("SERVING_GRPC")
    if rest and grpc_address:
        return rest, grpc_address
    assert not rest and not grpc_address, "set both SERVING_REST and SERVING_GRPC, or neither"
    served = request.getfixturevalue("served")
    return served.rest, served.grpc


@pytest.fixture(scope="session")
def rest(addresses: tuple[str, str]) -> Rest:
    return Rest(addresses[0])


@pytest.fixture(scope="session")
def rpc(addresses: tuple[str, str]) -> Iterator[Grpc]:
    with grpc.insecure_channel(addresses[1]) as channel:
        yield Grpc(channel)


@pytest.fixture(scope="session")
def versions(rest: Rest) -> Versions:
    """Model -> its available versions, ascending."""
    found = {}
    for model in MODELS:
        statuses = rest.get(f"/v1/models/{model}").json()["model_version_status"]
        found[model] = sorted(int(each["version"]) for each in statuses if each["state"] == "AVAILABLE")
        assert found[model], f"the server has no available version of {model}"
    return found


@pytest.fixture(scope="session")
def two_versions(versions: Versions) -> Versions:
    """The same, of a server that has several."""
    if min(map(len, versions.values())) < 2:
        pytest.skip("the server has only one version of a model")
    return versions


@pytest.fixture(scope="session")
def labels(rest: Rest) -> dict[str, dict[str, int]]:
    """Model -> label -> version, of a server that has both labels."""
    found = {}
    for model in MODELS:
        answers = {label: rest.get(f"/v1/models/{model}/labels/{label}/metadata") for label in LABELS}
        if any(answer.status_code != 200 for answer in answers.values()):
            pytest.skip("the server has no version labels stable and canary")
        found[model] = {label: int(answer.json()["model_spec"]["version"]) for label, answer in answers.items()}
    return found
