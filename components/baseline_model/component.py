"""Interface of BaselineModel."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from components.baseline_model import executor


class BaselineModelSpec(component_spec.ComponentSpec):
    """Parameters, inputs and outputs of BaselineModel."""

    PARAMETERS = {
        "model_base_path": component_spec.ExecutionParameter(type=str),
        "code_fingerprint": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {"candidate": component_spec.ChannelParameter(type=standard_artifacts.Model)}
    OUTPUTS = {"baseline": component_spec.ChannelParameter(type=standard_artifacts.Model)}


class BaselineModel(base_component.BaseComponent):
    """The newest blessed model of this branch at the time when a candidate first comes up for evaluation.

    TFX's Resolver is not implemented on Kubeflow Pipelines, and its LatestBlessedModelStrategy mixes up the
    branches of one DAG. Blessed models, and only those, stand in the branch's model base path: that is where
    this node looks. The model is copied, so that the evaluation can be repeated when the version is gone.

    The candidate is an input for the cache's sake: the same candidate meets the same baseline for ever, so
    that a run with nothing changed does not judge a model against itself after its own push.
    """

    SPEC_CLASS = BaselineModelSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(self, candidate: types.BaseChannel, model_base_path: str, code_fingerprint: str) -> None:
        """Constructs the component.

        Args:
          candidate: the model that is going to be evaluated.
          model_base_path: where the branch's Pusher puts its versions.
          code_fingerprint: changes when this component's code does.
        """
        super().__init__(
            spec=BaselineModelSpec(
                candidate=candidate,
                model_base_path=model_base_path,
                code_fingerprint=code_fingerprint,
                baseline=types.Channel(type=standard_artifacts.Model),
            )
        )
