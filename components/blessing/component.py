"""Interface of BlessingGen."""

from __future__ import annotations

import json
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from components.blessing import executor
from components.blessing.report import BlessingReport
from components.predictions import Predictions


class BlessingGenSpec(component_spec.ComponentSpec):
    """Parameters, inputs and outputs of BlessingGen."""

    PARAMETERS = {
        "model_name": component_spec.ExecutionParameter(type=str),
        "measures": component_spec.ExecutionParameter(type=str),
        "thresholds": component_spec.ExecutionParameter(type=str),
        "split": component_spec.ExecutionParameter(type=str),
        "code_fingerprint": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "model": component_spec.ChannelParameter(type=standard_artifacts.Model),
        "baseline_model": component_spec.ChannelParameter(type=standard_artifacts.Model, optional=True),
        "evaluation": component_spec.ChannelParameter(type=standard_artifacts.ModelEvaluation),
        "model_blessing": component_spec.ChannelParameter(type=standard_artifacts.ModelBlessing),
    }
    OUTPUTS = {
        "blessing": component_spec.ChannelParameter(type=standard_artifacts.ModelBlessing),
        "report": component_spec.ChannelParameter(type=BlessingReport),
        "predictions": component_spec.ChannelParameter(type=Predictions),
    }


class BlessingGen(base_component.BaseComponent):
    """The last word on a candidate, and its reasons.

    The Evaluator judges all rows together and leaves a yes or a no. This node judges slices, too, each only where it
    has enough rows; says of every threshold what was found, by how much it is kept and how sure that is; and names the
    rows to look at.
    """

    SPEC_CLASS = BlessingGenSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        model: types.BaseChannel,
        baseline_model: types.BaseChannel,
        evaluation: types.BaseChannel,
        model_blessing: types.BaseChannel,
        model_name: str,
        measures: str,
        thresholds: dict[str, Any],
        split: str,
        code_fingerprint: str,
    ) -> None:
        """Constructs the component.

        Args:
          examples: that were evaluated.
          model: the candidate.
          baseline_model: the last blessed one, where there is one.
          evaluation: TFMA's, of both.
          model_blessing: the Evaluator's; without it there is no blessing.
          model_name: for the report.
          measures: dotted path of the task's `Measures`.
          thresholds: 'all_rows': metric -> fields of `Limits`; 'slices': slicing feature -> the same; 'min_examples':
            a slice with fewer is not judged.
          split: of the examples.
          code_fingerprint: changes when this component's code or the measures' does.
        """
        super().__init__(
            spec=BlessingGenSpec(
                examples=examples,
                model=model,
                baseline_model=baseline_model,
                evaluation=evaluation,
                model_blessing=model_blessing,
                model_name=model_name,
                measures=measures,
                thresholds=json.dumps(thresholds),
                split=split,
                code_fingerprint=code_fingerprint,
                blessing=types.Channel(type=standard_artifacts.ModelBlessing),
                report=types.Channel(type=BlessingReport),
                predictions=types.Channel(type=Predictions),
            )
        )
