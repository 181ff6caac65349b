"""5,000 hostile requests to a local server, while it must go on to answer good ones.

Every mistake is the client's: the answer has a 4xx status (or the gRPC code of one), never a 5xx, and comes in time.
"""

from __future__ import annotations

import contextlib
import gzip
import http.client
import json
import random
import socket
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import grpc
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from tensorflow.core.framework import tensor_pb2
from tensorflow_serving.apis import predict_pb2

from tests.serving.contract.clients import EMOTION, KEYPOINTS, NUMBERS, SIZES, Grpc, Rest, choose, tensor
from tests.serving.local_server import LocalServer
from tests.serving.pictures import b64, encoded, picture
from tests.serving.traffic import Traffic

# An answer that takes longer counts as none.
PATIENCE_S = 15
# What may stay with the process beyond what it holds after its first requests: no more than a few large pictures.
MAX_GROWTH_MB = 200
HOSTILE_REQUESTS = 5_000
# The server's default.
MAX_REQUEST_BYTES = 32 * 2**20
# The server gives up on clients that need longer for the head of a request.
SLOW_HEAD_S = 10

PREDICT, CLASSIFY = f"/v1/models/{EMOTION}:predict", f"/v1/models/{EMOTION}:classify"
CLIENTS_MISTAKES = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
}


class Siege:
    """The server, and connections to it."""

    def __init__(self, server: LocalServer) -> None:
        self.server = server
        self.sent = 0
        self.address = (urlsplit(server.rest).hostname, urlsplit(server.rest).port)
        self._connect()
        self.channel = grpc.insecure_channel(server.grpc, options=[("grpc.max_send_message_length", -1)])
        self._predict = self.channel.unary_unary("/tensorflow.serving.PredictionService/Predict")

    def _connect(self) -> None:
        self._connection = http.client.HTTPConnection(*self.address, timeout=PATIENCE_S)
        self._answered = False

    def post(self, path: str, body: bytes | str, headers: dict[str, str] | None = None) -> int:
        """The status of the answer; checks that it is not the server's fault and a JSON object."""
        self.sent += 1
        try:
            self._connection.request("POST", path, body if isinstance(body, bytes) else body.encode(), headers or {})
            response = self._connection.getresponse()
            answer = response.read()
        except (http.client.BadStatusLine, BrokenPipeError, ConnectionResetError):
            # As any client may find it that has not used its connection for a while.
            if not self._answered:
                raise
            self._connect()
            self.sent -= 1
            return self.post(path, body, headers)
        self._answered = True
        assert response.status == 200 or 400 <= response.status < 500, (response.status, answer[:500], body[:500])
        found = json.loads(answer)
        if response.status != 200:
            assert list(found) == ["error"], answer[:500]
            assert len(answer) < 10_000, "an error must not send the request back"
        if response.headers.get("Connection") == "close":
            self._connect()
        return response.status

    def predict(self, request: bytes) -> grpc.StatusCode:
        """The code of the answer to a PredictRequest, as bytes."""
        self.sent += 1
        try:
            self._predict(request, timeout=PATIENCE_S)
        except grpc.RpcError as error:
            assert len(error.details()) < 10_000, "an error must not send the request back"
            return error.code()
        return grpc.StatusCode.OK

    def raw(self, data: bytes, half_close: bool = False) -> bytes:
        """What comes back for bytes that need not be HTTP, until the connection is closed or quiet."""
        self.sent += 1
        with socket.create_connection(self.address, PATIENCE_S) as connection:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(data)
                if half_close:
                    connection.shutdown(socket.SHUT_WR)
            return receive(connection, 0.05)

    def close(self) -> None:
        self._connection.close()
        self.channel.close()


def receive(connection: socket.socket, quiet_s: float) -> bytes:
    """What comes until the other side closes the connection, or has been quiet for so long after an answer."""
    received = b""
    connection.settimeout(quiet_s)
    try:
        while chunk := connection.recv(65536):
            received += chunk
    except (TimeoutError, ConnectionResetError):
        pass
    return received


