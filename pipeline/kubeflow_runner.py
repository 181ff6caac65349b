"""Compiles the DAG into a package for open-source Kubeflow Pipelines 2."""

from __future__ import annotations

import dataclasses
import datetime
import json
import logging
from pathlib import Path
from typing import Any

from tfx.components.trainer.component import Trainer
from tfx.components.tuner.component import Tuner
from tfx.dsl.components.base.base_beam_executor import BaseBeamExecutor
from tfx.orchestration.data_types import RuntimeParameter
from tfx.orchestration.kubeflow.v2 import kubeflow_v2_dag_runner
from tfx.orchestration.pipeline import Pipeline

from pipeline.branch import Source
from pipeline.config import Settings
from pipeline.dag import create_pipeline
from pipeline.deployment import CHECKPOINTS_VARIABLE, Deployment
from pipeline.on_kubeflow.package import Package, read_package, write_package
from pipeline.on_kubeflow.platform import (
    DEFAULTS_FILE,
    Container,
    add_resources,
    containers,
    kubernetes_config,
    load_platform,
    retry_policy,
)
from pipeline.tasks import DEFAULT_WAIVERS, EMOTION, KEYPOINTS, TASKS, Task
from pipeline.waivers import load_waivers

ENTRYPOINT = ("python", "-m", "pipeline.on_kubeflow.runtime")
# Where the image has the checkout.
_IMAGE_ROOT = "/app"
_DATA_VERSION = "data_version"
_DESCRIPTION = "Two models from two data sets of faces: 15 facial keypoints, and one of five emotions."

# Nodes that look at what no parameter and no artifact tells; a cached one would not see that a version was withdrawn.
_NEVER_CACHED = tuple(task.node_id("Pusher") for task in TASKS)


@dataclasses.dataclass(frozen=True)
class Parameter:
    """A run-time parameter of the package.

    Attributes:
      name: in the form that starts a run.
      default: None where every run has to give it.
      description: what it means.
    """

    name: str
    default: str | None
    description: str

    def placeholder(self) -> RuntimeParameter:
        """What stands for its value until the run begins."""
        return RuntimeParameter(name=self.name, ptype=str)


def compile_package(
    settings: Settings, platform_file: Path | None, image: str | None, commit: str, out: Path
) -> Package:
    """Writes the package.

    Args:
      settings: of the pipeline. The CSV files are those of the platform's data folder.
      platform_file: settings of the platform that differ from kubeflow/platform.yaml, or None.
      image: reference of the container image; None for the platform's.
      commit: of the code.
      out: .yaml file to write.

    Returns:
      What was written, as Kubeflow reads it.

    Raises:
      InputError: a setting is wrong, or the file cannot be written.
    """
    platform = load_platform(platform_file, image)
    parameters = {parameter.name: parameter for parameter in _parameters(settings, platform.data)}
    pipeline = create_pipeline(
        settings,
        _sources(settings, parameters),
        Deployment(
            models_root=platform.models,
            schemas=f"{_IMAGE_ROOT}/schemas",
            run_id="",
            commit=commit,
            # Kubeflow's cache key holds the image, and so the code.
            code_fingerprint=lambda module, files: "of the image",
            beam_pipeline_args=tuple(platform.beam_args),
            training={task.name: parameters[_training_name(task)].placeholder() for task in TASKS},
        ),
        # Known when a run begins.
        pipeline_root="",
    )
    trainers, beam, others = _by_kind(pipeline)
    given = containers(platform, trainers, beam, others, platform_file or DEFAULTS_FILE)
    spec = _compile(pipeline, platform.image)
    spec["pipelineInfo"].update(displayName="Emotion AI", description=_DESCRIPTION)
    _describe_parameters(spec, parameters)
    folder = platform.checkpoint_folder
    _add_platform(spec, given, {node: {CHECKPOINTS_VARIABLE: folder} for node in trainers if given[node].keeps(folder)})
    write_package(out, spec, _platform_document(spec, given))
    return read_package(out)


