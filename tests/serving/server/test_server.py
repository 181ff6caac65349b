"""The server as a process, asked over REST and gRPC."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import requests
import tensorflow as tf
from prometheus_client.parser import text_string_to_metric_families
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from tests.ports import free_ports
from tests.serving.local_server import LocalServer, local_server
from tests.serving.server.models import save

_TIMEOUT_S = 20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """Serves versions 1 and 2 of the model `m`, the second one labelled `new`."""
    folder = tmp_path_factory.mktemp("server")
    for version in (1, 2):
        save(folder / "m" / str(version), float(version))
    (folder / "models.config").write_text(
        f'model_config_list {{ config {{ name: "m" base_path: "{folder}/m" model_platform: "tensorflow" '
        f'model_version_policy {{ all {{}} }} version_labels {{ key: "new" value: 2 }} }} }}'
    )
    (folder / "monitoring.config").write_text("prometheus_config { enable: true }")
    flags = (
        f"--model_config_file={folder}/models.config",
        "--allow_version_labels_for_unavailable_models",
        f"--monitoring_config_file={folder}/monitoring.config",
        "--enable_batching=true",
        "--max_request_mb=1",
        f"--grpc_socket_path={folder}/socket",
    )
    with local_server(folder, {"m": 2}, *flags) as started:
        yield started


def _post(server: LocalServer, path: str, document: Any) -> requests.Response:
    return requests.post(f"{server.rest}/v1/models/{path}", json=document, timeout=_TIMEOUT_S)


@pytest.fixture(scope="module")
def channel(server: LocalServer) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(server.grpc) as opened:
        yield opened


def _predict_request(signature: str = "", **inputs: Any) -> predict_pb2.PredictRequest:
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "m"
    request.model_spec.signature_name = signature
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return request


@pytest.mark.parametrize(("path", "factor"), [("m", 2), ("m/versions/1", 1), ("m/labels/new", 2)])
def test_rest_predicts_with_the_version_that_is_asked_for(server: LocalServer, path: str, factor: float) -> None:
    response = _post(server, f"{path}:predict", {"instances": [[1, 2], [3, 4]]})
    assert response.json() == {"predictions": [[factor, 2 * factor], [3 * factor, 4 * factor]]}
    assert response.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("document", "answer"),
    [
        ({"inputs": [[1, 2]]}, {"outputs": [[2, 4]]}),
        ({"inputs": {"x": [[1, 2]]}}, {"outputs": [[2, 4]]}),
        ({"instances": [{"x": [1, 2]}]}, {"predictions": [[2, 4]]}),
        (
            {"signature_name": "sum", "instances": [{"a": 3, "b": 1}]},
            {"predictions": [{"total": 4, "difference": 2}]},
        ),
        (
            {"signature_name": "sum", "inputs": {"a": [3], "b": [1]}},
            {"outputs": {"total": [4], "difference": [2]}},
        ),
        (
            {"signature_name": "text", "instances": ["a", {"b64": "Yg=="}]},
            {
                "predictions": [
                    {"upper": "A", "raw_bytes": {"b64": "YQ=="}},
                    {"upper": "B", "raw_bytes": {"b64": "Yg=="}},
                ]
            },
        ),
        ({"signature_name": "integers", "instances": [255]}, {"predictions": [256]}),
        ({"signature_name": "no_batch", "inputs": [1, 2]}, {"outputs": 3}),
    ],
)
def test_rest_knows_both_formats(server: LocalServer, document: Any, answer: Any) -> None:
    assert _post(server, "m:predict", document).json() == answer


def test_rest_writes_what_is_not_finite_as_the_real_server(server: LocalServer) -> None:
    response = _post(server, "m:predict", {"signature_name": "logarithm", "instances": [-1, 0, 1]})
    assert response.text == '{"predictions": [NaN, -Infinity, 0.0]}'


def test_rest_classifies_and_regresses(server: LocalServer) -> None:
    examples = {"signature_name": "classify", "context": {"x": 0.25}, "examples": [{}, {"x": [1.0]}]}
    assert _post(server, "m:classify", examples).json() == {
        "results": [[["low", 0.75], ["high", 0.25]], [["low", 0], ["high", 1]]]
    }
    examples["signature_name"] = "regress"
    assert _post(server, "m:regress", examples).json() == {"results": [0.5, 2.0]}


@pytest.mark.parametrize(
    ("path", "document", "status", "message"),
    [
        ("x:predict", {"instances": [1]}, 404, "Servable not found for request: Latest(x)"),
        ("m/versions/7:predict", {"instances": [1]}, 404, "Servable not found for request: Specific(m, 7)"),
        (f"m/versions/{2**63}:predict", {"instances": [1]}, 400, f"Failed to convert version: {2**63} to numeric."),
        ("m/labels/x:predict", {"instances": [1]}, 400, "Unrecognized servable version label: x"),
        ("m:explain", {"instances": [1]}, 400, "Malformed request: POST /v1/models/m:explain"),
        (
            "m:predict",
            {"signature_name": "x", "instances": [1]},
            400,
            'Serving signature name: "x" not found in signature def',
        ),
        (
            "m:predict",
            {"signature_name": "no_batch", "instances": [1]},
            400,
            "Tensor name: total has no shape information ",
        ),
        (
            "m:classify",
            {"examples": [{"x": 1.0}]},
            400,
            "Expected classification signature method_name to be tensorflow/serving/classify. Was: "
            "tensorflow/serving/predict",
        ),
        ("m:classify", {"signature_name": "x", "examples": [{}]}, 400, "No signature was found with the name: x"),
    ],
)
def test_rest_names_each_mistake(server: LocalServer, path: str, document: Any, status: int, message: str) -> None:
    response = _post(server, path, document)
    assert (response.status_code, response.json()) == (status, {"error": message})


def test_an_error_of_the_graph_is_the_clients(server: LocalServer) -> None:
    response = _post(server, "m:predict", {"instances": [[-1, 2]]})
    assert response.status_code == 400
    assert "negative" in response.json()["error"]


def test_requests_that_are_put_together_do_not_harm_each_other(server: LocalServer) -> None:
    def ask(number: int) -> requests.Response:
        return _post(server, "m:predict", {"instances": [[-1 if number % 5 == 0 else number, 1]]})

    with ThreadPoolExecutor(16) as pool:
        responses = list(pool.map(ask, range(100)))
    for number, response in enumerate(responses):
        if number % 5 == 0:
            assert response.status_code == 400
        else:
            assert response.json() == {"predictions": [[2 * number, 2]]}


def test_rest_tells_status_and_metadata(server: LocalServer) -> None:
    ok = {"state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    both = {"model_version_status": [{"version": "2", **ok}, {"version": "1", **ok}]}
    base = f"{server.rest}/v1/models"
    assert requests.get(f"{base}/m", timeout=_TIMEOUT_S).json() == both
    assert requests.get(f"{base}/m/versions/1", timeout=_TIMEOUT_S).json()["model_version_status"][0]["version"] == "1"
    assert requests.get(f"{base}/x", timeout=_TIMEOUT_S).status_code == 404
    metadata = requests.get(f"{base}/m/labels/new/metadata", timeout=_TIMEOUT_S).json()
    assert metadata["model_spec"] == {"name": "m", "signature_name": "", "version": "2"}
    x = metadata["metadata"]["signature_def"]["signature_def"]["serving_default"]["inputs"]["x"]
    assert x["dtype"] == "DT_FLOAT"
    assert [dim["size"] for dim in x["tensor_shape"]["dim"]] == ["-1", "2"]


def test_a_body_that_is_too_large_is_refused_and_told_so(server: LocalServer) -> None:
    url = f"{server.rest}/v1/models/m:predict"
    for body in (b" " * 2_000_000, iter([b" " * 1_000_000] * 2)):
        response = requests.post(url, data=body, timeout=_TIMEOUT_S)
        assert response.status_code == 413
        assert "--max_request_mb" in response.json()["error"]
    assert _post(server, "m:predict", {"instances": [[1, 2]]}).status_code == 200


def test_headers_without_end_are_refused(server: LocalServer) -> None:
    host, _, port = server.rest.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=_TIMEOUT_S) as client:
        client.sendall(b"GET / HTTP/1.1\r\nx: " + b"x" * 100_000)
        assert client.recv(100).startswith(b"HTTP/1.1 431 ")


def test_answers_do_not_wait_for_acknowledgements(server: LocalServer) -> None:
    """Nagle's algorithm makes each answer of a kept connection take 40 ms."""
    with requests.Session() as session:
        took = []
        for _ in range(20):
            started = time.monotonic()
            session.get(f"{server.rest}/v1/models/m", timeout=_TIMEOUT_S)
            took.append(time.monotonic() - started)
    assert min(took) < 0.02


