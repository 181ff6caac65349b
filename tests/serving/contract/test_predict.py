"""POST :predict, of requests that are right."""

from __future__ import annotations

import gzip
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import requests

from tests.serving.contract.clients import (
    ALL_SIGNATURES,
    CLASSES,
    EMOTION,
    KEYPOINTS,
    MODELS,
    NUMBERS,
    NUMBERS_SHAPE,
    OUTPUTS,
    SAME,
    SIZES,
    TIMEOUT_S,
    Rest,
    json_value,
    signatures,
)
from tests.serving.pictures import picture


@pytest.mark.parametrize(("model", "signature"), ALL_SIGNATURES)
def test_rows(rest: Rest, model: str, signature: str) -> None:
    pictures = [picture(SIZES[model], seed) for seed in range(3)]
    rows = rest.rows(model, [json_value(pixels, signature) for pixels in pictures], signature=signature)
    outputs = set(OUTPUTS[model]) | ({"error"} if signature == "serving_default" else set())
    assert all(set(row) == outputs for row in rows)
    numbers = np.array([row[NUMBERS[model]] for row in rows])
    assert numbers.shape == (3, *NUMBERS_SHAPE[model])
    np.testing.assert_allclose(numbers, rest.numbers(model, pictures), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("model", "signature"), ALL_SIGNATURES)
def test_rows_with_the_input_named(rest: Rest, model: str, signature: str) -> None:
    value = json_value(picture(SIZES[model], 1), signature)
    name = signatures(model)[signature].input
    assert rest.rows(model, [{name: value}], signature=signature) == rest.rows(model, [value], signature=signature)


@pytest.mark.parametrize(("model", "signature"), ALL_SIGNATURES)
def test_columns(rest: Rest, model: str, signature: str) -> None:
    values = [json_value(picture(SIZES[model], seed), signature) for seed in range(2)]
    rows = rest.rows(model, values, signature=signature)
    plain = rest.call(model, {"inputs": values, "signature_name": signature})
    named = rest.call(model, {"inputs": {signatures(model)[signature].input: values}, "signature_name": signature})
    assert plain == named == {"outputs": {key: [row[key] for row in rows] for key in rows[0]}}


@pytest.mark.parametrize("signature_name", [{"signature_name": "serving_default"}, {"signature_name": ""}, {}])
def test_the_default_signature(rest: Rest, signature_name: dict[str, str]) -> None:
    value = json_value(picture(48, 1), "serving_default")
    assert rest.call(EMOTION, {"instances": [value], **signature_name}) == {"predictions": rest.rows(EMOTION, [value])}


def test_types_of_an_emotion(rest: Rest) -> None:
    [row] = rest.rows(EMOTION, [json_value(picture(48, 1), "serving_default")])
    assert [type(value) for value in row["probabilities"]] == [float] * 5
    assert sum(row["probabilities"]) == pytest.approx(1, abs=1e-5)
    assert type(row["class_id"]) is int
    assert row["class_id"] == int(np.argmax(row["probabilities"]))
    assert row["label"] == CLASSES[row["class_id"]]
    assert row["error"] == ""


def test_types_of_keypoints(rest: Rest) -> None:
    [row] = rest.rows(KEYPOINTS, [json_value(picture(96, 1), "serving_default")])
    for name in ("keypoints", "keypoints_96x96"):
        assert {type(value) for point in row[name] for value in point} == {float}
    assert row["error"] == ""


@pytest.mark.parametrize("model", MODELS)
def test_rows_come_back_in_order(rest: Rest, model: str) -> None:
    pictures = [picture(SIZES[model], seed) for seed in range(6)]
    alone = np.concatenate([rest.numbers(model, [pixels]) for pixels in pictures])
    assert len(np.unique(alone.round(4), axis=0)) == len(pictures), "the pictures must be told apart"
    np.testing.assert_allclose(rest.numbers(model, pictures), alone, **SAME)
    np.testing.assert_allclose(rest.numbers(model, pictures[::-1]), alone[::-1], **SAME)


