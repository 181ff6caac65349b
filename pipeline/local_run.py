"""A run on this machine: data, pipeline, summary."""

from __future__ import annotations

import gc
import logging
from datetime import datetime, timezone
from pathlib import Path
from typing import TextIO

from tfx.orchestration import metadata

from components.errors import InputError
from pipeline.branch import Source
from pipeline.card_facts import commit
from pipeline.config import Settings
from pipeline.console import RunConsole
from pipeline.dag import create_pipeline
from pipeline.deployment import BEAM_IN_PROCESS, Deployment
from pipeline.drawn_faces import write_kaggle_csvs
from pipeline.fingerprint import code_fingerprint, file_fingerprint
from pipeline.local_runner import run_pipeline
from pipeline.summary import summarise
from pipeline.tasks import DEFAULT_WAIVERS, EMOTION, KEYPOINTS, SCHEMAS, TASKS
from pipeline.waivers import load_waivers
from pipeline.workspace import Workspace


def run_locally(
    settings: Settings, workspace: Workspace, run_id: str, terminal: TextIO, log_file: Path, started: float
) -> bool:
    """Runs the pipeline and tells the terminal.

    Args:
      settings: of the run.
      workspace: where to write.
      run_id: name of the run in ML Metadata.
      terminal: for what people should see.
      log_file: where the rest goes.
      started: time.monotonic() at the start of the command.

    Returns:
      Whether both models were blessed and stand in the models' folder.
    """
    # Millions of objects that the imports left behind need not be looked at again and again.
    gc.freeze()
    console = RunConsole(terminal, log_file)
    progress = logging.getLogger("emotion_ai.progress")
    progress.setLevel(logging.INFO)
    progress.handlers[:] = [console]
    try:
        sources = _sources(settings, workspace, console)
        pipeline = create_pipeline(
            settings,
            sources,
            Deployment(
                models_root=str(workspace.models),
                schemas=str(SCHEMAS),
                run_id=run_id,
                commit=commit(),
                code_fingerprint=code_fingerprint,
                beam_pipeline_args=BEAM_IN_PROCESS,
                checkpoints=str(workspace.checkpoints),
            ),
            pipeline_root=str(workspace.pipeline_root),
            metadata_connection_config=metadata.sqlite_metadata_connection_config(str(workspace.metadata_file)),
        )
        runs = run_pipeline(pipeline, run_id, console)
    finally:
        console.end_step()
    branches = [summarise(task, runs) for task in TASKS]
    console.summarise(branches, runs, started)
    return all(branch.blessed and branch.pushed_to for branch in branches)


def _sources(settings: Settings, workspace: Workspace, console: RunConsole) -> dict[str, Source]:
    data = settings.data
    keypoints_csv, emotions_csv = data.keypoints_csv, data.emotions_csv
    if keypoints_csv is None or emotions_csv is None:
        # By its code: the same code draws the same bytes, so that they need not be drawn again.
        folder = workspace.drawn_data / code_fingerprint("pipeline.drawn_faces")
        drawn = folder / "training.csv", folder / "icml_face_data.csv"
        if not all(path.is_file() for path in drawn):
            console.step("drawing faces")
            folder.mkdir(parents=True, exist_ok=True)
            drawn = write_kaggle_csvs(folder)
            console.end_step()
        keypoints_csv, emotions_csv = keypoints_csv or drawn[0], emotions_csv or drawn[1]
    today = datetime.now(timezone.utc).date()
    waivers = load_waivers(data.waivers or DEFAULT_WAIVERS, [task.name for task in TASKS], today)
    sources = {}
    how_to_read = {"class_coding": data.emotion_coding, "split_by": data.split}
    for task, path, options in ((KEYPOINTS, keypoints_csv, {}), (EMOTION, emotions_csv, how_to_read)):
        console.say(f"{task.name}: {path}")
        try:
            fingerprint = file_fingerprint(path)
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror}). Check its permissions.") from None
        sources[task.name] = Source(
            str(path.resolve()),
            fingerprint,
            **options,
            max_bad_rows=data.max_bad_rows,
            waivers=tuple(waivers[task.name]),
        )
    return sources
