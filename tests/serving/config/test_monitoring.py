"""Prometheus and Grafana: they accept the files, and ask for what the server really exposes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from serving.config.files import read_monitoring_config
from tests.serving.config.shipped import COMPOSE, FOLDER, of_kind
from tests.serving.config.upstream import METRICS, STATUSES

MONITORING = FOLDER / "monitoring"
PROMETHEUS: dict[str, Any] = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
ALERTS: dict[str, Any] = yaml.safe_load((MONITORING / "alerts.yml").read_text())
RULES = ALERTS["groups"][0]["rules"]
BOARD: dict[str, Any] = json.loads((MONITORING / "grafana" / "serving.json").read_text())
PANELS = BOARD["panels"]
ON_BOARD = [target["expr"] for panel in PANELS for target in panel["targets"]]


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed")
    return subprocess.run(["promtool", *arguments], capture_output=True, text=True, timeout=60, cwd=MONITORING)


def succeeds(result: subprocess.CompletedProcess[str]) -> None:
    assert result.returncode == 0, result.stdout + result.stderr


def test_prometheus_takes_its_configuration() -> None:
    succeeds(promtool("check", "config", "prometheus.yml"))


def test_alerts_fire_when_they_should_and_only_then() -> None:
    succeeds(promtool("test", "rules", "alerts_test.yml"))
    tests = yaml.safe_load((MONITORING / "alerts_test.yml").read_text())["tests"]
    fired = {each["alertname"] for test in tests for each in test["alert_rule_test"] if "exp_alerts" in each}
    assert fired == {rule["alert"] for rule in RULES}


def test_an_alert_that_never_fires_would_be_found(tmp_path: Path) -> None:
    text = (MONITORING / "alerts.yml").read_text()
    (tmp_path / "alerts.yml").write_text(text.replace(":tensorflow:", ":tensor:"))
    shutil.copy(MONITORING / "alerts_test.yml", tmp_path)
    assert promtool("test", "rules", str(tmp_path / "alerts_test.yml")).returncode != 0


def check_expressions(expressions: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """promtool parses expressions in rules only, and knows nothing of Grafana's variables."""
    plain = [expr.replace("$__rate_interval", "5m") for expr in expressions]
    rules = [{"record": f"board:{number}", "expr": expr} for number, expr in enumerate(plain)]
    (folder / "board.yml").write_text(yaml.safe_dump({"groups": [{"name": "board", "rules": rules}]}))
    return promtool("check", "rules", str(folder / "board.yml"))


def test_every_expression_on_the_board_parses(tmp_path: Path) -> None:
    succeeds(check_expressions(ON_BOARD, tmp_path))
    assert check_expressions([ON_BOARD[0] + ")"], tmp_path).returncode != 0


@pytest.mark.parametrize("expr", [*ON_BOARD, *(rule["expr"] for rule in RULES)])
def test_what_is_asked_for_is_exposed(expr: str) -> None:
    names = set(re.findall(r":tensorflow[\w:]+", expr))
    assert names <= set(METRICS)
    if not names:
        assert expr == 'up{job="tensorflow-serving"} == 0'
        return
    labels = {"instance", *(label for name in names for label in METRICS[name])}
    matched = {
        label for matchers in re.findall(r"{(.*?)}", expr) for label in re.findall(r"(\w+)\s*[=!]~?\"", matchers)
    }
    grouped = {label for group in re.findall(r"by \((.*?)\)", expr) for label in group.split(", ")}
    assert matched | grouped <= labels
    statuses = {status for value in re.findall(r'status[=!]~?"([A-Z_|]+)"', expr) for status in value.split("|")}
    assert statuses <= STATUSES


def test_the_board_shows_what_is_promised() -> None:
    shown = {panel["title"]: panel for panel in PANELS}
    assert list(shown) == [
        "Requests by status",
        "Share of errors",
        "Request latency",
        "Runtime latency",
        "Wait for a batch",
        "Attempts to load a version",
        "Time to load a version",
    ]
    for title in ("Request latency", "Runtime latency"):
        quantiles = [re.search(r"histogram_quantile\(([\d.]+)", target["expr"]) for target in shown[title]["targets"]]
        assert [quantile.group(1) for quantile in quantiles if quantile] == ["0.5", "0.95", "0.99"]
        # The server counts microseconds.
        assert shown[title]["fieldConfig"]["defaults"]["unit"] == "µs"


def test_panels_do_not_overlap_and_read_the_provisioned_source() -> None:
    cells = [
        (panel["gridPos"]["x"] + x, panel["gridPos"]["y"] + y)
        for panel in PANELS
        for x in range(panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23
    [source] = yaml.safe_load((MONITORING / "grafana" / "datasource.yml").read_text())["datasources"]
    used = [panel["datasource"] for panel in PANELS] + [t["datasource"] for panel in PANELS for t in panel["targets"]]
    assert all(each == {"type": source["type"], "uid": source["uid"]} for each in used)
    assert source["url"] == "http://prometheus:9090"
    assert "prometheus" in COMPOSE["services"]


def test_grafana_finds_the_board_where_it_is_mounted() -> None:
    [provider] = yaml.safe_load((MONITORING / "grafana" / "boards.yml").read_text())["providers"]
    grafana = COMPOSE["services"]["grafana"]
    mounts = dict(mount.removesuffix(":ro").split(":") for mount in grafana["volumes"])
    board = mounts["./monitoring/grafana/serving.json"]
    assert str(Path(board).parent) == provider["options"]["path"]
    assert grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] == board


def test_metrics_are_read_where_the_server_puts_them() -> None:
    path = read_monitoring_config(FOLDER / "monitoring.config").prometheus_config.path
    [job] = PROMETHEUS["scrape_configs"]
    assert job["metrics_path"] == path
    assert job["static_configs"] == [{"targets": ["tensorflow-serving:8501"]}]
    annotations = of_kind("Deployment")["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/path"] == path
