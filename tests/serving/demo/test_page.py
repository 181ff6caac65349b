"""The demo page in a real browser, with a real server."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from PIL import Image
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

from serving.client import EMOTIONS
from tests.browser import chromium, needs_chromium, write_camera_film
from tests.serving.local_server import LocalServer
from tests.serving.photos.pictures import ASTRONAUT

pytestmark = needs_chromium

WAIT_S = 40
# Pixels of the canvas that have the points' colour.
COUNT_POINT_PIXELS = """
    const { width, height } = arguments[0];
    const { data } = arguments[0].getContext("2d").getImageData(0, 0, width, height);
    let count = 0;
    for (let i = 0; i < data.length; i += 4) {
      if (data[i] === 0x22 && data[i + 1] === 0xe6 && data[i + 2] === 0xc8) count += 1;
    }
    return count;
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    folder = tmp_path_factory.mktemp("browser")
    with chromium(folder, write_camera_film(ASTRONAUT, folder / "camera.mjpeg")) as driver:
        yield driver


@pytest.fixture
def page(browser: Chrome, served: LocalServer) -> Chrome:
    """The page, just opened, with empty logs."""
    return open_page(browser, served.rest)


def open_page(browser: Chrome, server: str) -> Chrome:
    browser.get("about:blank")
    for log in ("browser", "performance"):
        browser.get_log(log)
    browser.get(f"{server}/demo")
    return browser


