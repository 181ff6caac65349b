"""Interface of AtomicPusher."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from components.atomic_pusher import executor


class AtomicPusherSpec(component_spec.ComponentSpec):
    """Parameters, inputs and outputs of AtomicPusher."""

    PARAMETERS = {
        "model_base_path": component_spec.ExecutionParameter(type=str),
        "run_id": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        "model": component_spec.ChannelParameter(type=standard_artifacts.Model),
        "model_blessing": component_spec.ChannelParameter(type=standard_artifacts.ModelBlessing),
        "statistics": component_spec.ChannelParameter(type=standard_artifacts.ExampleStatistics),
    }
    OUTPUTS = {"pushed_model": component_spec.ChannelParameter(type=standard_artifacts.PushedModel)}


class AtomicPusher(base_component.BaseComponent):
    """A Pusher that TensorFlow Serving can poll at any moment, and that pushes no model twice.

    The stock Pusher copies file by file into the version's own folder, and pushes the same model again as
    soon as something before it ran again.
    """

    SPEC_CLASS = AtomicPusherSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(
        self,
        model: types.BaseChannel,
        model_blessing: types.BaseChannel,
        statistics: types.BaseChannel,
        model_base_path: str,
        run_id: str,
    ) -> None:
        """Constructs the component.

        Args:
          model: the candidate.
          model_blessing: the Evaluator's verdict.
          statistics: of the examples; those of `train` are pushed beside the model, so that later data can be
            compared with what the served model has learned from.
          model_base_path: gets a folder for each version.
          run_id: another one for each run, so that the node always looks at what is there instead of being
            cached: somebody may have removed a version.
        """
        super().__init__(
            spec=AtomicPusherSpec(
                model=model,
                model_blessing=model_blessing,
                statistics=statistics,
                model_base_path=model_base_path,
                run_id=run_id,
                pushed_model=types.Channel(type=standard_artifacts.PushedModel),
            )
        )
