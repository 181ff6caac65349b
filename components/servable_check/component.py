"""Interface of ServableCheck."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from components.predictions import Predictions
from components.servable_check import executor


class ServableCheckSpec(component_spec.ComponentSpec):
    """Parameters, inputs and outputs of ServableCheck."""

    PARAMETERS = {
        "prediction_key": component_spec.ExecutionParameter(type=str),
        "max_first_request_ms": component_spec.ExecutionParameter(type=float),
        "max_median_ms": component_spec.ExecutionParameter(type=float),
        "max_memory_mb": component_spec.ExecutionParameter(type=float),
        "code_fingerprint": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        "model": component_spec.ChannelParameter(type=standard_artifacts.Model),
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "predictions": component_spec.ChannelParameter(type=Predictions),
    }
    OUTPUTS = {"blessing": component_spec.ChannelParameter(type=standard_artifacts.InfraBlessing)}


class ServableCheck(base_component.BaseComponent):
    """Blesses models that TensorFlow Serving can serve: same answers, no crash, quick enough, warm.

    It takes the place of TFX's InfraValidator, which needs Docker or Kubernetes and sends good requests only. The
    blessing has the same meaning to a Pusher. It holds the model with warm-up requests, and `servable_check.json`,
    which says what was looked at (see `components.servable_check.report`).

    Where the environment variable TF_MODEL_SERVER names a `tensorflow_model_server`, that one is asked; otherwise a
    TensorFlow session in a process of its own, which loads and runs the graph as the server does.
    """

    SPEC_CLASS = ServableCheckSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(
        self,
        model: types.BaseChannel,
        examples: types.BaseChannel,
        predictions: types.BaseChannel,
        prediction_key: str,
        max_first_request_ms: float,
        max_median_ms: float,
        max_memory_mb: float,
        code_fingerprint: str,
    ) -> None:
        """Constructs the component.

        Args:
          model: the candidate.
          examples: the rows of their split `test` are what is asked.
          predictions: what the candidate said of rows of that split when it was evaluated.
          prediction_key: name of the output of the signatures that `predictions` hold.
          max_first_request_ms: for the first request to a signature after the warm-up.
          max_median_ms: for requests of a single image, their median.
          max_memory_mb: by how much loading and serving the model may make a process grow; with a real server, how
            large the server may become.
          code_fingerprint: changes when this component's code does.
        """
        super().__init__(
            spec=ServableCheckSpec(
                model=model,
                examples=examples,
                predictions=predictions,
                prediction_key=prediction_key,
                max_first_request_ms=max_first_request_ms,
                max_median_ms=max_median_ms,
                max_memory_mb=max_memory_mb,
                code_fingerprint=code_fingerprint,
                blessing=types.Channel(type=standard_artifacts.InfraBlessing),
            )
        )
