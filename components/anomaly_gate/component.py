"""Interface of AnomalyGate."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from components.anomaly_gate import executor
from components.findings import Findings


class AnomalyGateSpec(component_spec.ComponentSpec):
    """Parameters, inputs and outputs of AnomalyGate."""

    PARAMETERS = {"code_fingerprint": component_spec.ExecutionParameter(type=str)}
    INPUTS = {
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "findings": component_spec.ChannelParameter(type=Findings),
    }
    OUTPUTS = {"passed_examples": component_spec.ChannelParameter(type=standard_artifacts.Examples)}


class AnomalyGate(base_component.BaseComponent):
    """Passes Examples on where no finding stops them, and fails where one does.

    ExampleValidator by itself only records what it finds: training would go on with bad data.
    """

    SPEC_CLASS = AnomalyGateSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(self, examples: types.BaseChannel, findings: types.BaseChannel, code_fingerprint: str) -> None:
        """Constructs the component.

        Args:
          examples: Examples to pass on.
          findings: what FindingsGen found in them.
          code_fingerprint: changes when this component's code does.
        """
        super().__init__(
            spec=AnomalyGateSpec(
                examples=examples,
                findings=findings,
                code_fingerprint=code_fingerprint,
                passed_examples=types.Channel(type=standard_artifacts.Examples),
            )
        )
