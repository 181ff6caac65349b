"""GET: which versions there are, and what their signatures look like."""

from __future__ import annotations

import pytest

from tests.serving.contract.clients import (
    ALL_SIGNATURES,
    EMOTION,
    KEYPOINTS,
    MODELS,
    OUTPUTS,
    Rest,
    assert_refused,
    signatures,
)

STATES = {"START", "LOADING", "AVAILABLE", "UNLOADING", "END"}
UNKNOWN_VERSION = 987654321


@pytest.mark.parametrize("model", MODELS)
def test_status_of_all_versions(rest: Rest, model: str) -> None:
    response = rest.get(f"/v1/models/{model}")
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("application/json")
    answer = response.json()
    assert list(answer) == ["model_version_status"]
    for each in answer["model_version_status"]:
        assert set(each) == {"version", "state", "status"}
        assert isinstance(each["version"], str), "an int64 is text in the JSON of protocol buffers"
        assert each["state"] in STATES
        assert set(each["status"]) == {"error_code", "error_message"}


@pytest.mark.parametrize("model", MODELS)
def test_an_available_version_is_ok(rest: Rest, versions: dict[str, list[int]], model: str) -> None:
    for version in versions[model]:
        response = rest.get(f"/v1/models/{model}/versions/{version}")
        assert response.status_code == 200
        assert response.json() == {
            "model_version_status": [
                {
                    "version": str(version),
                    "state": "AVAILABLE",
                    "status": {"error_code": "OK", "error_message": ""},
                }
            ]
        }


@pytest.mark.parametrize("model", MODELS)
def test_status_by_label(rest: Rest, labels: dict[str, dict[str, int]], model: str) -> None:
    for label, version in labels[model].items():
        statuses = rest.get(f"/v1/models/{model}/labels/{label}").json()["model_version_status"]
        # Some releases list all versions here.
        assert str(version) in [each["version"] for each in statuses]


def test_status_of_an_unknown_model(rest: Rest) -> None:
    assert_refused(rest.get("/v1/models/no_such_model"), 404, "Could not find any versions of model no_such_model")


def test_status_of_an_unknown_version(rest: Rest) -> None:
    response = rest.get(f"/v1/models/{EMOTION}/versions/{UNKNOWN_VERSION}")
    assert_refused(response, 404, f"Could not find version {UNKNOWN_VERSION} of model {EMOTION}")


def test_status_without_a_model(rest: Rest) -> None:
    assert_refused(rest.get("/v1/models"), 400, "Missing model name")


def test_paths_do_not_depend_on_the_case(rest: Rest) -> None:
    assert rest.get(f"/V1/Models/{EMOTION}").json() == rest.get(f"/v1/models/{EMOTION}").json()


def test_a_model_name_may_be_percent_encoded(rest: Rest) -> None:
    assert rest.get("/v1/models/emotion%5Fai").json() == rest.get(f"/v1/models/{EMOTION}").json()


@pytest.mark.parametrize("model", MODELS)
def test_metadata_says_which_version_it_is_of(rest: Rest, versions: dict[str, list[int]], model: str) -> None:
    newest = rest.get(f"/v1/models/{model}/metadata")
    assert newest.status_code == 200
    assert newest.headers["Content-Type"].startswith("application/json")
    assert set(newest.json()) == {"model_spec", "metadata"}
    for path, version in [("", versions[model][-1]), *((f"/versions/{each}", each) for each in versions[model])]:
        spec = rest.get(f"/v1/models/{model}{path}/metadata").json()["model_spec"]
        assert spec == {"name": model, "signature_name": "", "version": str(version)}


def test_metadata_by_label(rest: Rest, labels: dict[str, dict[str, int]]) -> None:
    for label, version in labels[EMOTION].items():
        spec = rest.get(f"/v1/models/{EMOTION}/labels/{label}/metadata").json()["model_spec"]
        assert spec["version"] == str(version)


@pytest.mark.parametrize(("model", "name"), ALL_SIGNATURES)
def test_metadata_of_a_signature(rest: Rest, model: str, name: str) -> None:
    metadata = rest.get(f"/v1/models/{model}/metadata").json()["metadata"]
    found = metadata["signature_def"]["signature_def"][name]
    expected = signatures(model)[name]
    assert found["method_name"] == "tensorflow/serving/predict"
    assert list(found["inputs"]) == [expected.input]
    assert found["inputs"][expected.input]["dtype"] == expected.dtype
    shape = found["inputs"][expected.input]["tensor_shape"]
    assert shape == {"dim": [{"size": size, "name": ""} for size in expected.dims], "unknown_rank": False}
    assert ":" in found["inputs"][expected.input]["name"]
    outputs = OUTPUTS[model] | ({"error": "DT_STRING"} if name == "serving_default" else {})
    assert {key: value["dtype"] for key, value in found["outputs"].items()} == outputs


def test_metadata_of_the_classify_signature(rest: Rest) -> None:
    found = rest.get(f"/v1/models/{EMOTION}/metadata").json()["metadata"]["signature_def"]["signature_def"]["classify"]
    assert found["method_name"] == "tensorflow/serving/classify"
    assert {key: value["dtype"] for key, value in found["inputs"].items()} == {"inputs": "DT_STRING"}
    outputs = {key: value["dtype"] for key, value in found["outputs"].items()}
    assert outputs == {"classes": "DT_STRING", "scores": "DT_FLOAT"}


def test_only_the_model_with_classes_can_classify(rest: Rest) -> None:
    found = rest.get(f"/v1/models/{KEYPOINTS}/metadata").json()["metadata"]["signature_def"]["signature_def"]
    assert "classify" not in found


def test_metadata_of_an_unknown_model(rest: Rest) -> None:
    assert_refused(rest.get("/v1/models/no_such_model/metadata"), 404, "Servable not found")


def test_metadata_of_an_unknown_version(rest: Rest) -> None:
    response = rest.get(f"/v1/models/{EMOTION}/versions/{UNKNOWN_VERSION}/metadata")
    assert_refused(response, 404, f"Specific({EMOTION}, {UNKNOWN_VERSION})")


def test_metadata_of_an_unknown_label(rest: Rest) -> None:
    response = rest.get(f"/v1/models/{EMOTION}/labels/no_such_label/metadata")
    assert_refused(response, 400, "Unrecognized servable version label: no_such_label")
