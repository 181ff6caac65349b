"""Branches that stop at the gate, of drawn data with named damages."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
from tfx.types import standard_artifacts

from components.face_csv_example_gen.executor import ROW_COUNTS_PROPERTY
from components.findings import Finding, write
from components.findings_gen.waivers import Waiver
from dashboard.runs import Artifact, Branch, Node, NodeState
from pipeline.tasks import EMOTION, KEYPOINTS, Task
from tests.corruption.tables import Table
from tests.data_chain import read_csv, run_chain

BLACK_ROW, BAD_ROW, CONTRADICTED_ROW, SWAPPED_ROW = 3, 7, 10, 5
WAIVERS = (
    Waiver("black_images", "Ada <Lovelace>", "it was dark", "2020-01-31", expired=True),
    Waiver("conflicting_labels", "Grace Hopper", "nobody can tell", "2999-12-31", expired=False, at_most=9),
    Waiver("flat_images", "Nobody", "there were some once", "2999-12-31", expired=False),
)


def emotion_branch(folder: Path, csv: Path, served: standard_artifacts.ExampleStatistics) -> Branch:
    """A black picture, a row that cannot be read, a picture with two labels; all lighter than what is served."""
    table = Table.read(csv)
    for row in range(1, len(table.rows) + 1):
        table.set_image(row, np.clip(table.image(row).astype(int) + 60, 0, 255).astype(np.uint8))
    table.set_image(BLACK_ROW, np.zeros((48, 48), np.uint8))
    contradiction = list(table.rows[CONTRADICTED_ROW - 1])
    contradiction[0] = "3" if contradiction[0] != "3" else "4"
    table.set(CONTRADICTED_ROW, "emotion", "0" if table.get(CONTRADICTED_ROW, "emotion") in "26" else contradiction[0])
    contradiction[0] = "5"
    table.rows.append(contradiction)
    table.set(BAD_ROW, table.header[0], "3")
    table.rows[BAD_ROW - 1][-1] = "1 2 <3>"
    outcome = run_chain(
        folder, table.write(folder / "faces.csv"), EMOTION, max_bad_rows=0.5, waivers=WAIVERS, served=served
    )
    return _branch(folder, EMOTION, outcome.examples, outcome.statistics, WAIVERS, outcome.stopped)


def keypoints_branch(folder: Path, csv: Path, statistics: standard_artifacts.ExampleStatistics) -> Branch:
    """The eyes of one row are swapped.

    Args:
      folder: for artifacts.
      csv: without the damage.
      statistics: of the CSV; a swap in one of its rows is not to be seen in them, and they take long to make.
    """
    table = Table.read(csv)
    left, right = "left_eye_center_x", "right_eye_center_x"
    eyes = table.get(SWAPPED_ROW, left), table.get(SWAPPED_ROW, right)
    table.set(SWAPPED_ROW, left, eyes[1])
    table.set(SWAPPED_ROW, right, eyes[0])
    examples = read_csv(folder, table.write(folder / "faces.csv"), KEYPOINTS.csv_format)
    found = [
        Finding("swapped_points", "error", "1 row: left and right are swapped", "Swap the columns.", 1, (SWAPPED_ROW,)),
        Finding("layouts_unchecked", "info", "too few complete rows to learn the usual layout from", "Add rows."),
    ]
    (folder / "findings").mkdir()
    write(str(folder / "findings"), found, {"data_set": "keypoints", "drift_from_version": None})
    return _branch(folder, KEYPOINTS, examples, statistics, (), "1 finding in the data, training is stopped")


def _branch(
    folder: Path,
    task: Task,
    examples: standard_artifacts.Examples,
    statistics: standard_artifacts.ExampleStatistics,
    waivers: tuple[Waiver, ...],
    stopped: str,
) -> Branch:
    splits = {"split_names": examples.split_names}
    counts = {ROW_COUNTS_PROPERTY: examples.get_string_custom_property(ROW_COUNTS_PROPERTY)}
    checks = {
        "waivers": json.dumps([dataclasses.asdict(waiver) for waiver in waivers]),
        "model_base_path": str(folder / "models"),
    }
    outputs = {
        "ExampleGen": Artifact(1, "Examples", examples.uri, {**splits, **counts}),
        "StatisticsGen": Artifact(2, "ExampleStatistics", statistics.uri, splits),
        "ExampleValidator": Artifact(3, "ExampleAnomalies", str(folder / "anomalies"), splits),
        "FindingsGen": Artifact(4, "emotion_ai.Findings", str(folder / "findings"), {}),
    }
    parameters = {"ExampleGen": {"csv_format": task.csv_format.to_json()}, "FindingsGen": checks}
    done = [
        Node(task.node_id(name), "", "done", 1.0, "", (), {}, {"it": (artifact,)}, dict(parameters.get(name, {})))
        for name, artifact in outputs.items()
    ]
    gate = Node(task.node_id("AnomalyGate"), "", "failed", 1.0, stopped, (), {}, {}, {})
    return Branch(task.node_id(""), (*done, gate))


def without(branch: Branch, suffix: str, state: NodeState, message: str = "") -> Branch:
    """The branch as it is while a node has put nothing out."""
    changed = (
        dataclasses.replace(one, state=state, message=message, outputs={}) if one.id == branch.name + suffix else one
        for one in branch.nodes
    )
    return dataclasses.replace(branch, nodes=tuple(changed))