def test_grpc_predicts(channel: grpc.Channel) -> None:
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    response = stub.Predict(_predict_request(x=np.ones((1, 2), np.float32)), timeout=_TIMEOUT_S)
    assert tf.make_ndarray(response.outputs["y"]).tolist() == [[2, 2]]
    assert response.outputs["y"].float_val == [2, 2]
    assert (response.model_spec.version.value, response.model_spec.signature_name) == (2, "serving_default")
    request = _predict_request("sum", a=np.ones(1, np.float32), b=np.ones(1, np.float32))
    request.output_filter.append("difference")
    request.model_spec.version_label = "new"
    assert list(stub.Predict(request, timeout=_TIMEOUT_S).outputs) == ["difference"]


def test_an_error_that_is_no_text_is_the_clients(channel: grpc.Channel) -> None:
    """TensorFlow's message quotes the name of the feature that is not there."""
    example = tf.train.Example()
    example.features.feature["x"].bytes_list.value.append(b"")
    wrong_name = example.SerializeToString().replace(b"\x01x", b"\x01\xb4")
    request = _predict_request("classify", inputs=[wrong_name, b"\xff\xb4"])
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    with pytest.raises(grpc.RpcError) as raised:
        stub.Predict(request, timeout=_TIMEOUT_S)
    assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT


def test_a_message_that_is_no_proto_is_an_answer(server: LocalServer, channel: grpc.Channel) -> None:
    call = channel.unary_unary("/tensorflow.serving.PredictionService/Predict")
    with pytest.raises(grpc.RpcError) as raised:
        call(b"\xff" * 10, timeout=_TIMEOUT_S)
    assert raised.value.code() == grpc.StatusCode.INTERNAL
    assert "Traceback" not in server.log.read_text()


def test_an_error_does_not_send_back_what_was_sent(server: LocalServer) -> None:
    response = _post(server, "m:predict", {"signature_name": "x" * 100_000, "instances": [1]})
    assert response.status_code == 400
    assert len(response.content) < 2_000


def test_grpc_listens_at_the_socket(server: LocalServer) -> None:
    with grpc.insecure_channel(f"unix:{server.log.parent}/socket") as opened:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(opened)
        assert stub.Predict(_predict_request(x=np.ones((1, 2), np.float32)), timeout=_TIMEOUT_S).outputs


_X = np.ones((1, 2), np.float32)


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (_predict_request("x", x=_X), "FAILED_PRECONDITION", 'Serving signature key "x" not found.'),
        (_predict_request(y=_X), "INVALID_ARGUMENT", "Sent extra: {y}. Missing but required: {x}."),
        (_predict_request(), "INVALID_ARGUMENT", "0!=1"),
        (
            _predict_request(x=_X.astype(np.float64)),
            "INVALID_ARGUMENT",
            "Expects arg[0] to be float but double is provided",
        ),
        (_predict_request(x=np.ones((1, 3), np.float32)), "INVALID_ARGUMENT", "not compatible with expected shape"),
        (predict_pb2.PredictRequest(), "INVALID_ARGUMENT", "Missing ModelSpec"),
        (
            predict_pb2.PredictRequest(model_spec=model_pb2.ModelSpec(signature_name="x")),
            "INVALID_ARGUMENT",
            "ModelSpec has no name specified.",
        ),
    ],
)
def test_grpc_names_each_mistake(
    channel: grpc.Channel, request_: predict_pb2.PredictRequest, code: str, message: str
) -> None:
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    with pytest.raises(grpc.RpcError) as raised:
        stub.Predict(request_, timeout=_TIMEOUT_S)
    assert raised.value.code().name == code
    assert message in raised.value.details()