def good_requests(server: LocalServer) -> tuple[Callable[[], None], Callable[[], None]]:
    """Functions that send good requests over REST and gRPC, and check the answers."""
    rest, rpc = Rest(server.rest), Grpc(grpc.insecure_channel(server.grpc))
    pictures = {model: [picture(SIZES[model], seed) for seed in range(4)] for model in (EMOTION, KEYPOINTS)}
    expected = {model: rest.numbers(model, pictures[model]) for model in pictures}
    turn = 0

    def check(model: str, number: int, found: Any) -> None:
        np.testing.assert_allclose(found, expected[model][number : number + 1], rtol=1e-3, atol=1e-3)

    def over_rest() -> None:
        nonlocal turn
        turn += 1
        model, number = (EMOTION, KEYPOINTS)[turn % 2], turn % 4
        check(model, number, rest.numbers(model, [pictures[model][number]]))

    def over_grpc() -> None:
        for model in pictures:
            number = turn % 4
            found = rpc.outputs(model, [pictures[model][number]], "serving_default")
            check(model, number, found[NUMBERS[model]])

    return over_rest, over_grpc


@pytest.fixture(scope="module")
def siege(served: LocalServer) -> Iterator[Siege]:
    siege = Siege(served)
    yield siege
    siege.close()


@pytest.fixture(scope="module")
def traffic(siege: Siege) -> Iterator[Traffic]:
    with Traffic(*good_requests(siege.server)) as traffic:
        yield traffic


@pytest.fixture(scope="module")
def resident_mb(siege: Siege) -> float:
    """What the server holds after its first 500 requests, large pictures among them."""
    asks = good_requests(siege.server)
    for number in range(500):
        asks[number % 2]()
    for model in (EMOTION, KEYPOINTS):
        siege.post(f"/v1/models/{model}:predict", json.dumps({"instances": [b64(large_png(4000, 4000))]}))
    return siege.server.resident_mb()


@pytest.fixture(scope="module")
def slow(siege: Siege) -> Iterator[list[socket.socket]]:
    """Connections that have begun the head of a request, and send a byte of it now and then; and others, of a body."""
    heads = (b"POST", b"POST /v1/models/", b"POST / HTTP/1.1\r\nHost: a\r\nA", b"GET / HTTP/1.1\r\nA: b\r\nB: ")
    body = f"POST {PREDICT} HTTP/1.1\r\nContent-Length: 1000\r\n\r\n{{".encode()
    with contextlib.ExitStack() as stack:

        def connect(begun: bytes) -> socket.socket:
            siege.sent += 1
            connection = stack.enter_context(socket.create_connection(siege.address))
            connection.sendall(begun)
            return connection

        in_the_head = [connect(heads[number % len(heads)]) for number in range(100)]
        in_the_body = [connect(body) for _ in range(50)]

        def drip() -> None:
            for connection in in_the_head + in_the_body:
                with contextlib.suppress(OSError):
                    connection.send(b"a")
            time.sleep(0.5)

        stack.enter_context(Traffic(drip))
        yield in_the_head


@pytest.fixture(autouse=True)
def _under_siege(resident_mb: float, traffic: Traffic, slow: list[socket.socket]) -> None:
    """All tests here run beside the good requests and the slow clients, and after the memory has been looked at."""


def large_png(width: int, height: int) -> bytes:
    """A flat gray PNG, small as a file."""
    return png(width, height, zlib.compress((b"\0" + b"\x80" * width) * height))


