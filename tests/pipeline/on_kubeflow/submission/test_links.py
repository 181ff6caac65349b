from __future__ import annotations

import pytest

from pipeline.on_kubeflow.submission.links import run_link, schedule_link


@pytest.mark.parametrize(
    ("host", "namespace", "link"),
    [
        ("http://localhost:8080", "", "http://localhost:8080/#/runs/details/r"),
        ("https://kf.org/pipeline", "", "https://kf.org/pipeline/#/runs/details/r"),
        # Kubeflow's dashboard, with profiles.
        ("https://kf.org/pipeline", "team", "https://kf.org/_/pipeline/?ns=team#/runs/details/r"),
        # The UI of the pipelines alone, by a port-forward.
        ("http://localhost:8080", "team", "http://localhost:8080/#/runs/details/r"),
    ],
)
def test_pages_of_runs(host: str, namespace: str, link: str) -> None:
    assert run_link(host, namespace, "r") == link


def test_pages_of_schedules() -> None:
    assert schedule_link("http://localhost:8080", "", "s") == "http://localhost:8080/#/recurringrun/details/s"
