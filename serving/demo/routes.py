"""The demo page's routes, for the local server."""

from __future__ import annotations

import asyncio
import dataclasses
import io
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from serving.errors import UsageError
from serving.photos.faces import PhotoError, find_faces, open_photo

_STATIC = Path(__file__).parent / "static"
# What the page sends is far smaller: it shrinks photos first.
_MAX_BYTES = 8 * 2**20
_MAX_PIXELS = 16 * 2**20
# Searches at once, so that they do not take all cores from the models.
_MAX_SEARCHES = 2

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    # A new version of the server comes with its own page; unchanged files are not sent again, by their ETag.
    "Cache-Control": "no-cache",
}

_Endpoint = Callable[[Request], Awaitable[Response]]


def routes() -> list[BaseRoute]:
    """GET /demo, its files, and POST /demo/faces."""
    files = [
        Route(f"/demo/static/{path.name}", _file(path), methods=["GET"])
        for path in sorted(_STATIC.iterdir())
        if path.suffix != ".html"
    ]
    return [
        Route("/demo", _file(_STATIC / "index.html"), methods=["GET"]),
        Route("/demo/", _to_page, methods=["GET"]),
        *files,
        Route("/demo/faces", _faces_endpoint(), methods=["POST"]),
    ]


def _file(path: Path) -> _Endpoint:
    async def send(request: Request) -> Response:
        return FileResponse(path, headers=_HEADERS)

    return send


async def _to_page(request: Request) -> Response:
    # Relative, as the page's own links: it may stand below another path behind a proxy.
    return RedirectResponse("../demo", HTTPStatus.PERMANENT_REDIRECT)


def _faces_endpoint() -> _Endpoint:
    searches = asyncio.Semaphore(_MAX_SEARCHES)

    async def faces(request: Request) -> Response:
        """A photo's bytes -> {"width", "height", "boxes": [{"left", "top", "width", "height"}]}, in pixels."""
        photo = await _read_body(request)
        if photo is None:
            return _error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the photo has more than {_MAX_BYTES >> 20} MiB")
        try:
            async with searches:
                return JSONResponse(await asyncio.to_thread(_find, photo))
        except PhotoError as error:
            return _error(HTTPStatus.BAD_REQUEST, str(error))
        except UsageError as error:
            return _error(HTTPStatus.NOT_IMPLEMENTED, str(error))

    return faces


async def _read_body(request: Request) -> bytes | None:
    """None where it is too large; the rest is not read then."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BYTES:
            return None
    return bytes(body)


def _find(file: bytes) -> dict[str, object]:
    photo = open_photo(io.BytesIO(file), "photo", _MAX_PIXELS)
    boxes = [dataclasses.asdict(box) for box in find_faces(photo)]
    return {"width": photo.width, "height": photo.height, "boxes": boxes}


def _error(status: HTTPStatus, message: str) -> JSONResponse:
    """As TensorFlow Serving writes its errors."""
    return JSONResponse({"error": message}, status)
