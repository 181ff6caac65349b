"""Interface of DataReport."""

from __future__ import annotations

import json
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from components.data_report import executor
from components.findings import Findings
from components.run_report.artifact import HtmlReport


class DataReportSpec(component_spec.ComponentSpec):
    """Parameters, inputs and outputs of DataReport."""

    PARAMETERS = {
        "branch": component_spec.ExecutionParameter(type=str),
        "parameters": component_spec.ExecutionParameter(type=str),
        "code_fingerprint": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "statistics": component_spec.ChannelParameter(type=standard_artifacts.ExampleStatistics),
        "anomalies": component_spec.ChannelParameter(type=standard_artifacts.ExampleAnomalies),
        "findings": component_spec.ChannelParameter(type=Findings),
    }
    OUTPUTS = {
        "statistics_html": component_spec.ChannelParameter(type=HtmlReport),
        "findings_html": component_spec.ChannelParameter(type=HtmlReport),
    }


class DataReport(base_component.BaseComponent):
    """Shows what a branch's data look like, and what is wrong with them, a page each, as the dashboard does.

    The gate is not before it: a branch that stops still shows why.
    """

    SPEC_CLASS = DataReportSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        statistics: types.BaseChannel,
        anomalies: types.BaseChannel,
        findings: types.BaseChannel,
        branch: str,
        parameters: dict[str, dict[str, Any]],
        code_fingerprint: str,
    ) -> None:
        """Constructs the component.

        Args:
          examples: of FaceCsvExampleGen.
          statistics: of the examples.
          anomalies: that ExampleValidator has found.
          findings: in the examples.
          branch: its name, with which the ids of its nodes begin.
          parameters: of nodes, by what their ids end with; read are csv_format of ExampleGen, and waivers and
            model_base_path of FindingsGen.
          code_fingerprint: changes when this component's code or the page's files do.
        """
        super().__init__(
            spec=DataReportSpec(
                examples=examples,
                statistics=statistics,
                anomalies=anomalies,
                findings=findings,
                branch=branch,
                parameters=json.dumps(parameters),
                code_fingerprint=code_fingerprint,
                statistics_html=types.Channel(type=HtmlReport),
                findings_html=types.Channel(type=HtmlReport),
            )
        )
