"""Addresses of pages of Kubeflow Pipelines' UI."""

from __future__ import annotations


def run_link(host: str, namespace: str, run_id: str) -> str:
    """Page of a run.

    Args:
      host: of the API, as `connection.usable_host` gives it.
      namespace: "" where Kubeflow Pipelines has one user.
      run_id: of the run.
    """
    return f"{_ui(host, namespace)}#/runs/details/{run_id}"


def schedule_link(host: str, namespace: str, schedule_id: str) -> str:
    """Page of a recurring run, like `run_link`."""
    return f"{_ui(host, namespace)}#/recurringrun/details/{schedule_id}"


def _ui(host: str, namespace: str) -> str:
    if namespace and host.endswith("/pipeline"):
        # Kubeflow's dashboard shows /pipeline in a frame, and tells it the namespace.
        return f"{host.removesuffix('/pipeline')}/_/pipeline/?ns={namespace}"
    return f"{host}/"
