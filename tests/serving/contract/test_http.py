"""HTTP itself: methods, paths, connections."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.serving.contract.clients import EMOTION, TIMEOUT_S, Rest, assert_refused, json_value
from tests.serving.pictures import picture

PREDICT = f"/v1/models/{EMOTION}:predict"
BODY = json.dumps({"instances": [json_value(picture(48, 1), "serving_default")]})


@pytest.fixture
def connection(rest: Rest) -> Iterator[http.client.HTTPConnection]:
    address = urlsplit(rest.url)
    assert address.hostname
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=TIMEOUT_S)
    yield connection
    connection.close()


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_only_post_predicts(rest: Rest, method: str) -> None:
    response = rest.session.request(method, rest.url + PREDICT, data=BODY, timeout=TIMEOUT_S)
    assert_refused(response, 400, f"Malformed request: {method} {PREDICT}")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_only_get_tells_the_status(rest: Rest, method: str) -> None:
    response = rest.session.request(method, f"{rest.url}/v1/models/{EMOTION}", timeout=TIMEOUT_S)
    assert_refused(response, 400, "Malformed request")


def test_head_has_no_body(connection: http.client.HTTPConnection) -> None:
    connection.request("HEAD", f"/v1/models/{EMOTION}")
    response = connection.getresponse()
    assert response.status == 400
    assert response.read() == b""
    # Nothing of a body has been left in the connection.
    connection.request("GET", f"/v1/models/{EMOTION}")
    assert connection.getresponse().status == 200


@pytest.mark.parametrize("path", ["/", "/index.html", "/v2/models/emotion_ai", "/v1models", "/models/emotion_ai"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_path(rest: Rest, method: str, path: str) -> None:
    assert rest.session.request(method, rest.url + path, timeout=TIMEOUT_S).status_code == 404


def test_a_connection_takes_many_requests(connection: http.client.HTTPConnection) -> None:
    statuses, sockets = [], set()
    for body in (BODY, "{", BODY, "[]", BODY):
        connection.request("POST", PREDICT, body)
        response = connection.getresponse()
        response.read()
        statuses.append(response.status)
        sockets.add(connection.sock)
    assert statuses == [200, 400, 200, 400, 200]
    assert len(sockets) == 1, "the server has closed the connection"


def test_a_connection_is_closed_on_demand(connection: http.client.HTTPConnection) -> None:
    connection.request("POST", PREDICT, BODY, {"Connection": "close"})
    response = connection.getresponse()
    assert response.status == 200
    assert json.loads(response.read())["predictions"]
    assert connection.sock is None


def test_a_body_may_come_in_chunks(connection: http.client.HTTPConnection) -> None:
    data = BODY.encode()
    chunks = (data[start : start + 100] for start in range(0, len(data), 100))
    connection.request("POST", PREDICT, chunks, encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
    response = connection.getresponse()
    assert response.status == 200
    assert len(json.loads(response.read())["predictions"]) == 1


def test_answers_say_their_length(connection: http.client.HTTPConnection) -> None:
    for path, status in ((f"/v1/models/{EMOTION}", 200), ("/v1/models/no_such_model", 404)):
        connection.request("GET", path)
        response = connection.getresponse()
        assert response.status == status
        assert int(response.headers["Content-Length"]) == len(response.read()) > 0
