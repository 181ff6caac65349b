"""The dashboard's web server, for people on this machine."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Callable

from ml_metadata.proto import metadata_store_pb2
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard.errors import UsageError
from dashboard.page import assets
from dashboard.pages import NothingThereError, Pages
from dashboard.runs import UnknownRunError

_HEADERS = {
    # Plotly sets styles; nothing comes from another host.
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_FOR_EVER = "public, max-age=31536000, immutable"


def serve(
    connection: metadata_store_pb2.ConnectionConfig,
    host: str = "127.0.0.1",
    port: int = 8600,
    say: Callable[[str], object] = print,
) -> None:
    """Serves the dashboard until Ctrl-C.

    Args:
      connection: of ML Metadata, see connection.py.
      host: address to listen on. The pages show faces and have no login: keep them on this machine.
      port: to listen on; 0 for any that is free.
      say: told the address.

    Raises:
      UsageError: ML Metadata cannot be read, or the port is taken.
    """
    import uvicorn

    pages = Pages(connection)
    # What people ask for first; templates and numbers are then at hand.
    pages.runs()
    listener = _listener(host, port)
    config = uvicorn.Config(create_app(pages, host), log_level="warning", access_log=False, server_header=False)
    config.load()
    shown = f"[{host}]" if ":" in host else host
    say(f"Dashboard: http://{shown}:{listener.getsockname()[1]} (Ctrl-C ends it)")
    uvicorn.Server(config).run(sockets=[listener])


def create_app(pages: Pages, host: str = "127.0.0.1") -> Starlette:
    """The web application over the pages, on the address that it listens on."""

    # Not async: Starlette runs these in threads.
    def runs(request: Request) -> Response:
        # When somebody looks at the list, a run is next.
        return HTMLResponse(pages.runs(), background=BackgroundTask(_import_sections))

    def runs_state(request: Request) -> Response:
        return JSONResponse(pages.runs_state())

    def run(request: Request) -> Response:
        return HTMLResponse(pages.run(request.path_params["run_id"]))

    def run_state(request: Request) -> Response:
        return JSONResponse(pages.run_state(request.path_params["run_id"]))

    def report(request: Request) -> Response:
        run_id = request.path_params["run_id"]
        name = re.sub(r"[^\w.-]", "_", run_id, flags=re.ASCII)
        disposition = {"content-disposition": f'attachment; filename="report-{name}.html"'}
        return HTMLResponse(pages.report(run_id), headers=disposition)

    def compare(request: Request) -> Response:
        query = request.query_params
        return HTMLResponse(pages.compare(query.get("a", ""), query.get("b", "")))

    def models(request: Request) -> Response:
        return HTMLResponse(pages.models())

    def version(request: Request) -> Response:
        return HTMLResponse(pages.version(request.path_params["artifact_id"]))

    def static(request: Request) -> Response:
        asset = assets().get(request.path_params["name"])
        if asset is None:
            raise HTTPException(404)
        return Response(asset[1], media_type=asset[0], headers={"cache-control": _FOR_EVER})

    def not_found(request: Request, error: Exception) -> Response:
        text = "There is no such page."
        if isinstance(error, UnknownRunError):
            text = "There is no run of this name."
        elif isinstance(error, NothingThereError):
            text = str(error)
        return HTMLResponse(pages.problem("Not found", text), 404)

    def failed(request: Request, error: Exception) -> Response:
        text = f"This page cannot be shown ({type(error).__name__}). See the dashboard's log."
        return HTMLResponse(pages.problem("Something went wrong", text), 500)

    return Starlette(
        routes=[
            Route("/", runs),
            Route("/state", runs_state),
            Route("/runs/{run_id}", run),
            Route("/runs/{run_id}/state", run_state),
            Route("/runs/{run_id}/report.html", report),
            Route("/compare", compare),
            Route("/models", models),
            Route("/models/{artifact_id:int}", version),
            Route("/static/{name}", static),
        ],
        middleware=[Middleware(_Guard, host=host)],
        exception_handlers={404: not_found, UnknownRunError: not_found, NothingThereError: not_found, 500: failed},
    )


def _import_sections() -> None:
    """TensorFlow takes seconds to import; after the first answer, before somebody asks for a run."""
    import dashboard.report  # noqa: F401


class _Guard:
    """Refuses names that are not this server's, and sets the headers that keep browsers from other hosts.

    A page of another site could let its own name lead to this machine (DNS rebinding) and would then read everything.
    """

    def __init__(self, app: ASGIApp, host: str) -> None:
        self._app, self._host = app, host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers[name] = value
                headers.setdefault("cache-control", "no-store")
            await send(message)

        if self._is_ours(Request(scope).headers.get("host", "")):
            await self._app(scope, receive, send_with_headers)
        else:
            refusal = PlainTextResponse("The dashboard does not answer to this name. Ask for http://127.0.0.1.\n", 421)
            await refusal(scope, receive, send_with_headers)

    def _is_ours(self, header: str) -> bool:
        """Whether the Host header names this machine itself, or the address that the server was told."""
        name = re.sub(r":\d+$", "", header).removeprefix("[").removesuffix("]").lower()
        if name in (*_LOOPBACK, self._host.lower()):
            return True
        # Listening on all addresses, it cannot know its names; but no name leads to a bare address by a trick.
        return self._host in ("0.0.0.0", "::") and _is_address(name)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _listener(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        # A port that a dashboard has just left can be used at once.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()
    except OSError as error:
        raise UsageError(f"{host}:{port}: cannot be listened on ({error.strerror}). Name another --port.") from None
    except OverflowError:
        raise UsageError(f"--port {port}: there is none of this number. Name one from 0 to 65535.") from None
    return listener