def _parameters(settings: Settings, data: str) -> list[Parameter]:
    files = "path of {} as containers see it; .gz and .zip too"
    return [
        Parameter("keypoints_csv", f"{data}/training.csv", files.format("Kaggle's training.csv")),
        Parameter(
            "emotions_csv", f"{data}/icml_face_data.csv", files.format("Kaggle's icml_face_data.csv or fer2013.csv")
        ),
        Parameter(
            _DATA_VERSION,
            None,
            "any text, another one whenever the content of the CSV files has changed: cached results of other data "
            "are not used. `emotion-ai submit` gives the time of submission",
        ),
        Parameter("emotion_coding", settings.data.emotion_coding, "what the labels mean: auto, fer2013 or five"),
        Parameter("split", settings.data.split, "of the emotions: hash (60/20/20 by the pixels) or usage"),
        *(
            Parameter(
                _training_name(task),
                json.dumps(settings.of_task(task.name).fitting()),
                f"JSON with the settings of {_trained_by(settings, task)}",
            )
            for task in TASKS
        ),
    ]


def _trained_by(settings: Settings, task: Task) -> str:
    nodes = ["Tuner", "Trainer"] if settings.of_task(task.name).tuning else ["Trainer"]
    return " and ".join(map(task.node_id, nodes))


def _training_name(task: Task) -> str:
    return f"{task.name}_training"


def _sources(settings: Settings, parameters: dict[str, Parameter]) -> dict[str, Source]:
    # Whether a waiver has expired is seen when the node runs.
    never = datetime.date.min
    waivers = load_waivers(settings.data.waivers or DEFAULT_WAIVERS, [task.name for task in TASKS], never)
    how_to_read = {
        "class_coding": parameters["emotion_coding"].placeholder(),
        "split_by": parameters["split"].placeholder(),
    }
    return {
        task.name: Source(
            parameters[csv].placeholder(),
            parameters[_DATA_VERSION].placeholder(),
            **options,
            max_bad_rows=settings.data.max_bad_rows,
            waivers=tuple(waivers[task.name]),
        )
        for task, csv, options in ((KEYPOINTS, "keypoints_csv", {}), (EMOTION, "emotions_csv", how_to_read))
    }


def _by_kind(pipeline: Pipeline) -> tuple[set[str], set[str], set[str]]:
    """Ids of the nodes that train, of those that run Beam, and of all others."""
    trainers = {node.id for node in pipeline.components if isinstance(node, (Trainer, Tuner))}
    beam = {node.id for node in pipeline.components if issubclass(node.executor_spec.executor_class, BaseBeamExecutor)}
    return trainers, beam, {node.id for node in pipeline.components} - trainers - beam


def _compile(pipeline: Pipeline, image: str) -> dict[str, Any]:
    """The PipelineSpec as TFX compiles it, as JSON."""
    # The compiler logs each component.
    logging.getLogger("absl").setLevel(logging.WARNING)
    config = kubeflow_v2_dag_runner.KubeflowV2DagRunnerConfig(
        default_image=image, default_commands=list(ENTRYPOINT), use_pipeline_spec_2_1=True
    )
    job = kubeflow_v2_dag_runner.KubeflowV2DagRunner(config).run(pipeline, write_out=False)
    spec: dict[str, Any] = job["pipelineSpec"]
    return spec


def _describe_parameters(spec: dict[str, Any], parameters: dict[str, Parameter]) -> None:
    """Puts back what TFX's compiler loses of run-time parameters."""
    for name, field in spec["root"]["inputDefinitions"]["parameters"].items():
        field["description"] = parameters[name].description
        if parameters[name].default is not None:
            field.update(defaultValue=parameters[name].default, isOptional=True)


def _add_platform(spec: dict[str, Any], given: dict[str, Container], env: dict[str, dict[str, str]]) -> None:
    executors = spec["deploymentSpec"]["executors"]
    for node, task in spec["root"]["dag"]["tasks"].items():
        add_resources(executors[_executor_label(spec, node)]["container"], node, given[node], env.get(node, {}))
        policy = retry_policy(given[node])
        if policy:
            task["retryPolicy"] = policy
        if node in _NEVER_CACHED:
            del task["cachingOptions"]


def _platform_document(spec: dict[str, Any], given: dict[str, Container]) -> dict[str, Any]:
    configs = {_executor_label(spec, node): kubernetes_config(container) for node, container in given.items()}
    return {"platforms": {"kubernetes": {"deploymentSpec": {"executors": configs}}}}


def _executor_label(spec: dict[str, Any], node: str) -> str:
    label: str = spec["components"][node]["executorLabel"]
    return label