def png(width: int, height: int, data: bytes) -> bytes:
    """A gray PNG whose header says this size, with whatever compressed pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


KEYS = ("instances", "inputs", "examples", "context", "signature_name", "image_bytes", "images", "image", "b64")
SIGNATURES = ("serving_default", "serving_tensor", "serving_tensor_uint8", "serving_examples", "classify", "", "x")
leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.builds(b64, st.binary(max_size=40))
    | st.just(b64(encoded(picture(48, 1))))
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=12,
)
documents = st.fixed_dictionaries(
    {},
    optional={
        "instances": st.lists(values, max_size=4) | values,
        "inputs": values | st.dictionaries(st.sampled_from(KEYS), values, max_size=2),
        "examples": st.lists(st.dictionaries(st.sampled_from(KEYS), values, max_size=3), max_size=3) | values,
        "context": values,
        "signature_name": st.sampled_from(SIGNATURES) | values,
    },
)
quickly = settings(
    deadline=None, database=None, derandomize=True, max_examples=400, suppress_health_check=list(HealthCheck)
)


@quickly
@given(document=documents | values, path=st.sampled_from([PREDICT, CLASSIFY, f"/v1/models/{KEYPOINTS}:predict"]))
def test_json_that_is_not_a_request(siege: Siege, document: Any, path: str) -> None:
    siege.post(path, json.dumps(document))


def test_damaged_requests(siege: Siege) -> None:
    chance = random.Random(1)
    small = picture(48, 1).tolist()
    good = [
        (PREDICT, json.dumps({"instances": [b64(encoded(picture(48, 1)))] * 2}).encode()),
        (PREDICT, json.dumps({"signature_name": "serving_tensor", "instances": [small]}).encode()),
        (PREDICT, json.dumps({"signature_name": "serving_tensor_uint8", "inputs": {"images": [small]}}).encode()),
        (CLASSIFY, json.dumps({"signature_name": "classify", "examples": [{"image": b64(bytes(2304))}]}).encode()),
    ]
    statuses = set()
    for _ in range(2_000):
        path, body = chance.choice(good)
        statuses.add(siege.post(path, damaged(body, chance)))
    assert statuses == {200, 400}


TOKENS = (b"[", b"]", b"{", b"}", b'"', b",", b"\\u", b"-", b"1e9", b"null", b"\0")


def damaged(data: bytes, chance: random.Random) -> bytes:
    """The data with some bytes changed, left out, doubled or put in."""
    result = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 5, 20))):
        start = chance.randrange(len(result) + 1)
        length = min(chance.choice((1, 1, 2, 8, 200)), len(result) - start)
        kind = chance.randrange(5)
        if kind == 0:
            result[start : start + length] = chance.randbytes(length)
        elif kind == 1:
            del result[start : start + length]
        elif kind == 2:
            result[start:start] = result[start : start + length]
        elif kind == 3:
            result[start:start] = chance.choice(
                (b"[", b"]", b"{", b"}", b'"', b",", b"\\u", b"-", b"1e9", b"null", b"\0")
            )
        else:
            result[start : start + 1] = bytes([chance.randrange(256)])
    return bytes(result)


def test_damaged_images(siege: Siege) -> None:
    chance = random.Random(2)
    photo = Image.fromarray(picture(60, 1, 80))
    good = [
        encoded(photo),
        encoded(photo, "JPEG"),
        encoded(photo.convert("RGBA")),
        encoded(photo.convert("P")),
        encoded(photo.convert("RGB"), "JPEG"),
        encoded(photo, "GIF"),
        encoded(photo, "BMP"),
        encoded(photo, "TIFF"),
        encoded(photo, "WEBP"),
        encoded(np.asarray(photo, np.uint16) * 200),
    ]
    for _ in range(500):
        files = [damaged(chance.choice(good), chance) for _ in range(chance.choice((1, 1, 3)))]
        model = chance.choice((EMOTION, KEYPOINTS))
        siege.post(f"/v1/models/{model}:predict", json.dumps({"instances": [b64(file) for file in files]}))


# Functions, as they are large.
BOMBS: dict[str, Callable[[], bytes]] = {
    "a header of 2**31 - 1 pixels each way": lambda: png(2**31 - 1, 2**31 - 1, zlib.compress(bytes(1000))),
    "a header of 100,000 pixels each way": lambda: png(100_000, 100_000, zlib.compress(bytes(1000))),
    "a header of one very long row": lambda: png(2**31 - 1, 1, zlib.compress(bytes(1000))),
    "a header of no pixels": lambda: png(0, 0, zlib.compress(b"")),
    "a picture of 144 megapixels": lambda: large_png(12_000, 12_000),
    "a JPEG of 65,500 pixels each way": lambda: encoded(picture(64, 1), "JPEG").replace(
        b"\x00\x40\x00\x40", b"\xff\xdc\xff\xdc", 1
    ),
}


@pytest.mark.parametrize("what", BOMBS)
def test_pictures_that_would_fill_the_memory(siege: Siege, what: str) -> None:
    file = BOMBS[what]()
    before = siege.server.resident_mb()
    for model in (EMOTION, KEYPOINTS):
        assert siege.post(f"/v1/models/{model}:predict", json.dumps({"instances": [b64(file)]})) == 400
    assert siege.server.resident_mb() < before + MAX_GROWTH_MB


def test_more_pixels_than_the_header_says(siege: Siege) -> None:
    """The rest is left alone, as other readers of PNG do."""
    file = png(48, 48, zlib.compress(bytes(50_000_000), 9))
    assert siege.post(PREDICT, json.dumps({"instances": [b64(file)]})) == 200


def test_a_large_picture_is_answered(siege: Siege) -> None:
    assert siege.post(PREDICT, json.dumps({"instances": [b64(large_png(6000, 8000))]})) == 200


FLOATS = b'{"signature_name": "serving_tensor", "instances": ['
BODIES: dict[str, Callable[[], bytes]] = {
    "lists in lists": lambda: b'{"instances": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "lists without an end": lambda: b'{"instances": ' + b"[" * 1_000_000,
    "objects in objects": lambda: b'{"instances": [' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"]}",
    "an integer of a million digits": lambda: b'{"instances": [' + b"9" * 1_000_000 + b"]}",
    "a fraction of a million digits": lambda: (
        b'{"signature_name": "serving_tensor", "instances": [0.' + b"3" * 1_000_000 + b"]}"
    ),
    "an exponent of a million digits": lambda: (
        b'{"signature_name": "serving_tensor", "instances": [1e' + b"9" * 1_000_000 + b"]}"
    ),
    "a text of a million quotes": lambda: b'{"signature_name": "' + b'\\"' * 1_000_000 + b'"}',
    "a million keys": lambda: b"{" + b",".join(b'"%d":1' % number for number in range(1_000_000)) + b"}",
    "the same key again and again": lambda: b"{" + b'"instances": [1],' * 100_000 + b'"inputs": 1}',
    "a million empty lists": lambda: FLOATS + b"[]," * 999_999 + b"[]]}",
    "a million nulls": lambda: b'{"instances": [' + b"null," * 999_999 + b"null]}",
    "white space": lambda: b" " * 5_000_000,
    "zeros": lambda: bytes(1_000_000),
    "half a surrogate": lambda: b'{"instances": ["\\ud800"]}',
    "UTF-16": lambda: '{"instances": ["a"]}'.encode("utf-16"),
}


@pytest.mark.parametrize("what", BODIES)
def test_bodies_that_wear_the_parser_out(siege: Siege, what: str) -> None:
    body = BODIES[what]()
    started = time.monotonic()
    assert siege.post(PREDICT, body) == 400
    assert time.monotonic() - started < PATIENCE_S


def test_numbers_that_are_none(siege: Siege) -> None:
    row = ", ".join(["0"] * 47)
    for number, expected in (
        ("NaN", 200),
        ("-Infinity", 200),
        ("1e38", 200),
        ("1e39", 400),
        ("1e999", 400),
        ("9" * 400, 400),
        ("--1", 400),
        ("0x10", 400),
        ("1_000", 400),
        ("nan", 400),
    ):
        picture_text = f"[[{row}, {number}]" + f", [{row}, 0]" * 47 + "]"
        body = f'{{"signature_name": "serving_tensor", "instances": [{picture_text}]}}'
        assert siege.post(PREDICT, body) == expected, number


def test_a_body_beyond_the_limit(siege: Siege) -> None:
    assert siege.post(PREDICT, b" " * (MAX_REQUEST_BYTES + 1)) == 413
    assert siege.post(PREDICT, gzip.compress(b" " * (4 * MAX_REQUEST_BYTES)), {"Content-Encoding": "gzip"}) == 413


def test_a_length_beyond_the_limit_is_refused_before_the_body(siege: Siege) -> None:
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: a\r\nContent-Length: {10**15}\r\n\r\n"
    with socket.create_connection(siege.address, PATIENCE_S) as connection:
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 413 ")


def test_compressed_bodies_that_are_none(siege: Siege) -> None:
    good = gzip.compress(json.dumps({"instances": [b64(encoded(picture(48, 1)))]}).encode())
    chance = random.Random(3)
    for body in (b"", b"no gzip", good[:-9], *(damaged(good, chance) for _ in range(50))):
        siege.post(PREDICT, body, {"Content-Encoding": "gzip"})


def statuses(received: bytes) -> list[int]:
    return [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]]


RAW = {
    "nothing": b"",
    "an empty line": b"\r\n\r\n",
    "no HTTP": b"hello\r\n\r\n",
    "a TLS greeting": bytes.fromhex("16030100c8010000c40303") + bytes(range(200)),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9),
    "another version": b"GET / HTTP/9.9\r\n\r\n",
    "no path": b"GET HTTP/1.1\r\n\r\n",
    "an unknown method": b"BREW /v1/models/emotion_ai HTTP/1.1\r\nHost: a\r\n\r\n",
    "a path of a megabyte": b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\n\r\n",
    "a header of a megabyte": b"GET / HTTP/1.1\r\nA: " + b"a" * 1_000_000 + b"\r\n\r\n",
    "100,000 headers": b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 100_000 + b"\r\n",
    "a header without a name": b"GET / HTTP/1.1\r\n: b\r\n\r\n",
    "a header with a zero": b"GET / HTTP/1.1\r\nA: \0\r\n\r\n",
    "a negative length": b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    "a length that is text": b"POST / HTTP/1.1\r\nContent-Length: ten\r\n\r\n",
    "a length beyond 64 bits": b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "a length and chunks": b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks of no size": f"POST {PREDICT} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n".encode(),
    "a huge chunk": f"POST {PREDICT} HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n".encode(),
    "a path that is no text": b"GET /v1/models/\xff\xfe%ff%00 HTTP/1.1\r\nHost: a\r\n\r\n",
    "a path out of the root": b"GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n",
}


@pytest.mark.parametrize("what", RAW)
def test_what_is_hardly_http(siege: Siege, what: str) -> None:
    for half_close in (False, True):
        for status in statuses(siege.raw(RAW[what], half_close)):
            assert 400 <= status < 500 or status in (501, 505), what


def test_damaged_http(siege: Siege) -> None:
    chance = random.Random(4)
    body = json.dumps({"instances": [b64(encoded(picture(48, 1)))]}).encode()
    head = (
        f"POST {PREDICT} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\nContent-Type: application/json\r\n\r\n"
    )
    for _ in range(200):
        for status in statuses(siege.raw(damaged(head.encode(), chance) + body)):
            assert status == 200 or 400 <= status < 500 or status in (501, 505)


def test_a_body_that_is_shorter_than_it_says(siege: Siege) -> None:
    head = f"POST {PREDICT} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n".encode()
    assert statuses(siege.raw(head + b'{"instances"', half_close=True)) in ([], [400])


def test_requests_one_after_the_other_without_waiting(siege: Siege) -> None:
    """Pipelining: the answers come in order."""
    good = json.dumps({"instances": [b64(encoded(picture(48, 1)))]})
    bodies = [good, "{", good, "[]", good] * 10
    data = "".join(
        f"POST {PREDICT} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n{body}" for body in bodies
    )
    siege.sent += len(bodies)
    with socket.create_connection(siege.address, PATIENCE_S) as connection:
        connection.sendall(data.encode())
        received = b""
        while len(statuses(received)) < len(bodies):
            chunk = connection.recv(65536)
            assert chunk, received[-500:]
            received += chunk
    assert statuses(received) == [200, 400, 200, 400, 200] * 10


def test_clients_that_leave(siege: Siege) -> None:
    body = json.dumps({"instances": [b64(encoded(picture(48, 1)))] * 20}).encode()
    data = f"POST {PREDICT} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    for cut in np.linspace(1, len(data), 60, dtype=int):
        with socket.create_connection(siege.address, PATIENCE_S) as connection:
            # A reset, not a goodbye.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.sendall(data[:cut])
        siege.sent += 1


def good_protos() -> list[bytes]:
    requests = []
    for signature, name in (
        ("serving_default", "image_bytes"),
        ("serving_tensor", "images"),
        ("serving_tensor_uint8", "images"),
        ("serving_examples", "examples"),
    ):
        request = predict_pb2.PredictRequest()
        choose(request.model_spec, EMOTION, signature)
        request.inputs[name].CopyFrom(tf.make_tensor_proto(tensor([picture(48, 1)], signature)))
        requests.append(request.SerializeToString())
    return requests


def with_other_first_bytes(data: bytes, chance: random.Random) -> bytes:
    """Most of what is left of it is a proto: lengths stay, names and types change."""
    result = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 3))):
        result[chance.randrange(100)] = chance.randrange(256)
    return bytes(result)


@pytest.mark.filterwarnings("ignore:Unexpected end-group tag")
def test_damaged_protos(siege: Siege) -> None:
    chance = random.Random(5)
    good = good_protos()
    codes = set()
    for _ in range(1_800):
        request = chance.choice((damaged, with_other_first_bytes))(chance.choice(good), chance)
        code = siege.predict(request)
        codes.add(code)
        try:
            predict_pb2.PredictRequest.FromString(request)
        except Exception:
            # gRPC's own answer to what it cannot read.
            assert code in {grpc.StatusCode.INTERNAL, *CLIENTS_MISTAKES}
        else:
            assert code in {grpc.StatusCode.OK, *CLIENTS_MISTAKES}
    assert {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT} <= codes


SIGNATURES_AND_INPUTS = (
    ("serving_default", "image_bytes"),
    ("serving_tensor", "images"),
    ("serving_tensor_uint8", "images"),
    ("serving_examples", "examples"),
    ("classify", "inputs"),
    ("serving_tensor", "no_such"),
)
lengths = st.sampled_from([-(2**63), -1, 0, 1, 2, 48, 2**20, 2**31, 2**40, 2**62, 2**63 - 1]) | st.integers(0, 50)
shapes = st.lists(lengths, max_size=5) | st.sampled_from([[1, 48, 48], [2**20] * 4, [1] * 300])
tensors = st.builds(
    tensor_pb2.TensorProto,
    dtype=st.sampled_from([0, 1, 1, 1, 2, 3, 4, 4, 7, 7, 8, 9, 10, 14, 19, 20, 21, 101]),
    tensor_shape=st.fixed_dictionaries(
        {
            "dim": shapes.map(lambda sizes: [{"size": size} for size in sizes]),
            "unknown_rank": st.sampled_from([False, False, False, True]),
        }
    ),
    tensor_content=st.binary(max_size=64) | st.builds(bytes, st.just(2304 * 4)),
    float_val=st.lists(st.floats(width=32), max_size=4),
    int_val=st.lists(st.integers(-(2**31), 2**31 - 1), max_size=4),
    string_val=st.lists(st.binary(max_size=20), max_size=4),
    half_val=st.lists(st.integers(-(2**31), 2**31 - 1), max_size=2),
    bool_val=st.lists(st.booleans(), max_size=2),
    version_number=st.sampled_from([0, 0, 0, -1, 7]),
)


@quickly
@given(value=tensors, names=st.sampled_from(SIGNATURES_AND_INPUTS))
def test_tensors_that_are_none(siege: Siege, value: tensor_pb2.TensorProto, names: tuple[str, str]) -> None:
    signature, name = names
    request = predict_pb2.PredictRequest()
    choose(request.model_spec, EMOTION, signature)
    request.inputs[name].CopyFrom(value)
    assert siege.predict(request.SerializeToString()) in {grpc.StatusCode.OK, *CLIENTS_MISTAKES}


def test_a_tensor_of_one_value_that_fills_the_memory(siege: Siege) -> None:
    before = siege.server.resident_mb()
    for rows in (10**7, 10**9, 2**40):
        request = predict_pb2.PredictRequest()
        choose(request.model_spec, EMOTION, "serving_tensor")
        proto = request.inputs["images"]
        proto.dtype = tf.float32.as_datatype_enum
        proto.float_val.append(1)
        for size in (rows, 48, 48):
            proto.tensor_shape.dim.add(size=size)
        assert siege.predict(request.SerializeToString()) in CLIENTS_MISTAKES
    assert siege.server.resident_mb() < before + MAX_GROWTH_MB


def test_bytes_that_are_no_grpc(siege: Siege) -> None:
    host, port = siege.server.grpc.split(":")
    for data in (*RAW.values(), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + random.Random(6).randbytes(5_000)):
        siege.sent += 1
        with socket.create_connection((host, int(port)), PATIENCE_S) as connection:
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(data)
            receive(connection, 0.05)


def test_slow_clients_are_let_go(slow: list[socket.socket]) -> None:
    deadline = time.monotonic() + SLOW_HEAD_S + 5
    for connection in slow:
        connection.settimeout(max(deadline - time.monotonic(), 0.1))
        with contextlib.suppress(ConnectionResetError):
            while connection.recv(1000):
                pass


def test_the_server_has_stood_it(siege: Siege, traffic: Traffic, resident_mb: float) -> None:
    """The last test of all."""
    siege.server.check_alive()
    assert siege.sent >= HOSTILE_REQUESTS
    assert traffic.failures == []
    assert traffic.calls > 300
    for ask in good_requests(siege.server):
        ask()
    grown = siege.server.resident_mb() - resident_mb
    print("GROWN", grown, "SENT", siege.sent, "GOOD", traffic.calls)
    assert grown < MAX_GROWTH_MB, f"{grown:.0f} MB more than after the first requests"
    log = siege.server.log.read_text(errors="replace")
    assert "Traceback" not in log, log[log.index("Traceback") :][:3000]