def wait(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + WAIT_S
    while not (result := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return result


def by_id(page: Chrome, name: str) -> WebElement:
    return page.find_element(By.ID, name)


def bars(page: Chrome) -> list[str]:
    # In one go: with the camera on, the rows are replaced several times a second.
    return page.execute_script("return Array.from(document.querySelectorAll('.bars li'), (row) => row.innerText)")


def console(page: Chrome) -> list[str]:
    return [entry["message"] for entry in page.get_log("browser")]


def requested_urls(page: Chrome) -> list[str]:
    messages = [json.loads(entry["message"])["message"] for entry in page.get_log("performance")]
    return [each["params"]["request"]["url"] for each in messages if each["method"] == "Network.requestWillBeSent"]


def test_a_photo_gets_emotion_and_keypoints(page: Chrome, served: LocalServer) -> None:
    by_id(page, "file").send_keys(str(ASTRONAUT))
    shown = wait(lambda: bars(page))
    assert [row.split()[0] for row in shown] == list(EMOTIONS)
    percents = [int(row.split()[1]) for row in shown]
    assert sum(percents) == pytest.approx(100, abs=2)
    heading = page.find_element(By.CSS_SELECTOR, ".card h2").text
    assert heading == EMOTIONS[percents.index(max(percents))]
    assert page.execute_script(COUNT_POINT_PIXELS, by_id(page, "picture")) > 50
    # For those who do not see it.
    summary = by_id(page, "summary").get_attribute("textContent")
    assert (
        summary == by_id(page, "picture").get_attribute("aria-label") == f"1 face: {heading}, {max(percents)} percent"
    )
    assert by_id(page, "latency").text.endswith(" ms")
    wait(lambda: by_id(page, "version-emotion_ai").text == "version 2")
    assert by_id(page, "version-facial_keypoints").text == "version 2"
    assert not by_id(page, "error").is_displayed()
    assert console(page) == []
    hosts = {urlsplit(url).netloc for url in requested_urls(page) if not url.startswith(("blob:", "data:", "about:"))}
    assert hosts == {urlsplit(served.rest).netloc}


def test_the_page_shows_what_the_client_gets(page: Chrome, served: LocalServer) -> None:
    from serving.client import Emotion, RestClient
    from serving.photos.faces import crop, find_faces, open_photo

    photo = open_photo(ASTRONAUT, "astronaut.jpg")
    with RestClient(served.rest) as client:
        [expected] = client.emotions([crop(photo, find_faces(photo)[0])])
    assert isinstance(expected, Emotion)
    by_id(page, "file").send_keys(str(ASTRONAUT))
    percents = [int(row.split()[1]) for row in wait(lambda: bars(page))]
    # A browser shrinks otherwise than Pillow, and the box may be a pixel off.
    assert percents == pytest.approx([100 * part for part in expected.probabilities.values()], abs=8)


def test_a_file_that_is_no_picture_is_told(page: Chrome, tmp_path: Path) -> None:
    text = tmp_path / "holiday.jpg"
    text.write_text("no picture")
    by_id(page, "file").send_keys(str(text))
    message = wait(lambda: by_id(page, "error").text)
    assert message == "holiday.jpg is no picture that can be read. Choose a JPEG, PNG or WebP file."
    assert console(page) == []
    # The next one does away with it.
    by_id(page, "file").send_keys(str(ASTRONAUT))
    wait(lambda: bars(page))
    assert not by_id(page, "error").is_displayed()


def test_without_a_face_the_middle_is_taken(page: Chrome, tmp_path: Path) -> None:
    blank = tmp_path / "blank.png"
    Image.new("RGB", (400, 300), "white").save(blank)
    by_id(page, "file").send_keys(str(blank))
    wait(lambda: bars(page))
    assert by_id(page, "hint").text == "No face found: put your face into the frame"
    assert by_id(page, "picture").get_attribute("aria-label").startswith("Centre square: ")


def test_a_photo_can_be_dropped_and_pasted(page: Chrome) -> None:
    script = """
        const [bytes, type, property] = arguments;
        const data = new DataTransfer();
        data.items.add(new File([new Uint8Array(bytes)], "photo.jpg", { type: "image/jpeg" }));
        const event = new Event(type, { bubbles: true, cancelable: true });
        event[property] = data;
        document.body.dispatchEvent(event);
        return event.defaultPrevented;
    """
    photo = list(ASTRONAUT.read_bytes())
    assert page.execute_script(script, photo, "drop", "dataTransfer")
    wait(lambda: bars(page))
    page.refresh()
    page.execute_script(script, photo, "paste", "clipboardData")
    wait(lambda: bars(page))


def test_the_camera_is_answered_again_and_again_until_it_is_stopped(page: Chrome) -> None:
    button = by_id(page, "camera")
    button.click()
    latencies: set[str] = set()

    def several() -> bool:
        latencies.add(by_id(page, "latency").text)
        return len(latencies) > 4

    wait(several)
    assert len(bars(page)) == len(EMOTIONS)
    assert by_id(page, "hint").text == ""
    assert page.execute_script(COUNT_POINT_PIXELS, by_id(page, "picture")) > 50
    assert button.text == "Stop the camera"
    button.click()
    wait(lambda: button.text == "Use the camera")
    assert page.execute_script("return document.getElementById('video').srcObject") is None
    # Nothing more is asked.
    time.sleep(0.5)
    page.get_log("performance")
    time.sleep(1)
    assert [url for url in requested_urls(page) if not url.startswith("blob:")] == []
    assert console(page) == []


def test_frames_are_sent_one_at_a_time(page: Chrome) -> None:
    page.execute_script("""
        window.most = 0;
        window.count = 0;
        let now = 0;
        const real = window.fetch;
        window.fetch = async (...all) => {
          now += 1;
          window.count += 1;
          window.most = Math.max(window.most, now);
          try { return await real(...all); } finally { now -= 1; }
        };
    """)
    by_id(page, "camera").click()
    wait(lambda: page.execute_script("return window.count > 12"))
    by_id(page, "camera").click()
    assert page.execute_script("return window.most") == 1


def test_a_server_that_is_gone_is_told(page: Chrome) -> None:
    wait(lambda: by_id(page, "version-emotion_ai").text == "version 2")
    page.execute_cdp_cmd("Network.enable", {})
    offline = {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0}
    page.execute_cdp_cmd("Network.emulateNetworkConditions", offline)
    try:
        by_id(page, "file").send_keys(str(ASTRONAUT))
        message = wait(lambda: by_id(page, "error").text)
        assert message == "The server does not answer. See that it is running, then try again."
        wait(lambda: by_id(page, "version-emotion_ai").text == "server does not answer")
    finally:
        online = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        page.execute_cdp_cmd("Network.emulateNetworkConditions", online)


def test_a_model_that_is_not_there_is_told(browser: Chrome, page_without_models: str) -> None:
    page = open_page(browser, page_without_models)
    wait(lambda: by_id(page, "version-emotion_ai").text == "not available")
    by_id(page, "file").send_keys(str(ASTRONAUT))
    message = wait(lambda: by_id(page, "error").text)
    assert "The model emotion_ai is not available" in message
    assert "The model facial_keypoints is not available" in message


def test_all_can_be_done_with_the_keyboard(page: Chrome) -> None:
    reached = []
    for _ in range(2):
        ActionChains(page).send_keys(Keys.TAB).perform()
        reached.append(page.switch_to.active_element.get_attribute("id"))
    assert reached == ["file", "camera"]
    ActionChains(page).send_keys(Keys.ENTER).perform()
    wait(lambda: bars(page))
    ActionChains(page).send_keys(Keys.ENTER).perform()
    wait(lambda: by_id(page, "camera").text == "Use the camera")


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_is_wider_than_the_screen(page: Chrome, width: int) -> None:
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 800}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    try:
        by_id(page, "file").send_keys(str(ASTRONAUT))
        wait(lambda: bars(page))
        assert page.execute_script("return document.documentElement.scrollWidth <= window.innerWidth")
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_without_a_camera_it_is_told(served: LocalServer, tmp_path: Path) -> None:
    with chromium(tmp_path, None) as other:
        open_page(other, served.rest)
        by_id(other, "camera").click()
        message = wait(lambda: by_id(other, "error").text)
    assert message == "No camera found. Connect one, or choose a photo."