def test_grpc_classifies_regresses_and_does_both(channel: grpc.Channel) -> None:
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    classify = classification_pb2.ClassificationRequest()
    classify.model_spec.name, classify.model_spec.signature_name = "m", "classify"
    classify.input.example_list.examples.add().features.feature["x"].float_list.value.append(0.25)
    [classified] = stub.Classify(classify, timeout=_TIMEOUT_S).result.classifications
    assert [(each.label, each.score) for each in classified.classes] == [("low", 0.75), ("high", 0.25)]
    regress = regression_pb2.RegressionRequest(input=classify.input)
    regress.model_spec.name, regress.model_spec.signature_name = "m", "regress"
    assert [each.value for each in stub.Regress(regress, timeout=_TIMEOUT_S).result.regressions] == [0.5]
    both = inference_pb2.MultiInferenceRequest(input=classify.input)
    both.tasks.add(model_spec=classify.model_spec, method_name="tensorflow/serving/classify")
    both.tasks.add(model_spec=regress.model_spec, method_name="tensorflow/serving/regress")
    results = stub.MultiInference(both, timeout=_TIMEOUT_S).results
    assert [each.WhichOneof("result") for each in results] == ["classification_result", "regression_result"]


def test_grpc_tells_status_and_metadata(channel: grpc.Channel) -> None:
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "m"
    status = model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus(request, timeout=_TIMEOUT_S)
    assert [each.version for each in status.model_version_status] == [2, 1]
    about = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    about.model_spec.name = "m"
    metadata = prediction_service_pb2_grpc.PredictionServiceStub(channel).GetModelMetadata(about, timeout=_TIMEOUT_S)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert metadata.metadata["signature_def"].Unpack(signatures)
    assert "serving_default" in signatures.signature_def


def test_metrics_have_tensorflow_servings_names(server: LocalServer) -> None:
    name = ":tensorflow:serving:request_count"
    url = f"{server.rest}/monitoring/prometheus/metrics"

    def scrape() -> dict[str, dict[tuple[str, ...], float]]:
        found: dict[str, dict[tuple[str, ...], float]] = {}
        for family in text_string_to_metric_families(requests.get(url, timeout=_TIMEOUT_S).text):
            for sample in family.samples:
                found.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
        return found

    def text() -> str:
        return requests.get(url, timeout=_TIMEOUT_S).text

    _post(server, "m:predict", {"instances": [[1, 2]]})
    before = scrape()
    for _ in range(3):
        _post(server, "m:predict", {"instances": [[1, 2]]})
    _post(server, "nobody-knows-this:predict", {"instances": [[1, 2]]})
    after, page = scrape(), text()
    assert f'{name}{{model_name="m",status="OK"}}' in page
    latency = ":tensorflow:serving:request_latency"
    labels = ("m", "predict", "REST")
    assert after[f"{latency}_count"][labels] == before[f"{latency}_count"][labels] + 3
    assert after[f"{latency}_bucket"][(*labels, "+Inf")] == after[f"{latency}_count"][labels]
    assert "nobody-knows-this" not in page


