"""Clients of a server that cost little themselves: ready-made requests over connections that stay open.

    python -m benchmarks.serving_clients http|grpc HOST PORT CLIENTS SECONDS REQUESTS_FILE

REQUESTS_FILE is a pickled list of bytes: whole HTTP requests, or serialized PredictRequests. Each client sends one,
waits for the answer, and sends the next. Prints the seconds of all answers within the time, as JSON.
"""

from __future__ import annotations

import itertools
import json
import pickle
import re
import selectors
import socket
import sys
import threading
import time
from pathlib import Path

# Before the time begins: connections are made, the server's threads are awake.
WARM_S = 0.5
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_PREDICT = "/tensorflow.serving.PredictionService/Predict"


class HttpClient:
    """A connection with one request under way."""

    def __init__(self, address: tuple[str, int], requests: itertools.cycle[bytes]) -> None:
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._requests = requests
        self.send()

    def send(self) -> None:
        self._answer, self._length = b"", -1
        self.sent = time.perf_counter()
        self.socket.sendall(next(self._requests))

    def receive(self) -> bool:
        """Takes what is there; whether the answer is whole."""
        self._answer += self.socket.recv(1 << 20)
        if self._length < 0:
            head, end, _ = self._answer.partition(b"\r\n\r\n")
            if not end:
                return False
            length = _LENGTH.search(head)
            assert head.startswith(b"HTTP/1.1 200 ") and length, self._answer[:500]
            self._length = len(head) + len(end) + int(length[1])
        return len(self._answer) >= self._length


def http_seconds(address: tuple[str, int], clients: int, seconds: float, requests: list[bytes]) -> list[float]:
    turns = itertools.cycle(requests)
    took = []
    with selectors.DefaultSelector() as selector:
        for _ in range(clients):
            client = HttpClient(address, turns)
            selector.register(client.socket, selectors.EVENT_READ, client)
        begin = time.perf_counter() + WARM_S
        now = time.perf_counter()
        while now < begin + seconds:
            for key, _ in selector.select(1):
                client = key.data
                if client.receive():
                    now = time.perf_counter()
                    if begin < now < begin + seconds:
                        took.append(now - client.sent)
                    client.send()
    return took


def grpc_seconds(address: tuple[str, int], clients: int, seconds: float, requests: list[bytes]) -> list[float]:
    import grpc

    channel = grpc.insecure_channel("{}:{}".format(*address))
    predict = channel.unary_unary(_PREDICT)
    turns = itertools.cycle(requests)
    took = []
    begin = time.perf_counter() + WARM_S
    ended = threading.Barrier(clients + 1)

    def send() -> None:
        sent = time.perf_counter()

        def answered(call: grpc.Future) -> None:
            call.result()
            now = time.perf_counter()
            if begin < now < begin + seconds:
                took.append(now - sent)
            if now < begin + seconds:
                send()
            else:
                threading.Thread(target=ended.wait).start()

        predict.future(next(turns)).add_done_callback(answered)

    for _ in range(clients):
        send()
    ended.wait()
    return took


def main() -> None:
    kind, host, port, clients, seconds, file = sys.argv[1:]
    measure = http_seconds if kind == "http" else grpc_seconds
    requests = pickle.loads(Path(file).read_bytes())
    print(json.dumps(measure((host, int(port)), int(clients), float(seconds), requests)))


if __name__ == "__main__":
    main()
