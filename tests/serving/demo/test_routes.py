"""What the demo page's routes answer."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

import pytest
import requests
from PIL import Image

import serving.demo
from serving.photos.drawing import COLOURS
from tests.serving.local_server import LocalServer
from tests.serving.photos.pictures import ASTRONAUT, FACE

STATIC = Path(serving.demo.__file__).parent / "static"
TIMEOUT_S = 30


def get(url: str) -> requests.Response:
    return requests.get(url, timeout=TIMEOUT_S)


def find(server: str, photo: bytes) -> requests.Response:
    return requests.post(f"{server}/demo/faces", data=photo, timeout=TIMEOUT_S)


def test_the_local_server_has_the_page(served: LocalServer) -> None:
    answer = get(f"{served.rest}/demo/")
    assert answer.url == f"{served.rest}/demo"
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_all_links_of_the_page_are_files_of_its_own(page_without_models: str) -> None:
    page = get(f"{page_without_models}/demo").text
    links = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(links) == len(re.findall(r"\b(?:src|href)\s*=", page)) >= 4
    scripts = [path.name for path in STATIC.glob("*.js")]
    for link in {*links, *(f"demo/static/{name}" for name in scripts)}:
        assert link.startswith("demo/static/")
        answer = get(f"{page_without_models}/{link}")
        assert (answer.status_code, answer.content) == (200, (STATIC / Path(link).name).read_bytes())
        assert "Content-Security-Policy" in answer.headers
    assert {Path(link).name for link in links} | set(scripts) == {path.name for path in STATIC.iterdir()} - {
        "index.html"
    }


def test_nothing_is_inline_or_from_elsewhere() -> None:
    for path in STATIC.iterdir():
        text = path.read_text()
        elsewhere = re.findall(r"https?://[^\s\"']+", text)
        assert set(elsewhere) <= {"http://www.w3.org/2000/svg", "https://"}, path
    page = (STATIC / "index.html").read_text()
    assert not re.search(r"<style|\bstyle=|\bon\w+=|<script(?![^>]*\bsrc=)", page)


def test_nothing_else_of_the_disk_is_served(page_without_models: str) -> None:
    for path in ("demo/static/", "demo/static/../routes.py", "demo/static/%2e%2e/routes.py", "demo/static/index.html"):
        request = requests.Request("GET", page_without_models).prepare()
        request.url = f"{page_without_models}/{path}"
        assert requests.Session().send(request, timeout=TIMEOUT_S).status_code == 404


def test_faces_are_found(served: LocalServer) -> None:
    answer = find(served.rest, ASTRONAUT.read_bytes())
    assert (answer.status_code, answer.json()["width"], answer.json()["height"]) == (200, 512, 512)
    [box] = answer.json()["boxes"]
    assert box == pytest.approx({"left": FACE.left, "top": FACE.top, "width": 101, "height": 101}, abs=6)


def test_no_face_is_no_error(page_without_models: str) -> None:
    blank = io.BytesIO()
    Image.new("RGB", (300, 200), "white").save(blank, "PNG")
    assert find(page_without_models, blank.getvalue()).json() == {"width": 300, "height": 200, "boxes": []}


def test_what_cannot_be_searched_is_told(page_without_models: str) -> None:
    large = io.BytesIO()
    Image.new("L", (5000, 5000)).save(large, "PNG")
    for photo, status, says in (
        (b"", 400, "no picture"),
        (b"text", 400, "no picture"),
        (ASTRONAUT.read_bytes()[:9999], 400, "damaged"),
        (large.getvalue(), 400, "16 megapixels"),
        (bytes(9 * 2**20), 413, "8 MiB"),
    ):
        answer = find(page_without_models, photo)
        assert answer.status_code == status
        assert says in answer.json()["error"]
    assert get(f"{page_without_models}/demo/faces").status_code == 405


def test_without_opencv_it_is_told(page_without_models: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    monkeypatch.setattr("serving.photos.faces._of_thread", type("Nothing", (), {})())
    answer = find(page_without_models, ASTRONAUT.read_bytes())
    assert answer.status_code == 501
    assert "emotion-ai[photos]" in answer.json()["error"]


def test_the_page_has_the_colours_of_the_drawn_photos() -> None:
    css = (STATIC / "demo.css").read_text()
    for name, colour in COLOURS.items():
        assert f"--{name.lower()}: {colour};" in css
