"""What is tried again, and what is not."""

from __future__ import annotations

import socket
import time

import grpc
import pytest

from serving.client import Emotion, RestClient
from serving.client.grpc_client import GrpcClient
from serving.client.interface import Client
from serving.errors import StatusError, UsageError
from tests.serving.client.failing_servers import Calls, grpc_server, rest_server

INVALID_ARGUMENT, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE = 3, 4, 13, 14


def check_answered(client: Client, calls: Calls, tries: int) -> None:
    [answer] = client.emotions([b"picture"])
    assert isinstance(answer, Emotion)
    assert answer.label == "Happy"
    assert answer.probabilities["Happy"] == 0.75
    assert calls.count == tries


@pytest.mark.parametrize("status", [429, 503])
def test_rest_tries_an_overloaded_server_again(status: int) -> None:
    with rest_server([status, status]) as (url, calls), RestClient(url) as client:
        check_answered(client, calls, 3)


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED])
def test_grpc_tries_an_overloaded_server_again(code: grpc.StatusCode) -> None:
    with grpc_server([code, code]) as (address, calls), GrpcClient(address) as client:
        check_answered(client, calls, 3)


def test_retries_end_with_the_servers_last_message() -> None:
    with rest_server([503] * 9) as (url, calls), RestClient(url, retries=1) as client:
        with pytest.raises(StatusError, match="wrong 2") as caught:
            client.emotions([b"picture"])
        assert (caught.value.code, calls.count) == (UNAVAILABLE, 2)
    with grpc_server([grpc.StatusCode.UNAVAILABLE] * 9) as (address, calls), GrpcClient(address, retries=1) as client:
        with pytest.raises(StatusError, match="wrong 2") as caught:
            client.emotions([b"picture"])
        assert (caught.value.code, calls.count) == (UNAVAILABLE, 2)


def test_other_errors_are_not_tried_again() -> None:
    with rest_server([500] * 9) as (url, calls), RestClient(url) as client:
        with pytest.raises(StatusError, match="wrong 1") as caught:
            client.emotions([b"picture"])
        assert (caught.value.code, calls.count) == (INTERNAL, 1)
    with grpc_server([grpc.StatusCode.INTERNAL] * 9) as (address, calls), GrpcClient(address) as client:
        with pytest.raises(StatusError, match="wrong 1") as caught:
            client.emotions([b"picture"])
        assert (caught.value.code, calls.count) == (INTERNAL, 1)


def test_no_retries_where_none_are_wanted() -> None:
    with rest_server([503]) as (url, calls), RestClient(url, retries=0) as client:
        with pytest.raises(StatusError, match="wrong 1"):
            client.emotions([b"picture"])
        assert calls.count == 1
    with grpc_server([grpc.StatusCode.UNAVAILABLE]) as (address, calls), GrpcClient(address, retries=0) as client:
        with pytest.raises(StatusError, match="wrong 1"):
            client.emotions([b"picture"])
        assert calls.count == 1


def test_a_time_out_is_an_error_and_not_tried_again() -> None:
    with rest_server([], delay_s=1.0) as (url, calls), RestClient(url, timeout_s=0.3) as client:
        with pytest.raises(StatusError, match=r"within 0\.3 s") as caught:
            client.emotions([b"picture"])
        assert (caught.value.code, calls.count) == (DEADLINE_EXCEEDED, 1)
    with grpc_server([], delay_s=1.0) as (address, calls), GrpcClient(address, timeout_s=0.3) as client:
        with pytest.raises(StatusError) as caught:
            client.emotions([b"picture"])
        assert (caught.value.code, calls.count) == (DEADLINE_EXCEEDED, 1)


@pytest.mark.parametrize("kind", ["rest", "grpc"])
def test_refused_connections_are_tried_again_with_pauses(kind: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        # Bound, but not listening: nobody else gets the port, and it refuses.
        address = f"127.0.0.1:{unused.getsockname()[1]}"
        with RestClient(f"http://{address}") if kind == "rest" else GrpcClient(address) as client:
            started = time.monotonic()
            with pytest.raises(StatusError, match=r"(?i)refused") as caught:
                client.emotions([b"picture"])
    assert caught.value.code == UNAVAILABLE
    assert 0.15 < time.monotonic() - started < 8


def test_what_is_no_such_server_is_told() -> None:
    with rest_server([]) as (url, _), RestClient(f"{url}/") as client:
        # The stand-in answers the same whatever it is asked; one row for two pictures.
        with pytest.raises(StatusError, match="1 rows of 'probabilities' for 2 pictures"):
            client.emotions([b"picture", b"picture"])
        with pytest.raises(StatusError, match="no 'keypoints'"):
            client.keypoints([b"picture"])
    with pytest.raises(UsageError, match="http://"):
        RestClient("localhost:8501")
