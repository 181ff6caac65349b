"""New versions under load: no request fails, whatever happens to the models' folders meanwhile."""

from __future__ import annotations

import itertools
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest
import requests
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from tests.serving.copies import copy_with_weights
from tests.serving.local_server import LocalServer, local_server
from tests.serving.traffic import Traffic

# The server looks for versions once a second: with several models there are several changes at each look.
MODELS = ("a", "b", "c", "d", "e", "f")
ROUNDS = 9
# In this round two of the models get a version that cannot be loaded.
CORRUPT_ROUND = 5
# After this round the memory is looked at for the first time.
WARM_ROUND = 3
# What may stay with the process of all versions that come and go after that.
MAX_GROWTH_MB = 60
_PATIENCE_S = 20


class Counter(tf.Module):
    """A model that answers with its own version."""

    def __init__(self) -> None:
        super().__init__()
        self.version = tf.Variable([0.0])

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
    def __call__(self, x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"version": tf.zeros_like(x) + self.version}


class Versions:
    """Puts versions of Counter into the models' folders and takes them out, as the Pusher does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        counter = Counter()
        self._exported = folder / "exported"
        tf.saved_model.save(counter, str(self._exported), signatures=counter.__call__)

    def push(self, model: str, version: int, damage: Callable[[Path], None] | None = None) -> None:
        """Adds a version whole, in one step, and removes the one before the last."""
        base = self.folder / model
        base.mkdir(exist_ok=True)
        aside = base / f".pushing-{version}"
        copy_with_weights(self._exported, aside, [np.array([version], np.float32)])
        if damage:
            damage(aside)
        aside.rename(base / str(version))
        for old in sorted(int(path.name) for path in base.iterdir() if path.name.isdecimal())[:-2]:
            removed = (base / str(old)).rename(base / f".removing-{old}")
            shutil.rmtree(removed)


def cut_graph(version: Path) -> None:
    graph = version / "saved_model.pb"
    graph.write_bytes(graph.read_bytes()[:1000])


def cut_weights(version: Path) -> None:
    (version / "variables" / "variables.data-00000-of-00001").write_bytes(b"")


DAMAGES = {"a": cut_graph, "b": cut_weights}


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Versions:
    found = Versions(tmp_path_factory.mktemp("reloaded"))
    for model in MODELS:
        found.push(model, 1)
    return found


@pytest.fixture(scope="module")
def server(versions: Versions) -> Iterator[LocalServer]:
    config = versions.folder / "models.config"
    models = (
        f'config {{ name: "{model}" base_path: "{versions.folder / model}" model_platform: "tensorflow" }}\n'
        for model in MODELS
    )
    config.write_text("model_config_list {\n" + "".join(models) + "}\n")
    flags = (
        f"--model_config_file={config}",
        "--file_system_poll_wait_seconds=1",
        "--max_num_load_retries=0",
    )
    with local_server(versions.folder, dict.fromkeys(MODELS, 1), *flags) as server:
        yield server


class Client:
    """Asks the models in turn for their versions, and checks that those never go back."""

    def __init__(self, ask: Callable[[str], float]) -> None:
        self.seen: dict[str, list[float]] = {model: [0] for model in MODELS}
        self._ask = ask
        self._turns = itertools.cycle(MODELS)

    def __call__(self) -> None:
        model = next(self._turns)
        version = self._ask(model)
        assert version >= self.seen[model][-1], f"{model} went back from {self.seen[model][-1]} to {version}"
        if version != self.seen[model][-1]:
            self.seen[model].append(version)


def over_rest(server: LocalServer) -> Callable[[str], float]:
    session = requests.Session()

    def ask(model: str) -> float:
        response = session.post(f"{server.rest}/v1/models/{model}:predict", json={"instances": [1.0]}, timeout=30)
        assert response.status_code == 200, response.text
        [version] = response.json()["predictions"]
        return float(version)

    return ask


def over_grpc(server: LocalServer) -> Callable[[str], float]:
    stub = prediction_service_pb2_grpc.PredictionServiceStub(grpc.insecure_channel(server.grpc))

    def ask(model: str) -> float:
        request = predict_pb2.PredictRequest()
        request.model_spec.name = model
        request.inputs["x"].CopyFrom(tf.make_tensor_proto([1.0]))
        response = stub.Predict(request, timeout=30)
        [version] = response.outputs["version"].float_val
        assert response.model_spec.version.value == version
        return float(version)

    return ask


def wait_until(what: str, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"not within {_PATIENCE_S} s: {what}"
        time.sleep(0.02)


def wait_for(server: LocalServer, model: str, version: int, state: str) -> None:
    wait_until(f"{model}/{version} is {state}", lambda: server.states(model).get(version) == state)


def test_versions_come_and_go_under_load(server: LocalServer, versions: Versions) -> None:
    clients = [Client(make(server)) for make in (over_rest, over_rest, over_grpc)]
    warm_mb = 0.0
    with Traffic(*clients) as traffic:
        for version in range(2, ROUNDS + 2):
            damages = DAMAGES if version == CORRUPT_ROUND else {}
            for model in MODELS:
                versions.push(model, version, damages.get(model))
            for model in MODELS:
                wait_for(server, model, version, "END" if model in damages else "AVAILABLE")
            for model in damages:
                [status] = requests.get(f"{server.rest}/v1/models/{model}/versions/{version}", timeout=30).json()[
                    "model_version_status"
                ]
                assert status["status"]["error_code"] != "OK"
                assert status["status"]["error_message"]
                assert server.states(model)[version - 1] == "AVAILABLE"
            for model in set(MODELS) - set(damages):
                wait_until(
                    f"all clients have seen {model}/{version}",
                    lambda model=model, version=version: all(each.seen[model][-1] == version for each in clients),
                )
            if version == WARM_ROUND:
                warm_mb = server.resident_mb()
    assert traffic.failures == []
    assert traffic.calls > 1000
    for client in clients:
        for model, seen in client.seen.items():
            assert seen == [
                version for version in range(ROUNDS + 2) if version != CORRUPT_ROUND or model not in DAMAGES
            ]
    # All others have been let go.
    for model in MODELS:
        wait_for(server, model, ROUNDS, "END")
        available = [version for version, state in server.states(model).items() if state == "AVAILABLE"]
        assert available == [ROUNDS + 1]
    grown = server.resident_mb() - warm_mb
    assert grown < MAX_GROWTH_MB, f"{grown:.0f} MB more after {ROUNDS * len(MODELS)} changes"
    assert "Traceback" not in server.log.read_text()
