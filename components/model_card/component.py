"""Interface of ModelCardGen."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.orchestration import data_types
from tfx.types import component_spec, standard_artifacts

from components.blessing.report import BlessingReport
from components.findings import Findings
from components.model_card import executor
from components.model_card.artifact import ModelCard


class ModelCardGenSpec(component_spec.ComponentSpec):
    """Parameters, inputs and outputs of ModelCardGen."""

    PARAMETERS = {
        "model_name": component_spec.ExecutionParameter(type=str),
        "data_fingerprint": component_spec.ExecutionParameter(type=str),
        "training": component_spec.ExecutionParameter(type=str),
        "settings": component_spec.ExecutionParameter(type=str),
        "commit": component_spec.ExecutionParameter(type=str),
        "description": component_spec.ExecutionParameter(type=str),
        "code_fingerprint": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "schema": component_spec.ChannelParameter(type=standard_artifacts.Schema),
        "findings": component_spec.ChannelParameter(type=Findings),
        "report": component_spec.ChannelParameter(type=BlessingReport),
        "hyperparameters": component_spec.ChannelParameter(type=standard_artifacts.HyperParameters, optional=True),
    }
    OUTPUTS = {"model_card": component_spec.ChannelParameter(type=ModelCard)}


class ModelCardGen(base_component.BaseComponent):
    """Writes down what a model is for, what it learned from, how good it is, and how it came about.

    After Mitchell et al., "Model Cards for Model Reporting" (2019). A model that was refused has a card, too.
    """

    SPEC_CLASS = ModelCardGenSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        schema: types.BaseChannel,
        findings: types.BaseChannel,
        report: types.BaseChannel,
        model_name: str,
        data_fingerprint: str | data_types.RuntimeParameter,
        training: str | data_types.RuntimeParameter,
        settings: str,
        commit: str,
        description: str,
        code_fingerprint: str,
        hyperparameters: types.BaseChannel | None = None,
    ) -> None:
        """Constructs the component.

        Args:
          examples: of FaceCsvExampleGen, with its row counts.
          schema: curated.
          findings: in the examples.
          report: the verdict on the model.
          model_name: TensorFlow Serving's name of the model.
          data_fingerprint: of the CSV.
          training: JSON object with the training settings as `training`.
          settings: JSON object of the other settings, thresholds above all.
          commit: of the code.
          description: JSON object with the lists of sentences 'intended_use', 'limits', 'inputs' and 'outputs'.
          code_fingerprint: changes when this component's code or its template does.
          hyperparameters: of a Tuner; they are shown in the place of the training settings that they replace.
        """
        super().__init__(
            spec=ModelCardGenSpec(
                examples=examples,
                schema=schema,
                findings=findings,
                report=report,
                hyperparameters=hyperparameters,
                model_name=model_name,
                data_fingerprint=data_fingerprint,
                training=training,
                settings=settings,
                commit=commit,
                description=description,
                code_fingerprint=code_fingerprint,
                model_card=types.Channel(type=ModelCard),
            )
        )
