"""The whole DAG, on one page."""

from __future__ import annotations

from tfx.orchestration.pipeline import Pipeline

from pipeline.branch import Source, create_branch
from pipeline.config import Settings
from pipeline.deployment import Deployment
from pipeline.tasks import TASKS

PIPELINE_NAME = "emotion-ai"


def create_pipeline(
    settings: Settings,
    sources: dict[str, Source],
    deployment: Deployment,
    *,
    pipeline_root: str,
    metadata_connection_config: object | None = None,
) -> Pipeline:
    """The TFX pipeline, for every orchestrator.

    Two branches that share nothing but their shape (see branch.py). Where the settings ask for it, a Tuner stands
    between Transform and Trainer.

        FaceCsvExampleGen - StatisticsGen - ExampleValidator - FindingsGen - AnomalyGate - Transform - Trainer - ...
                                   |                |               |   |                    |
                                   |                |               |   +- DataReport        |
                            CuratedSchema ----------+---------------+------------------------+

        ... Trainer - Evaluator - BlessingGen - ServableCheck --+-- Pusher
                          |            |                         |
                    BaselineModel -----+------ ModelCardGen -----+-- RunReport

    Args:
      settings: training and thresholds of both branches.
      sources: task name -> its CSV.
      deployment: where it runs.
      pipeline_root: folder or bucket for artifacts.
      metadata_connection_config: of ML Metadata, where the orchestrator does not bring its own.
    """
    return Pipeline(
        pipeline_name=PIPELINE_NAME,
        pipeline_root=pipeline_root,
        components=[
            node
            for task in TASKS
            for node in create_branch(
                task, sources[task.name], settings.of_task(task.name), settings.serving, deployment
            )
        ],
        enable_cache=True,
        metadata_connection_config=metadata_connection_config,
        beam_pipeline_args=list(deployment.beam_pipeline_args),
    )