@pytest.mark.parametrize("model", MODELS)
def test_a_big_batch(rest: Rest, model: str) -> None:
    # No more: our own configuration of TensorFlow Serving refuses larger requests.
    pictures = [picture(SIZES[model], seed % 4) for seed in range(64)]
    numbers = rest.numbers(model, pictures)
    np.testing.assert_allclose(numbers, np.tile(numbers[:4], (16,) + (1,) * (numbers.ndim - 1)), **SAME)


@pytest.mark.parametrize("model", MODELS)
def test_the_newest_version_answers(rest: Rest, versions: dict[str, list[int]], model: str) -> None:
    pixels = [picture(SIZES[model], 1)]
    newest = rest.numbers(model, pixels, version=versions[model][-1])
    np.testing.assert_allclose(rest.numbers(model, pixels), newest, **SAME)


@pytest.mark.parametrize("model", MODELS)
def test_versions_answer_for_themselves(rest: Rest, two_versions: dict[str, list[int]], model: str) -> None:
    pixels = [picture(SIZES[model], 1)]
    older, newer = (rest.numbers(model, pixels, version=version) for version in two_versions[model][-2:])
    assert np.abs(older - newer).max() > 1e-3


@pytest.mark.parametrize("model", MODELS)
def test_labels_choose_versions(rest: Rest, labels: dict[str, dict[str, int]], model: str) -> None:
    pixels = [picture(SIZES[model], 1)]
    for label, version in labels[model].items():
        by_label, by_number = (rest.numbers(model, pixels, version=each) for each in (label, version))
        np.testing.assert_allclose(by_label, by_number, **SAME)


def test_whole_numbers_are_good_floats(rest: Rest) -> None:
    pixels = picture(48, 1)
    whole = rest.rows(EMOTION, [pixels.tolist()], signature="serving_tensor")
    assert whole == rest.rows(EMOTION, [pixels.astype(float).tolist()], signature="serving_tensor")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e2", "-0.0"])
def test_numbers_as_the_documentation_allows_them(rest: Rest, number: str) -> None:
    row = f"[{', '.join(['1.5'] * 47)}, {number}]"
    body = f'{{"signature_name": "serving_tensor", "instances": [[{", ".join([row] * 48)}]]}}'
    assert len(rest.call(EMOTION, body)["predictions"]) == 1


def test_keys_that_mean_nothing_are_left_alone(rest: Rest) -> None:
    value = json_value(picture(48, 1), "serving_default")
    answer = rest.call(EMOTION, {"instances": [value], "comment": ["Grüße", {"a": None}]})
    assert answer == {"predictions": rest.rows(EMOTION, [value])}


@pytest.mark.parametrize("content_type", ["application/json", "text/plain; charset=utf-8", "image/png", None])
def test_the_content_type_of_a_request_does_not_matter(rest: Rest, content_type: str | None) -> None:
    value = json_value(picture(48, 1), "serving_default")
    response = requests.post(
        f"{rest.url}/v1/models/{EMOTION}:predict",
        data=json.dumps({"instances": [value]}).encode(),
        headers={"Content-Type": content_type},
        timeout=TIMEOUT_S,
    )
    assert response.json() == {"predictions": rest.rows(EMOTION, [value])}


def test_a_body_may_be_compressed(rest: Rest) -> None:
    value = json_value(picture(48, 1), "serving_tensor")
    body = {"instances": [value], "signature_name": "serving_tensor"}
    response = requests.post(
        f"{rest.url}/v1/models/{EMOTION}:predict",
        data=gzip.compress(json.dumps(body).encode()),
        headers={"Content-Encoding": "gzip"},
        timeout=TIMEOUT_S,
    )
    assert response.status_code == 200, response.text
    assert response.json() == rest.call(EMOTION, body)


def test_concurrent_requests_get_their_own_answers(rest: Rest) -> None:
    asked = [(model, picture(SIZES[model], seed)) for seed in range(8) for model in MODELS]
    alone = [rest.numbers(model, [pixels]) for model, pixels in asked]

    def ask_again(number: int) -> None:
        model, pixels = asked[number % len(asked)]
        np.testing.assert_allclose(Rest(rest.url).numbers(model, [pixels]), alone[number % len(asked)], **SAME)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(ask_again, range(160)))
