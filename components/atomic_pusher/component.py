"""Interface of AtomicPusher."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts

from components.atomic_pusher import executor
from components.model_card.artifact import ModelCard


class AtomicPusherSpec(component_spec.ComponentSpec):
    """Parameters, inputs and outputs of AtomicPusher."""

    PARAMETERS = {
        "model_base_path": component_spec.ExecutionParameter(type=str),
        "run_id": component_spec.ExecutionParameter(type=str),
        "keep_versions": component_spec.ExecutionParameter(type=int, optional=True),
    }
    INPUTS = {
        "model": component_spec.ChannelParameter(type=standard_artifacts.Model),
        "model_blessing": component_spec.ChannelParameter(type=standard_artifacts.ModelBlessing),
        "statistics": component_spec.ChannelParameter(type=standard_artifacts.ExampleStatistics),
        "infra_blessing": component_spec.ChannelParameter(type=standard_artifacts.InfraBlessing, optional=True),
        "model_card": component_spec.ChannelParameter(type=ModelCard, optional=True),
    }
    OUTPUTS = {"pushed_model": component_spec.ChannelParameter(type=standard_artifacts.PushedModel)}


class AtomicPusher(base_component.BaseComponent):
    """A Pusher that TensorFlow Serving can poll at any moment, and that pushes no model twice.

    The stock Pusher copies file by file into the version's own folder, and pushes the same model again as
    soon as something before it ran again. Here a version appears and disappears whole, also where a push is
    killed or the disk is full, and a model that was withdrawn is not pushed again. That takes a file system
    with an atomic rename; an object store has none.
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
        keep_versions: int | None = None,
        infra_blessing: types.BaseChannel | None = None,
        model_card: types.BaseChannel | None = None,
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
          keep_versions: how many versions stay, the newest ones; None for all. With 1 there is none to roll
            back to, and a server may find the version gone that it is about to load.
          infra_blessing: the InfraValidator's verdict. Where it has a model inside, one with warm-up requests,
            that is pushed instead of `model`.
          model_card: is copied into the version's assets.extra/.

        Raises:
          ValueError: keep_versions is less than 1.
        """
        if keep_versions is not None and keep_versions < 1:
            raise ValueError(f"keep_versions is {keep_versions}; the newest version always stays")
        super().__init__(
            spec=AtomicPusherSpec(
                model=model,
                model_blessing=model_blessing,
                statistics=statistics,
                infra_blessing=infra_blessing,
                model_card=model_card,
                model_base_path=model_base_path,
                run_id=run_id,
                keep_versions=keep_versions,
                pushed_model=types.Channel(type=standard_artifacts.PushedModel),
            )
        )