def test_configuration_comes_by_grpc(server: LocalServer, channel: grpc.Channel, tmp_path: Path) -> None:
    stub = model_service_pb2_grpc.ModelServiceStub(channel)
    save(tmp_path / "3", 3.0)
    request = model_management_pb2.ReloadConfigRequest()
    add = request.config.model_config_list.config.add
    kept = add(name="m", base_path=str(server.log.parent / "m"), model_platform="tensorflow")
    kept.model_version_policy.all.SetInParent()
    kept.version_labels["new"] = 2
    add(name="other", base_path=str(tmp_path), model_platform="tensorflow")
    assert stub.HandleReloadConfigRequest(request, timeout=_TIMEOUT_S).status.error_code == 0
    assert _post(server, "other:predict", {"instances": [[1, 2]]}).json() == {"predictions": [[3, 6]]}
    request.config.model_config_list.config[0].version_labels["new"] = 9
    del request.config.model_config_list.config[1]
    with pytest.raises(grpc.RpcError) as raised:
        stub.HandleReloadConfigRequest(request, timeout=_TIMEOUT_S)
    assert raised.value.code() == grpc.StatusCode.FAILED_PRECONDITION
    # The whole configuration is refused, so that the other model stays.
    assert _post(server, "other:predict", {"instances": [[1, 2]]}).status_code == 200


def test_clients_that_do_not_wait_for_their_configuration_leave_no_thread_behind(
    server: LocalServer, channel: grpc.Channel, tmp_path: Path
) -> None:
    stub = model_service_pb2_grpc.ModelServiceStub(channel)
    request = model_management_pb2.ReloadConfigRequest()
    add = request.config.model_config_list.config.add
    kept = add(name="m", base_path=str(server.log.parent / "m"), model_platform="tensorflow")
    kept.model_version_policy.all.SetInParent()
    kept.version_labels["new"] = 2
    # As many as asyncio has threads, and one more.
    for number in range(min(32, (os.cpu_count() or 1) + 4) + 1):
        add(name=f"missing{number}", base_path=f"{tmp_path}/missing", model_platform="tensorflow")
        waiting = stub.HandleReloadConfigRequest.future(request)
        time.sleep(0.1)
        waiting.cancel()
    # It is looked at in a thread.
    response = requests.post(f"{server.rest}/demo/faces", data=b"no photo", timeout=_TIMEOUT_S)
    assert response.status_code == 400
    del request.config.model_config_list.config[1:]
    assert stub.HandleReloadConfigRequest(request, timeout=_TIMEOUT_S).status.error_code == 0


def test_it_says_what_it_is(server: LocalServer) -> None:
    lines = server.log.read_text().splitlines()
    assert lines[0].startswith("Local stand-in for TensorFlow Serving (this is not TensorFlow Serving): REST http://")
    assert all(place in lines[0] for place in (server.rest, server.grpc, f"{server.rest}/demo"))
    assert "Traceback" not in server.log.read_text()


def _start(*flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "serving.server", *flags], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--model_base_path=/m", "--no_such_flag=1"], "--no_such_flag"),
        (["--model_base_path=/m", "--port=x"], "--port"),
        (["--model_base_path=/m", "--port=8501"], "--rest_api_port"),
        (["--model_base_path=/m", "--enable_batching=perhaps"], "neither true nor false"),
        (["--model_base_path=/m", "--port=0", "--rest_api_port=0"], "Name at least one"),
        (["--model_base_path=m"], "relative"),
        (["--model_base_path=/m", "--batching_parameters_file=x"], "Add that"),
        ([], "--model_config_file or --model_base_path"),
    ],
)
def test_flags_that_cannot_be_are_one_clear_message(flags: list[str], message: str) -> None:
    from serving.errors import UsageError
    from serving.server.flags import parse

    with pytest.raises(UsageError, match=message):
        parse(flags)


