"""The rows that the trainings of `benchmarks.training` learn from: what Transform has left."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from tfx.components.transform.executor import Executor as Transform
from tfx.types import standard_artifacts

from pipeline.drawn_faces import write_kaggle_csvs
from pipeline.tasks import TASKS, Task
from pipeline.workspace import Workspace
from tests.data_chain import context_for, read_csv

OUTPUTS = {
    "transform_graph": standard_artifacts.TransformGraph,
    "transformed_examples": standard_artifacts.Examples,
}


def newest(workspace: Path) -> dict[str, dict[str, str]]:
    """Task -> output of Transform -> its folder, of the last run that came so far."""
    nodes = Workspace(workspace).pipeline_root
    folders = {task.name: nodes / task.node_id("Transform") for task in TASKS}
    return {
        task: {output: str(max((folder / output).iterdir(), key=lambda path: int(path.name))) for output in OUTPUTS}
        for task, folder in folders.items()
    }


def made(folder: Path, csvs: dict[str, str | None]) -> dict[str, dict[str, str]]:
    """The same, made below a folder from a CSV for each task; from drawn faces where there is none."""
    drawn = {}
    if None in csvs.values():
        drawn = dict(zip(("keypoints", "emotion"), write_kaggle_csvs(folder), strict=True))
    return {
        task.name: transformed(task, Path(csvs[task.name] or drawn[task.name]), folder / task.name)
        for task in TASKS
        if task.name in csvs
    }


def transformed(task: Task, csv: Path, folder: Path) -> dict[str, str]:
    """Reads and transforms a CSV by the real executors."""
    schema = standard_artifacts.Schema()
    schema.uri = str(folder / "schema")
    raw = read_csv(folder, csv, task.csv_format)
    Path(schema.uri).mkdir()
    shutil.copy(task.schema_file, Path(schema.uri, "schema.pbtxt"))
    outputs: dict[str, Any] = {name: kind() for name, kind in OUTPUTS.items()}
    for name, output in outputs.items():
        output.uri = str(folder / name)
    Transform(context_for(Transform, folder)).Do(
        {"examples": [raw], "schema": [schema]},
        {name: [output] for name, output in outputs.items()},
        {
            "preprocessing_fn": task.module("preprocessing.preprocessing_fn"),
            "custom_config": "null",
            "disable_statistics": 1,
            "force_tf_compat_v1": 0,
        },
    )
    return {name: output.uri for name, output in outputs.items()}
