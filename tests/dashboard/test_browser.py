"""The pages in a real browser: they work, ask no other host, fit a phone, and are accessible."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests
from axe_core_python.selenium import Axe
from ml_metadata.metadata_store import metadata_store
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from dashboard.connection import connection_config
from dashboard.report import part, render_sections
from dashboard.runs import read_run
from pipeline.run_record import RECORD
from tests.browser import chromium, needs_chromium
from tests.dashboard.conftest import FAILED, FIRST, RUNNING, SECOND, Showcase, serving
from tests.dashboard.stores import StoreBuilder

pytestmark = needs_chromium

DESKTOP, PHONE = (1400, 900), (390, 844)
RUN_PAGES = [f"/runs/{name}" for name in (SECOND, FAILED, RUNNING)]
PAGES = ["/", *RUN_PAGES, f"/compare?a={FIRST}&b={SECOND}", "/models", "/nothing"]
Browser = webdriver.Chrome
Store = metadata_store.MetadataStore


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("browser"), None) as driver:
        driver.set_script_timeout(60)
        yield driver


@pytest.fixture(autouse=True)
def fresh(browser: Browser) -> None:
    resize(browser, DESKTOP)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    browser.get("about:blank")
    for log in ("browser", "performance"):
        browser.get_log(log)


def resize(browser: Browser, size: tuple[int, int]) -> None:
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": size == PHONE}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def draw_all(browser: Browser) -> None:
    """Charts are drawn when they come into view."""
    for plot in browser.find_elements(By.CSS_SELECTOR, ".plot"):
        if plot.is_displayed():
            browser.execute_script("arguments[0].scrollIntoView({behavior: 'instant'})", plot)
            wait_for(browser, lambda plot=plot: plot.find_elements(By.CSS_SELECTOR, "svg.main-svg"))


def wait_for(browser: Browser, what: object) -> None:
    WebDriverWait(browser, 20).until(lambda _: what())  # type: ignore[operator]


def hosts_asked(browser: Browser) -> set[str]:
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    return {urlsplit(url).netloc for url in sent if urlsplit(url).scheme in ("http", "https", "ws", "wss")}


def complaints(browser: Browser) -> list[str]:
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]


@pytest.mark.parametrize("path", ["/", *RUN_PAGES])
def test_pages_work_and_ask_no_other_host(browser: Browser, address: str, path: str) -> None:
    browser.get(address + path)
    draw_all(browser)
    assert complaints(browser) == []
    assert hosts_asked(browser) == {urlsplit(address).netloc}


def test_a_report_works_as_a_file(browser: Browser, address: str, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_bytes(requests.get(f"{address}/runs/{SECOND}/report.html", timeout=60).content)
    browser.get(path.as_uri())
    draw_all(browser)
    assert browser.find_elements(By.CSS_SELECTOR, "svg.main-svg")
    assert complaints(browser) == []
    assert hosts_asked(browser) == set()


def test_a_report_works_in_the_frame_of_kubeflow(browser: Browser, store: Store, tmp_path: Path) -> None:
    branch = read_run(store, SECOND).branches[0]
    page = render_sections(branch, part(branch, "evaluation"))
    # As HTMLViewer.tsx has it: no address, no storage, and links are resolved against the page around the frame.
    frame = '<iframe sandbox="allow-scripts" style="width: 1200px; height: 800px"></iframe>'
    script = f"document.querySelector('iframe').srcdoc = {json.dumps(page)}".replace("</", "<\\/")
    path = tmp_path / "ui.html"
    path.write_text(f'<meta charset="utf-8"><h1>Kubeflow</h1>{frame}<script>{script}</script>')
    browser.get(path.as_uri())
    browser.switch_to.frame(browser.find_element(By.TAG_NAME, "iframe"))
    draw_all(browser)
    assert browser.find_elements(By.CSS_SELECTOR, "svg.main-svg")

    cell = browser.find_element(By.CSS_SELECTOR, '.heat-map a[href^="#emotion-evaluation-"]')
    anchor = str(cell.get_dom_attribute("href")).removeprefix("#")
    for _ in range(2):
        browser.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", cell)
        cell.click()
        wait_for(browser, lambda: browser.find_element(By.CSS_SELECTOR, f"#{anchor} .gallery li").is_displayed())
        assert browser.switch_to.active_element.tag_name == "summary"
    assert browser.find_element(By.TAG_NAME, "h1").text == "Emotion"
    assert complaints(browser) == []
    assert hosts_asked(browser) == set()


def test_a_confusion_cell_shows_its_faces(browser: Browser, address: str) -> None:
    browser.get(f"{address}/runs/{SECOND}")
    cell = browser.find_element(By.CSS_SELECTOR, '.heat-map a[href^="#emotion-evaluation-"]')
    anchor = str(cell.get_attribute("href")).rsplit("#", 1)[1]
    faces = browser.find_elements(By.CSS_SELECTOR, f"#{anchor} .gallery li")
    assert faces
    assert not faces[0].is_displayed()
    browser.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", cell)
    cell.click()
    wait_for(browser, faces[0].is_displayed)
    assert "row " in faces[0].text


def test_a_node_of_the_picture_leads_to_its_row(browser: Browser, address: str) -> None:
    browser.get(f"{address}/runs/{SECOND}")
    browser.find_element(By.CSS_SELECTOR, '.dag a[href="#node-KeypointsPusher"] rect').click()
    row = browser.find_element(By.ID, "node-KeypointsPusher")
    wait_for(browser, lambda: -1 <= browser.execute_script("return arguments[0].getBoundingClientRect().y", row) < 900)


def test_two_runs_are_chosen_and_compared(browser: Browser, address: str) -> None:
    browser.get(address)
    Select(browser.find_element(By.NAME, "a")).select_by_value(FIRST)
    Select(browser.find_element(By.NAME, "b")).select_by_value(SECOND)
    browser.find_element(By.CSS_SELECTOR, ".choice button").click()
    wait_for(browser, lambda: browser.find_elements(By.ID, "compare-emotion-metrics"))
    assert "epochs" in browser.find_element(By.ID, "compare-emotion-settings").text
    assert complaints(browser) == []


@pytest.mark.parametrize("path", PAGES)
def test_a_phone_need_not_scroll_sideways(browser: Browser, address: str, path: str) -> None:
    resize(browser, PHONE)
    browser.get(address + path)
    draw_all(browser)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= PHONE[0]


@pytest.mark.parametrize(
    ("path", "scheme"), [*((path, "light") for path in PAGES), ("/", "dark"), (f"/runs/{SECOND}", "dark")]
)
def test_pages_are_accessible(browser: Browser, address: str, path: str, scheme: str) -> None:
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    browser.get(address + path)
    browser.execute_script("document.querySelectorAll('details').forEach((part) => (part.open = true))")
    draw_all(browser)
    violations = Axe().run(browser, options={"resultTypes": ["violations"]})["violations"]
    serious = [
        (violation["id"], violation["help"], [node["html"][:200] for node in violation["nodes"][:5]])
        for violation in violations
        if violation["impact"] in ("serious", "critical")
    ]
    assert serious == []


def test_a_running_run_is_followed(browser: Browser, showcase: Showcase, tmp_path: Path) -> None:
    path = Path(shutil.copy(showcase.path, tmp_path / "metadata.sqlite"))
    store = StoreBuilder(path).store
    with serving(connection_config(str(path))) as address:
        browser.get(f"{address}/runs/{RUNNING}")
        row = browser.find_element(By.ID, "node-EmotionTrainer")
        assert "running" in row.text
        details = browser.find_element(By.CSS_SELECTOR, "#node-EmotionExampleGen details")
        details.find_element(By.TAG_NAME, "summary").click()

        run = store.get_context_by_type_and_name("pipeline_run", RUNNING)
        record = json.loads(run.custom_properties[RECORD].string_value)
        outcome = {"state": "failed", "seconds": 3.0, "message": "the disk is full"}
        record.update(ended=True, outcomes={**record["outcomes"], "EmotionTrainer": outcome})
        run.custom_properties[RECORD].string_value = json.dumps(record)
        store.put_contexts([run])

        status = browser.find_element(By.ID, "live")
        wait_for(browser, lambda: "failed" in status.text)
        assert status.get_attribute("aria-live") == "polite"
        assert "the disk is full" in browser.find_element(By.ID, "run-overview").text
        assert "failed" in browser.find_element(By.ID, "node-EmotionTrainer").text
        details = browser.find_element(By.CSS_SELECTOR, "#node-EmotionExampleGen details")
        assert details.get_attribute("open"), "what somebody has unfolded stays so"
        assert complaints(browser) == []
