"""Servers that answer with errors first: real ones, on a port of this machine."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

PROBABILITIES = [[0.0, 0.0, 0.25, 0.75, 0.0]]
_ANSWER = {"probabilities": PROBABILITIES, "class_id": [3], "label": ["Happy"], "error": [""]}


class Calls:
    """Counts the requests."""

    count = 0


@contextmanager
def rest_server(statuses: list[int], delay_s: float = 0.0) -> Iterator[tuple[str, Calls]]:
    """Answers with these statuses, one a request, then 200; gives its URL and the count."""
    calls = Calls()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            calls.count += 1
            time.sleep(delay_s)
            status = statuses[calls.count - 1] if calls.count <= len(statuses) else 200
            body = json.dumps({"outputs": _ANSWER} if status == 200 else {"error": f"wrong {calls.count}"}).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", calls
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def grpc_server(codes: list[grpc.StatusCode], delay_s: float = 0.0) -> Iterator[tuple[str, Calls]]:
    """Answers with these codes, one a request, then OK; gives its address and the count."""
    calls = Calls()

    class Servicer(prediction_service_pb2_grpc.PredictionServiceServicer):
        def Predict(
            self, request: predict_pb2.PredictRequest, context: grpc.ServicerContext
        ) -> predict_pb2.PredictResponse:
            calls.count += 1
            time.sleep(delay_s)
            if calls.count <= len(codes):
                context.abort(codes[calls.count - 1], f"wrong {calls.count}")
            response = predict_pb2.PredictResponse()
            for name, value in _ANSWER.items():
                response.outputs[name].CopyFrom(tf.make_tensor_proto(value))
            return response

    server = grpc.server(ThreadPoolExecutor(2))
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Servicer(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}", calls
    finally:
        server.stop(None).wait()
