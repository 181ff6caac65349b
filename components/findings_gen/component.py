"""Interface of FindingsGen."""

from __future__ import annotations

import json

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from components.face_csv_example_gen.csv_format import FaceCsvFormat
from components.findings import Findings
from components.findings_gen import executor


class FindingsGenSpec(component_spec.ComponentSpec):
    """Parameters, inputs and outputs of FindingsGen."""

    PARAMETERS = {
        "data_set": component_spec.ExecutionParameter(type=str),
        "csv_format": component_spec.ExecutionParameter(type=str),
        "max_bad_rows": component_spec.ExecutionParameter(type=float),
        "waivers": component_spec.ExecutionParameter(type=str),
        "model_base_path": component_spec.ExecutionParameter(type=str),
        "code_fingerprint": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "statistics": component_spec.ChannelParameter(type=standard_artifacts.ExampleStatistics),
        "anomalies": component_spec.ChannelParameter(type=standard_artifacts.ExampleAnomalies),
        "schema": component_spec.ChannelParameter(type=standard_artifacts.Schema),
    }
    OUTPUTS = {"findings": component_spec.ChannelParameter(type=Findings)}


class FindingsGen(base_beam_component.BaseBeamComponent):
    """Gathers all that is wrong with the Examples, and what of it somebody has waived.

    TFDV's anomalies, drift and skew; the rows in quarantine; and what TFDV does not look at: the pictures, their
    copies, the layouts of the points. It only records. AnomalyGate, which stops, is another node: TFX removes what a
    failed node has written, and people must be able to read what stopped them.
    """

    SPEC_CLASS = FindingsGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        statistics: types.BaseChannel,
        anomalies: types.BaseChannel,
        schema: types.BaseChannel,
        data_set: str,
        csv_format: FaceCsvFormat,
        max_bad_rows: float,
        waivers: list[dict[str, object]],
        model_base_path: str,
        code_fingerprint: str,
    ) -> None:
        """Constructs the component.

        Args:
          examples: of FaceCsvExampleGen.
          statistics: of the examples.
          anomalies: that ExampleValidator found in the statistics.
          schema: curated; its comparators are the limits of drift and skew.
          data_set: its name.
          csv_format: of the file that the examples are from.
          max_bad_rows: share of rows that may be in quarantine.
          waivers: fields of `Waiver`, each.
          model_base_path: has the served model with its training data's statistics, for drift. The same data are
            always compared with what was served when they were first seen: otherwise the cache would end with each
            push.
          code_fingerprint: changes when this component's code does.
        """
        super().__init__(
            spec=FindingsGenSpec(
                examples=examples,
                statistics=statistics,
                anomalies=anomalies,
                schema=schema,
                data_set=data_set,
                csv_format=csv_format.to_json(),
                max_bad_rows=max_bad_rows,
                waivers=json.dumps(waivers),
                model_base_path=model_base_path,
                code_fingerprint=code_fingerprint,
                findings=types.Channel(type=Findings),
            )
        )
