"""POST :classify and :regress."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.serving.contract.clients import CLASSES, EMOTION, KEYPOINTS, SAME, Rest, assert_refused
from tests.serving.pictures import b64, picture

IMAGES = [b64(picture(48, seed).tobytes()) for seed in range(3)]
EXAMPLES = [{"image": image} for image in IMAGES]


def body(**more: Any) -> dict[str, Any]:
    return {"signature_name": "classify", "examples": EXAMPLES, **more}


def scores(results: list[Any]) -> np.ndarray:
    return np.array([[score for _, score in row] for row in results])


def test_every_class_with_its_score(rest: Rest) -> None:
    answer = rest.call(EMOTION, body(), method="classify")
    assert list(answer) == ["results"]
    for row in answer["results"]:
        assert tuple(label for label, _ in row) == CLASSES
        assert {type(score) for _, score in row} == {float}
    pictures = [picture(48, seed).tolist() for seed in range(3)]
    predicted = [row["probabilities"] for row in rest.rows(EMOTION, pictures, signature="serving_tensor_uint8")]
    np.testing.assert_allclose(scores(answer["results"]), predicted, **SAME)


def test_a_feature_may_be_a_list(rest: Rest) -> None:
    as_list = rest.call(EMOTION, body(examples=[{"image": [image]} for image in IMAGES]), method="classify")
    np.testing.assert_allclose(
        scores(as_list["results"]), scores(rest.call(EMOTION, body(), method="classify")["results"]), **SAME
    )


def test_features_that_the_model_does_not_know(rest: Rest) -> None:
    more = {"height": 48, "brightness": 0.5, "words": ["a", "b"], "flag": True, "nothing": []}
    answer = rest.call(EMOTION, body(examples=[{**EXAMPLES[0], **more}]), method="classify")
    expected = rest.call(EMOTION, body(examples=EXAMPLES[:1]), method="classify")
    np.testing.assert_allclose(scores(answer["results"]), scores(expected["results"]), **SAME)


def test_a_context_holds_for_all_examples(rest: Rest) -> None:
    common = {"signature_name": "classify", "context": EXAMPLES[0], "examples": [{"row": 1}, {"row": 2}]}
    answer = rest.call(EMOTION, common, method="classify")
    expected = rest.call(EMOTION, body(examples=EXAMPLES[:1] * 2), method="classify")
    np.testing.assert_allclose(scores(answer["results"]), scores(expected["results"]), **SAME)


def test_a_context_beside_the_examples(rest: Rest) -> None:
    answer = rest.call(EMOTION, body(context={"source": "camera 1"}), method="classify")
    expected = rest.call(EMOTION, body(), method="classify")
    np.testing.assert_allclose(scores(answer["results"]), scores(expected["results"]), **SAME)


def test_versions_and_labels(rest: Rest, labels: dict[str, dict[str, int]]) -> None:
    for label, version in labels[EMOTION].items():
        answers = [rest.call(EMOTION, body(), method="classify", version=each)["results"] for each in (label, version)]
        np.testing.assert_allclose(scores(answers[0]), scores(answers[1]), **SAME)


MISTAKES: dict[str, tuple[object, tuple[str, ...]]] = {
    "a broken body": ('{"examples": [', ("JSON Parse error",)),
    "a list": (EXAMPLES, ("not object",)),
    "no examples key": ({"signature_name": "classify"}, ("'examples' is expected",)),
    "instances": ({"signature_name": "classify", "instances": EXAMPLES}, ("'examples' is expected",)),
    "examples that are an object": (body(examples=EXAMPLES[0]), ("'examples' value to be an list",)),
    "no examples": (body(examples=[]), ("empty array",)),
    "an example that is text": (body(examples=["a face"]), ("Example must be JSON object",)),
    "a context that is a list": (body(context=[1]), ("Example must be JSON object",)),
    "a feature that is null": (body(examples=[{"image": None}]), ("unexpected JSON type",)),
    "a feature that is an object": (body(examples=[{"image": {"png": "x"}}]), ("unexpected JSON type",)),
    "a list in a list": (body(examples=[{"image": [[IMAGES[0]]]}]), ("unexpected JSON type",)),
    "a list of two types": (body(examples=[{"image": IMAGES[0], "row": [1, "a"]}]), ("Unexpected element type",)),
    "base64 that is none": (body(examples=[{"image": {"b64": "%%%"}}]), ("base64",)),
    "a missing image": (body(examples=[{"row": 1}]), ("image",)),
    "an image that is a number": (body(examples=[{"image": 5}]), ("image",)),
    "an image that is too small": (body(examples=[{"image": b64(b"123")}]), ()),
    "a signature by number": (body(signature_name=7), ("'signature_name' key must be a string",)),
    "an unknown signature": (body(signature_name="no_such"), ("no_such",)),
    "the default signature": ({"examples": EXAMPLES}, ("classif",)),
    "a signature to predict": (body(signature_name="serving_examples"), ("classif",)),
}


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_is_the_clients(rest: Rest, what: str) -> None:
    request, words = MISTAKES[what]
    assert_refused(rest.post(f"/v1/models/{EMOTION}:classify", request), 400, *words)


@pytest.mark.parametrize("signature", ["classify", "serving_default"])
def test_keypoints_are_no_classes(rest: Rest, signature: str) -> None:
    response = rest.post(f"/v1/models/{KEYPOINTS}:classify", body(signature_name=signature))
    assert_refused(response, 400, signature, "classif")


@pytest.mark.parametrize("model", [EMOTION, KEYPOINTS])
@pytest.mark.parametrize("signature", ["serving_default", "serving_examples", "no_such"])
def test_no_signature_is_a_regression(rest: Rest, model: str, signature: str) -> None:
    response = rest.post(f"/v1/models/{model}:regress", body(signature_name=signature))
    assert_refused(response, 400, signature, "regress")


@pytest.mark.parametrize("method", ["classify", "regress"])
def test_an_unknown_model(rest: Rest, method: str) -> None:
    assert_refused(rest.post(f"/v1/models/no_such_model:{method}", body()), 404, "Servable not found")
