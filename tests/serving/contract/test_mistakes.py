"""Requests that are wrong: the status, and what the message names."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tests.serving.contract.clients import (
    CLASSES,
    EMOTION,
    KEYPOINTS,
    MODELS,
    NUMBERS,
    SAME,
    Rest,
    assert_refused,
    json_value,
)
from tests.serving.pictures import b64, encoded, picture

IMAGE = json_value(picture(48, 1), "serving_default")
PIXELS = picture(48, 1).tolist()
RAGGED = [*PIXELS[:-1], PIXELS[-1][:-1]]


def tensor(*instances: Any, signature: str = "serving_tensor") -> dict[str, Any]:
    return {"signature_name": signature, "instances": list(instances)}


def with_first(value: Any) -> Any:
    """The picture with something else as its first pixel."""
    return [[value, *PIXELS[0][1:]], *PIXELS[1:]]


# What it is -> body, and words of which one must stand in the message.
MISTAKES: dict[str, tuple[object, tuple[str, ...]]] = {
    "an empty body": ("", ("JSON Parse error",)),
    "a broken body": ('{"instances": [', ("JSON Parse error",)),
    "no JSON": ("instances = [1, 2]", ("JSON Parse error",)),
    "something after the JSON": (json.dumps({"instances": [IMAGE]}) + " x", ("JSON Parse error",)),
    "a comma too many": ('{"instances": [1,]}', ("JSON Parse error",)),
    "a number that is none": ('{"instances": [1.2.3]}', ("JSON Parse error",)),
    "bytes that are no text": (b'{"instances": ["\xff\xfe"]}', ()),
    "a list": ([IMAGE], ("not object",)),
    "a text": ('"instances"', ("not object",)),
    "null": ("null", ("not object",)),
    "an empty object": ({}, ("Missing 'inputs' or 'instances' key",)),
    "only a signature": ({"signature_name": "serving_default"}, ("Missing 'inputs' or 'instances' key",)),
    "instances and inputs": ({"instances": [IMAGE], "inputs": [IMAGE]}, ("expecting only one of",)),
    "instances that are an object": ({"instances": IMAGE}, ("'instances' to be an list",)),
    "instances that are a number": ({"instances": 5}, ("'instances' to be an list",)),
    "no instances": ({"instances": []}, ("No values in 'instances'",)),
    "a signature by number": ({"instances": [IMAGE], "signature_name": 7}, ("'signature_name' key must be a string",)),
    "a signature that is null": (
        {"instances": [IMAGE], "signature_name": None},
        ("'signature_name' key must be a string",),
    ),
    "an unknown signature": (
        {"instances": [IMAGE], "signature_name": "no_such"},
        ('"no_such" not found in signature def',),
    ),
    "a text for a float": (tensor(with_first("a")), ("not of expected type: float",)),
    "a number as text": (tensor(with_first("1")), ("not of expected type: float",)),
    "true for a float": (tensor(with_first(True)), ("not of expected type: float",)),
    "null for a float": (tensor(with_first(None)), ("not of expected type: float",)),
    "an object for a float": (tensor(with_first(IMAGE)), ("not of expected type: float",)),
    "a list for a float": (tensor(with_first([1.0])), ("at incorrect level", "at unexpected level")),
    "a float that is too large": (tensor(with_first(1e39)), ("without loss of precision",)),
    "a fraction for a byte": (
        tensor(with_first(1.5), signature="serving_tensor_uint8"),
        ("not of expected type: uint8",),
    ),
    "a text for a byte": (
        tensor(with_first("1"), signature="serving_tensor_uint8"),
        ("not of expected type: uint8",),
    ),
    "a ragged picture": (tensor(RAGGED), ("Encountered list at unexpected size",)),
    "a row that is no list": (tensor([*PIXELS[:-1], 5]), ("found at incorrect level",)),
    "pictures of two sizes": (tensor(PIXELS, PIXELS[:-1]), ("Expecting tensor size", "Expecting shape")),
    "a picture that is too low": (tensor(PIXELS[:-1]), ()),
    "a picture that is too narrow": (tensor([row[:-1] for row in PIXELS]), ()),
    "a picture with channels": (tensor([[[pixel] for pixel in row] for row in PIXELS]), ()),
    "a row of pixels alone": (tensor(PIXELS[0]), ()),
    "a pixel alone": (tensor(1.0), ()),
    "a picture without a batch": ({"signature_name": "serving_tensor", "inputs": PIXELS}, ()),
    "a number for an image": ({"instances": [5]}, ("not of expected type: string",)),
    "null for an image": ({"instances": [None]}, ("not of expected type: string",)),
    "a list for an image": ({"instances": [[IMAGE]]}, ()),
    "an image without a batch": ({"inputs": IMAGE}, ()),
    "an input of another name": ({"instances": [{"image": IMAGE}]}, ("does not have named input: image",)),
    "an input too many": (
        {"instances": [{"image_bytes": IMAGE, "more": 1}]},
        ("does not have named input: more", "keys"),
    ),
    "an instance without its input": ({"instances": [{}]}, ("must only have keys", "keys must be equal to")),
    "an object, then a value": ({"instances": [{"image_bytes": IMAGE}, IMAGE]}, ("Expecting object",)),
    "a value, then an object": ({"instances": [IMAGE, {"image_bytes": IMAGE}]}, ("Expecting value/list",)),
    "columns of another name": ({"inputs": {"image": [IMAGE]}}, ("Missing named input: image_bytes",)),
    "columns that are null": ({"inputs": None}, ()),
    "base64 that is none": ({"instances": [{"b64": "%%%"}]}, ("base64",)),
    "base64 that is cut": ({"instances": [{"b64": IMAGE["b64"][:101]}]}, ("base64",)),
    "base64 that is a number": ({"inputs": [{"b64": 5}]}, ("base64",)),
    "base64 with another key": ({"inputs": [{"b64": IMAGE["b64"], "type": "png"}]}, ("base64",)),
    "a text that is no image": ({"instances": ["a face"]}, ()),
    "a text beyond ASCII": ({"instances": ["ein Gesicht \U0001f600 Ünï"]}, ()),
    "an empty image": ({"instances": [b64(b"")]}, ()),
    "half an image": ({"instances": [b64(encoded(picture(48, 1))[:300])]}, ()),
    "bytes that are no Example": (tensor(b64(b"no Example"), signature="serving_examples"), ()),
    "an empty Example": (tensor(b64(b""), signature="serving_examples"), ("image",)),
}


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_is_the_clients(rest: Rest, what: str) -> None:
    body, words = MISTAKES[what]
    assert_refused(rest.post(f"/v1/models/{EMOTION}:predict", body), 400, *words)


def test_an_unknown_model(rest: Rest) -> None:
    response = rest.post("/v1/models/no_such_model:predict", {"instances": [IMAGE]})
    assert_refused(response, 404, "Servable not found for request: Latest(no_such_model)")


def test_an_unknown_version(rest: Rest) -> None:
    response = rest.post(f"/v1/models/{EMOTION}/versions/987654321:predict", {"instances": [IMAGE]})
    assert_refused(response, 404, f"Servable not found for request: Specific({EMOTION}, 987654321)")


def test_an_unknown_label(rest: Rest) -> None:
    response = rest.post(f"/v1/models/{EMOTION}/labels/no_such_label:predict", {"instances": [IMAGE]})
    assert_refused(response, 400, "Unrecognized servable version label: no_such_label")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/foo",
        "/v1/models",
        "/v1/models/:predict",
        f"/v1/models/{EMOTION}",
        f"/v1/models/{EMOTION}/metadata",
        f"/v1/models/{EMOTION}:guess",
        f"/v1/models/{EMOTION}/predict",
        f"/v1/models/{EMOTION}/versions/newest:predict",
        f"/v1/models/{EMOTION}/versions/-1:predict",
        f"/v1/models/{EMOTION}/version/1:predict",
        f"/v1/models/{EMOTION}/versions/1/labels/stable:predict",
    ],
)
def test_a_malformed_path(rest: Rest, path: str) -> None:
    assert_refused(rest.post(path, {"instances": [IMAGE]}), 400, "Malformed request")


def test_a_version_beyond_64_bits(rest: Rest) -> None:
    response = rest.post(f"/v1/models/{EMOTION}/versions/{2**64}:predict", {"instances": [IMAGE]})
    assert response.status_code == 400


@pytest.mark.parametrize("path", ["/v1/foo", f"/v1/models/{EMOTION}:predict", f"/v1/models/{EMOTION}/config"])
def test_a_malformed_path_to_get(rest: Rest, path: str) -> None:
    assert_refused(rest.get(path), 400, "Malformed request")


@pytest.mark.parametrize("model", MODELS)
def test_a_bad_image_does_not_touch_its_neighbours(rest: Rest, model: str) -> None:
    good = [json_value(picture(64, seed), "serving_default") for seed in range(3)]
    bad = [b64(b"no image"), "", b64(encoded(picture(64, 1))[:200]), b64(encoded(picture(64, 1), "JPEG")[:200])]
    alone = rest.rows(model, good)
    rows = rest.rows(model, [bad[0], good[0], bad[1], bad[2], good[1], good[2], bad[3]])
    for row, expected in zip((rows[1], rows[4], rows[5]), alone, strict=True):
        np.testing.assert_allclose(row[NUMBERS[model]], expected[NUMBERS[model]], **SAME)
        assert (row.get("label"), row["error"]) == (expected.get("label"), "")
    for row in (rows[0], rows[2], rows[3], rows[6]):
        assert row["error"]


def test_what_a_bad_image_among_good_ones_gets(rest: Rest) -> None:
    rows = rest.rows(EMOTION, [IMAGE, b64(b"no image")])
    assert rows[0]["label"] in CLASSES
    assert rows[1]["probabilities"] == [-1.0] * 5
    assert (rows[1]["class_id"], rows[1]["label"]) == (-1, "")
    rows = rest.rows(KEYPOINTS, [b64(b"no image"), IMAGE])
    assert rows[0]["keypoints"] == rows[0]["keypoints_96x96"] == [[-1.0, -1.0]] * 15


@pytest.mark.parametrize("model", MODELS)
def test_bad_images_alone_are_an_error_as_a_whole(rest: Rest, model: str) -> None:
    for instances in ([b64(b"no image")], [b64(b"no image"), b64(b"nor this")]):
        assert_refused(rest.post(f"/v1/models/{model}:predict", {"instances": instances}), 400)
