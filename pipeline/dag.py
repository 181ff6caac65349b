"""The whole DAG, on one page."""

from __future__ import annotations

from tfx.orchestration.pipeline import Pipeline

from pipeline.branch import Source, create_branch
from pipeline.config import Settings
from pipeline.tasks import TASKS

PIPELINE_NAME = "emotion-ai"

BEAM_PIPELINE_ARGS = (
    # By its full name: newer Beam's DirectRunner first tries to download another runner.
    "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner",
    # The workers are threads of this process. Where no image is named, TFX packs its own sources up for remote ones: a
    # second and a half at each node, and 3 MB in the temporary folder that nobody removes.
    "--sdk_container_image=none",
)


def create_pipeline(
    settings: Settings,
    sources: dict[str, Source],
    *,
    pipeline_root: str,
    models_root: str,
    run_id: str,
    metadata_connection_config: object | None = None,
) -> Pipeline:
    """The TFX pipeline, for every orchestrator.

    Two branches that share nothing but their shape (see branch.py):

        FaceCsvExampleGen - StatisticsGen - ExampleValidator - FindingsGen - AnomalyGate - Transform - Trainer - ...
                                   |                |               |                        |
                            CuratedSchema ----------+---------------+------------------------+

        ... Trainer - Evaluator - BlessingGen - ServableCheck --+-- Pusher
                          |            |                         |
                    BaselineModel -----+------ ModelCardGen -----+-- RunReport

    Args:
      settings: training and thresholds of both branches.
      sources: task name -> its CSV.
      pipeline_root: folder or bucket for artifacts.
      models_root: folder or bucket that gets `<model name>/<version>/`, TensorFlow Serving's model base paths.
      run_id: another one for each run.
      metadata_connection_config: of ML Metadata, where the orchestrator does not bring its own.
    """
    return Pipeline(
        pipeline_name=PIPELINE_NAME,
        pipeline_root=pipeline_root,
        components=[
            node
            for task in TASKS
            for node in create_branch(
                task, sources[task.name], settings.of_task(task.name), settings.serving, models_root, run_id
            )
        ],
        enable_cache=True,
        metadata_connection_config=metadata_connection_config,
        beam_pipeline_args=list(BEAM_PIPELINE_ARGS),
    )
