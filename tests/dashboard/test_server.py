"""What the server answers, to whom, and what it never gives away."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from dashboard.connection import connection_config
from dashboard.errors import UsageError
from dashboard.runs import open_store
from dashboard.sections.runs import headline_metrics
from dashboard.server import serve
from tests.dashboard.conftest import FAILED, FIRST, RUNNING, SECOND, Showcase

PAGES = ["/", f"/runs/{FIRST}", f"/runs/{FAILED}", f"/runs/{RUNNING}", "/compare", "/models"]


def raw(address: str, path: str, **headers: str) -> tuple[int, bytes]:
    """Status and body of a request that is sent as it is written."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    connection.putrequest("GET", path, skip_host="Host" in headers)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    return answer.status, answer.read()


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_there_and_keep_to_this_host(address: str, path: str) -> None:
    answer = requests.get(address + path, timeout=60)
    assert answer.status_code == 200
    assert "<h1>" in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "http" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


def test_the_list_has_states_metrics_and_versions(address: str) -> None:
    page = requests.get(address, timeout=60).text
    assert page.index(f"/runs/{RUNNING}") < page.index(f"/runs/{FAILED}") < page.index(f"/runs/{FIRST}")
    assert "emotion_ai: accuracy 0." in page
    assert "facial_keypoints: RMSE (px)" in page
    assert "emotion_ai 1700000002" in page
    assert "secret" not in page


def test_a_version_leads_to_its_lineage(address: str) -> None:
    page = requests.get(f"{address}/models", timeout=60).text
    link = page.split('href="/models/')[1].split('"')[0]
    lineage = requests.get(f"{address}/models/{link}", timeout=60).text
    assert "facial_keypoints 1700000002" in lineage
    assert "training.csv" in lineage


def test_two_runs_are_compared(address: str) -> None:
    page = requests.get(f"{address}/compare", {"a": FIRST, "b": SECOND}, timeout=60).text
    assert "Trainer.custom_config.training.epochs" in page


def test_a_report_is_a_file_of_its_own(address: str) -> None:
    answer = requests.get(f"{address}/runs/{SECOND}/report.html", timeout=60)
    assert answer.headers["content-disposition"] == f'attachment; filename="report-{SECOND}.html"'
    assert "/static/" not in answer.text.replace("plotly", "")
    assert len(answer.content) < 10_000_000


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/runs/unknown",
        "/runs/unknown/state",
        "/runs/unknown/report.html",
        f"/compare?a={FIRST}&b=unknown",
        "/models/999999",
        "/models/abc",
        "/static/../server.py",
        "/static/..%2fserver.py",
        "/static/%2e%2e/server.py",
        "/static//etc/passwd",
        "/runs/..%2f..%2fetc%2fpasswd",
    ],
)
def test_what_is_not_there_is_a_page_that_says_so(address: str, path: str) -> None:
    status, body = raw(address, path)
    assert status == 404
    assert b"<h1>Not found</h1>" in body
    assert b"root:" not in body


def test_an_unknown_run_gets_no_hint_for_the_command_line(address: str) -> None:
    _, body = raw(address, "/runs/unknown")
    assert b"There is no run of this name." in body
    assert b"emotion-ai report" not in body


def test_names_in_addresses_are_escaped(address: str) -> None:
    _, body = raw(address, "/runs/%3Cscript%3Ealert(1)%3C%2Fscript%3E")
    assert b"<script>alert" not in body


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "0.0.0.0"])
def test_other_names_are_refused(address: str, host: str) -> None:
    status, body = raw(address, "/", Host=host)
    assert status == 421
    assert b"<h1>" not in body


@pytest.mark.parametrize("host", ["localhost:8600", "127.0.0.1", "[::1]:8600", "LOCALHOST"])
def test_names_of_this_machine_are_not(address: str, host: str) -> None:
    assert raw(address, "/state", Host=host)[0] == 200


def test_states_tell_whether_to_look_again(address: str) -> None:
    running = requests.get(f"{address}/runs/{RUNNING}/state", timeout=60).json()
    assert running["running"]
    assert running["text"] == "Run running: EmotionTrainer running; 8 done, 1 running, 7 waiting."
    ended = requests.get(f"{address}/runs/{SECOND}/state", timeout=60).json()
    assert not ended["running"]
    assert ended["version"] != running["version"]
    assert requests.get(f"{address}/state", timeout=60).json()["running"]


def test_scripts_may_be_kept_and_change_their_address_with_their_content(address: str) -> None:
    page = requests.get(address, timeout=60).text
    [script] = [part.split('"')[0] for part in page.split('src="') if part.startswith("/static/plotly.js")]
    answer = requests.get(address + script, timeout=60)
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "?" in script


def test_nothing_can_be_changed(address: str) -> None:
    assert requests.post(f"{address}/runs/{FIRST}", timeout=60).status_code == 405


def test_the_list_does_not_import_tensorflow(showcase: Showcase) -> None:
    code = (
        "import sys; from dashboard.connection import connection_config; from dashboard.pages import Pages; "
        "assert 'run-1' in Pages(connection_config(sys.argv[1])).runs(); assert 'tensorflow' not in sys.modules"
    )
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", code, str(showcase.path)], check=True, cwd=root, timeout=60)


def test_a_port_that_is_taken_is_explained(showcase: Showcase) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"127.0.0.1:{port}: cannot be listened on"):
            serve(showcase.connection, port=port)


def test_a_port_that_cannot_be_is_explained(showcase: Showcase) -> None:
    with pytest.raises(UsageError, match="--port 99999: there is none"):
        serve(showcase.connection, port=99_999)


def test_a_file_of_something_else_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    path.write_bytes(b"SQLite format 3\0" + b"?" * 5000)
    for read in (serve, open_store):
        with pytest.raises(UsageError, match="ML Metadata cannot be read"):
            read(connection_config(str(path)))


def test_a_report_without_metrics_keeps_nobody_from_the_list() -> None:
    assert headline_metrics({"thresholds": []}) == ""
    assert headline_metrics({"model_name": "toy", "thresholds": [], "metrics": {}}) == "toy: "
