"""Both clients against a real server."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pytest

from pipeline.emotion.features import CLASSES
from pipeline.keypoints import features
from serving.client import EMOTIONS, POINTS, Client, Emotion, ImageError, Keypoints, RestClient
from serving.client.grpc_client import GrpcClient
from serving.client.interface import MAX_IMAGES_PER_REQUEST
from serving.errors import StatusError, UsageError
from tests.serving.conftest import CANARY, STABLE
from tests.serving.local_server import LocalServer
from tests.serving.pictures import encoded, picture

INVALID_ARGUMENT, NOT_FOUND = 3, 5
GOOD, ANOTHER = encoded(picture(48, 1)), encoded(picture(96, 2), "JPEG")
BAD = b"no picture"
TRUNCATED = GOOD[: len(GOOD) // 2]


def connect(kind: str, server: LocalServer) -> Client:
    return RestClient(server.rest) if kind == "rest" else GrpcClient(server.grpc)


@pytest.fixture(params=["rest", "grpc"])
def client(request: pytest.FixtureRequest, served: LocalServer) -> Iterator[Client]:
    with connect(request.param, served) as result:
        yield result


def test_names_are_those_of_the_models() -> None:
    assert EMOTIONS == CLASSES
    assert POINTS == features.POINTS


def test_emotion_of_each_picture(client: Client) -> None:
    answers = client.emotions([GOOD, ANOTHER])
    for answer in answers:
        assert isinstance(answer, Emotion)
        assert tuple(answer.probabilities) == EMOTIONS
        assert sum(answer.probabilities.values()) == pytest.approx(1, abs=1e-5)
        assert answer.label == EMOTIONS[answer.class_id] == max(answer.probabilities, key=answer.probabilities.get)
    assert answers[0] != answers[1]


def test_keypoints_are_in_pixels_of_the_sent_picture(client: Client) -> None:
    pixels = picture(96, 3)
    # Each pixel becomes 6 x 5: the model averages over them, and sees the same as before.
    [small, large] = client.keypoints([encoded(pixels), encoded(pixels.repeat(5, axis=0).repeat(6, axis=1))])
    assert isinstance(small, Keypoints)
    assert isinstance(large, Keypoints)
    assert small.array.shape == (15, 2)
    assert small.array.dtype == np.float32
    assert tuple(small.points["nose_tip"]) == tuple(small.array[10])
    np.testing.assert_allclose(large.array, (small.array + 0.5) * (6, 5) - 0.5, atol=0.01)


def test_both_clients_get_the_same(served: LocalServer) -> None:
    with connect("rest", served) as rest, connect("grpc", served) as grpc:
        pictures = [GOOD, BAD, ANOTHER]
        assert rest.emotions(pictures) == grpc.emotions(pictures)
        assert rest.keypoints(pictures) == grpc.keypoints(pictures)
        inputs = {"images": np.stack([picture(48, 4), picture(48, 5)])}
        answers = [each.predict("emotion_ai", inputs, "serving_tensor_uint8") for each in (rest, grpc)]
    assert answers[0].keys() == answers[1].keys() == {"probabilities", "class_id", "label"}
    for name, value in answers[0].items():
        assert value.dtype == answers[1][name].dtype
        assert (value == answers[1][name]).all()


@pytest.mark.parametrize("bad", [BAD, b"", TRUNCATED])
def test_what_cannot_be_read_fails_only_itself(client: Client, bad: bytes) -> None:
    [first, error, last] = client.emotions([GOOD, bad, ANOTHER])
    assert isinstance(error, ImageError)
    assert error.message
    # Of the same size as before: another one adds up in another order.
    assert [first, last] == client.emotions([GOOD, GOOD, ANOTHER])[::2]
    [error] = client.keypoints([bad])
    assert isinstance(error, ImageError)


@pytest.mark.parametrize("pictures", [[BAD], [BAD, TRUNCATED, b""]], ids=["one", "three"])
def test_nothing_but_bad_pictures_gives_errors_in_words(client: Client, pictures: list[bytes]) -> None:
    errors = client.emotions(pictures)
    assert len(errors) == len(pictures)
    for error in errors:
        assert isinstance(error, ImageError)
        assert "image" in error.message.lower() or "PNG" in error.message
        assert "{{" not in error.message


@pytest.mark.parametrize("kind", ["rest", "grpc"])
def test_many_pictures_are_sent_in_parts_and_answered_in_order(
    kind: str, served: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    different = [encoded(picture(48, seed)) for seed in range(10)]
    with connect(kind, served) as client:
        expected = client.emotions(different)
        sizes = _record_sizes(client, monkeypatch)
        answers = client.emotions(different * 7)
        assert client.emotions([]) == []
    assert sizes == [MAX_IMAGES_PER_REQUEST, MAX_IMAGES_PER_REQUEST, 6]
    for answer, alone in zip(answers, expected * 7, strict=True):
        assert isinstance(answer, Emotion)
        assert isinstance(alone, Emotion)
        # Another size of the batch adds up in another order.
        assert answer.probabilities == pytest.approx(alone.probabilities, abs=1e-5)


def test_large_pictures_are_not_sent_together(served: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    with connect("grpc", served) as client:
        sizes = _record_sizes(client, monkeypatch)
        answers = client.emotions([GOOD, bytes(10 * 2**20), bytes(10 * 2**20), ANOTHER])
    # The second one is alone in its request with a good one, so that only it has an error there.
    assert sizes == [2, 2]
    assert [type(answer) for answer in answers] == [Emotion, ImageError, ImageError, Emotion]


def _record_sizes(client: Client, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    sizes: list[int] = []
    predict: Callable[..., dict[str, Any]] = client.predict

    def recorded(model: str, inputs: Mapping[str, Any], **which: Any) -> dict[str, Any]:
        sizes.append(len(inputs["image_bytes"]))
        return predict(model, inputs, **which)

    monkeypatch.setattr(client, "predict", recorded)
    return sizes


def test_version_and_label_say_which_is_asked(client: Client) -> None:
    newest = client.emotions([GOOD])
    assert client.emotions([GOOD], version=CANARY) == client.emotions([GOOD], label="canary") == newest
    assert client.emotions([GOOD], version=STABLE) == client.emotions([GOOD], label="stable") != newest
    assert client.keypoints([GOOD], version=STABLE) == client.keypoints([GOOD], label="stable")
    with pytest.raises(UsageError, match="both name a version"):
        client.emotions([GOOD], version=STABLE, label="stable")


def test_what_is_not_served_is_an_error_of_the_request(client: Client) -> None:
    with pytest.raises(StatusError, match="99") as caught:
        client.emotions([GOOD], version=99)
    assert caught.value.code == NOT_FOUND
    with pytest.raises(StatusError, match="nobody"):
        client.emotions([GOOD], label="nobody")
    with pytest.raises(StatusError) as caught:
        client.predict("no_model", {"image_bytes": [GOOD]})
    assert caught.value.code == NOT_FOUND


def test_a_wrong_shape_is_an_error_of_the_request(client: Client) -> None:
    with pytest.raises(StatusError, match="48") as caught:
        client.predict("emotion_ai", {"images": np.zeros((1, 47, 48), np.float32)}, "serving_tensor")
    assert caught.value.code == INVALID_ARGUMENT


def test_rest_needs_no_tensorflow() -> None:
    code = "import serving.client, sys; assert not {'tensorflow', 'grpc', 'google.protobuf'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