def test_a_port_that_is_taken_ends_the_start(server: LocalServer, tmp_path: Path) -> None:
    save(tmp_path / "1")
    port = server.rest.rpartition(":")[2]
    ended = _start(f"--rest_api_port={port}", "--port=0", f"--model_base_path={tmp_path}")
    assert ended.returncode == 2
    [line] = ended.stderr.splitlines()
    assert f"cannot listen at 127.0.0.1:{port}" in line


def test_a_port_that_another_server_takes_while_the_models_are_loaded_ends_the_start(tmp_path: Path) -> None:
    save(tmp_path / "1")
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        command = [sys.executable, "-m", "serving.server", "--port=0", f"--rest_api_port={port}"]
        command += [f"--model_base_path={tmp_path}"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(0.5)
            other.listen()
            try:
                assert process.wait(30) == 2
            finally:
                process.kill()
            assert f"--rest_api_port: cannot listen at 127.0.0.1:{port}" in process.stderr.read().splitlines()[-1]
            assert "Ready" not in process.stdout.read()


def test_it_stops_when_told_so_even_while_it_waits_for_a_model(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "serving.server", "--port=0", f"--grpc_socket_path={tmp_path}/socket"]
    command += ["--rest_api_port=0", f"--model_base_path={tmp_path}/nothing"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert "Could not find base path" in line
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0


def test_ctrl_c_while_it_still_starts_ends_it_without_a_word() -> None:
    command = [sys.executable, "-m", "serving.server", "--port=0", "--rest_api_port=1", "--model_base_path=/nothing"]
    command += ["--host=127.0.0.2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        time.sleep(0.5)  # the libraries are being imported now
        process.send_signal(signal.SIGINT)
        assert process.stderr.read() == ""
        assert process.wait(30) == -signal.SIGINT


def test_it_stops_cleanly_while_versions_are_being_loaded(tmp_path: Path) -> None:
    save(tmp_path / "m" / "1")
    for version in range(2, 60):
        shutil.copytree(tmp_path / "m" / "1", tmp_path / "m" / str(version))
    config = tmp_path / "models.config"
    config.write_text(
        f'model_config_list {{ config {{ name: "m" base_path: "{tmp_path}/m" model_platform: "tensorflow" '
        "model_version_policy { all {} } } }"
    )
    with local_server(tmp_path, {}, f"--model_config_file={config}") as server:
        while "Ready" not in server.log.read_text():
            server.check_alive()
            time.sleep(0.01)
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0
        assert server.log.read_text().splitlines()[-1].endswith((" stopping", " s"))
        assert "version 1 loaded" not in server.log.read_text(), "too late to tell"


def test_it_goes_on_when_nobody_reads_what_it_says(tmp_path: Path) -> None:
    save(tmp_path / "m" / "1")
    [port] = free_ports(1)
    command = [sys.executable, "-m", "serving.server", "--port=0", f"--rest_api_port={port}"]
    command += ["--model_name=m", f"--model_base_path={tmp_path}/m"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        server = LocalServer(f"http://127.0.0.1:{port}", "", tmp_path, process)
        deadline = time.monotonic() + 60
        while server.states("m") != {1: "AVAILABLE"}:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        process.terminate()
        assert process.wait(30) == 0


def test_requests_that_run_are_answered_before_it_stops(tmp_path: Path) -> None:
    save(tmp_path / "m" / "1", 1.0)
    with local_server(tmp_path, {"m": 1}, "--model_name=m", f"--model_base_path={tmp_path}/m") as server:
        host, _, port = server.rest.removeprefix("http://").partition(":")
        body = json.dumps({"instances": [[1, 2]]}).encode()
        head = f"POST /v1/models/m:predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        with socket.create_connection((host, int(port)), timeout=_TIMEOUT_S) as client:
            client.sendall(head + body[:5])
            time.sleep(0.2)
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            client.sendall(body[5:])
            answer = client.recv(10_000)
            while b"predictions" not in answer:
                received = client.recv(10_000)
                assert received, answer
                answer += received
        assert server.process.wait(30) == 0
