"""Headless Chromium, with a camera that shows a photo."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from PIL import Image
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

CHROMIUM, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
needs_chromium = pytest.mark.skipif(
    not (os.path.exists(CHROMIUM) and os.path.exists(DRIVER)), reason=f"there is no {CHROMIUM} with {DRIVER}"
)

_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
)
_CAMERA_SIZE = (640, 480)


@contextmanager
def chromium(folder: Path, camera: Path | None, *flags: str) -> Iterator[webdriver.Chrome]:
    """A browser of its own, for as long as the context is.

    Args:
      folder: for its profile.
      camera: what the camera shows, a .mjpeg file; None for no camera.
      flags: more of them.
    """
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*_FLAGS, f"--user-data-dir={folder / 'profile'}", *flags):
        options.add_argument(flag)
    if camera:
        options.add_argument("--use-fake-device-for-media-stream")
        options.add_argument(f"--use-file-for-fake-video-capture={camera}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, Service(DRIVER))
    try:
        driver.set_page_load_timeout(30)
        yield driver
    finally:
        driver.quit()


def write_camera_film(photo: Path, film: Path) -> Path:
    """A film in which the photo's upper part fills the frame."""
    with Image.open(photo) as image:
        part = image.crop((0, 0, image.width, image.width * _CAMERA_SIZE[1] // _CAMERA_SIZE[0]))
        frame = io.BytesIO()
        part.resize(_CAMERA_SIZE).save(frame, "JPEG", quality=90)
    film.write_bytes(frame.getvalue() * 10)
    return film
