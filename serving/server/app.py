"""Puts the server together and runs it until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

import grpc
import uvicorn
from starlette.applications import Starlette

from serving.config.files import read_models_config
from serving.demo.routes import routes
from serving.errors import StatusError, UsageError
from serving.server import codes, metrics, rpc
from serving.server.batching import Batcher, BatchOptions
from serving.server.configuration import Configuration
from serving.server.flags import Flags
from serving.server.http_guard import GuardedProtocol
from serving.server.rest import App, RestApi
from serving.server.servable import Servable, SessionOptions
from serving.server.service import Service, loader
from serving.server.versions import Policy, VersionManager

# Rows of one call of the model where no file says otherwise: more are hardly faster, and the others wait longer.
_MAX_ROWS = 8
_MAX_WAITING_ROWS = 1024
_STOP_S = 20
_KEEP_ALIVE_S = 60


def run(flags: Flags, configuration: Configuration, rest_socket: socket.socket | None) -> None:
    """Serves until SIGTERM or SIGINT; requests that are running then are answered.

    Args:
      flags: of the command line.
      configuration: what their files say.
      rest_socket: bound, for REST; None for none.

    Raises:
      UsageError: something that a person can mend.
    """
    # What is there by now stays for ever: the garbage collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    asyncio.run(_serve(flags, configuration, rest_socket))


async def _serve(flags: Flags, configuration: Configuration, rest_socket: socket.socket | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    counted = metrics.Metrics()
    session = SessionOptions(flags.tensorflow_intra_op_parallelism, flags.tensorflow_inter_op_parallelism)
    policy = Policy(
        flags.file_system_poll_wait_seconds,
        flags.max_num_load_retries,
        flags.load_retry_interval_micros / 1e6,
        flags.allow_version_labels_for_unavailable_models,
    )
    versions = VersionManager(loader(session, flags.enable_model_warmup, counted), policy, log)
    batcher = Batcher(_batch_options(flags, configuration.batching), loop)
    service = Service(versions, batcher, counted)
    with contextlib.ExitStack() as stack:
        stack.callback(versions.stop)
        stack.callback(batcher.close)
        names = await _load(versions, configuration, stop)
        if stop.is_set():
            return
        max_bytes = int(flags.max_request_mb * 2**20)
        grpc_server = _grpc_server(flags, service, max_bytes)
        if grpc_server is not None:
            await grpc_server.start()
        if flags.model_config_file and flags.model_config_file_poll_wait_seconds:
            poll = loop.create_task(_poll(flags, versions))
            stack.callback(poll.cancel)
        rest = None
        if rest_socket is not None:
            pages, timeout_s = Starlette(routes=routes()), flags.rest_api_timeout_in_ms / 1e3
            rest = _HttpServer(RestApi(service, pages, max_bytes, timeout_s, configuration.metrics_path))
            serving = loop.create_task(rest.serve([rest_socket]))
            while not (rest.started or serving.done()):
                await asyncio.sleep(0.01)
            if not rest.started and not stop.is_set():
                raise UsageError(
                    f"--rest_api_port: cannot listen at {flags.host}:{flags.rest_api_port} ({serving.exception()}). "
                    f"Another server has taken it meanwhile. Choose another port, or end that one."
                )
        _say(f"Ready: {', '.join(names)}.", sys.stdout)
        await stop.wait()
        log("stopping")
        if rest is not None:
            rest.should_exit = True
            await serving
        if grpc_server is not None:
            await grpc_server.stop(_STOP_S)


async def _load(versions: VersionManager[Servable], configuration: Configuration, stop: asyncio.Event) -> list[str]:
    """Returns the models' names when all are available, or it is to stop."""
    loop = asyncio.get_running_loop()
    try:
        names = versions.apply(configuration.models)
        versions.start()
        available = loop.create_task(asyncio.to_thread(versions.wait_until_available, names))
        stopped = loop.create_task(stop.wait())
        await asyncio.wait([available, stopped], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not stop.is_set():
            await available
    except StatusError as error:
        raise _start_error(error) from None
    return names


class _HttpServer(uvicorn.Server):
    """uvicorn within an event loop that is not its own."""

    def __init__(self, app: App) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=GuardedProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=_STOP_S,
            )
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """They are handled for REST and gRPC together."""
        yield


def log(text: str) -> None:
    """A line for who has started the server."""
    _say(f"{time.strftime('%H:%M:%S')} {text}", sys.stderr)


def _say(text: str, stream: TextIO) -> None:
    # Who was to read it may be gone, as `head` is after some lines: that is no reason not to serve any more.
    with contextlib.suppress(OSError):
        print(text, file=stream, flush=True)


def _batch_options(flags: Flags, parameters: Any) -> BatchOptions:
    threads = os.cpu_count() or 1
    if not flags.enable_batching:
        return BatchOptions(max_rows=0, wait_s=0, max_waiting_rows=_MAX_WAITING_ROWS, threads=threads)
    if parameters is None:
        return BatchOptions(max_rows=_MAX_ROWS, wait_s=0, max_waiting_rows=_MAX_WAITING_ROWS, threads=threads)

    def value(name: str, default: int) -> int:
        return int(getattr(parameters, name).value) if parameters.HasField(name) else default

    max_rows = value("max_batch_size", _MAX_ROWS)
    return BatchOptions(
        max_rows=max_rows,
        wait_s=value("batch_timeout_micros", 0) / 1e6,
        max_waiting_rows=max_rows * value("max_enqueued_batches", max(1, _MAX_WAITING_ROWS // max_rows)),
        threads=value("num_batch_threads", threads),
    )


def _grpc_server(flags: Flags, service: Service, max_bytes: int) -> grpc.aio.Server | None:
    host = f"[{flags.host}]" if ":" in flags.host else flags.host
    addresses = [f"{host}:{flags.port}"] if flags.port else []
    if flags.grpc_socket_path:
        addresses.append(f"unix:{Path(flags.grpc_socket_path).absolute()}")
    if not addresses:
        return None
    try:
        return rpc.make_server(service, addresses, max_bytes)
    except RuntimeError as error:
        raise UsageError(
            f"--port, --grpc_socket_path: cannot listen at {' and '.join(addresses)} ({error}). Choose others."
        ) from None


async def _poll(flags: Flags, versions: VersionManager[Servable]) -> None:
    """Takes the models' configuration anew from its file, again and again."""
    assert flags.model_config_file is not None, "see _serve"
    said = None
    while True:
        await asyncio.sleep(flags.model_config_file_poll_wait_seconds)
        try:
            versions.apply(await asyncio.to_thread(read_models_config, flags.model_config_file))
            said = None
        except (UsageError, StatusError) as error:
            if str(error) != said:
                said = str(error)
                log(f"the configuration stays as it was: {error}")


def _start_error(error: StatusError) -> UsageError:
    text = f"Failed to start server. Error: {codes.name(error.code)}: {error.message}"
    if "assign label" in error.message:
        text += ". Add --allow_version_labels_for_unavailable_models=true."
    return UsageError(text)
