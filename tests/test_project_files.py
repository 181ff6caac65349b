"""Files that are no Python: they must parse as what reads them, and agree with the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_serving.config import model_server_config_pb2

from pipeline.emotion.features import CLASSES
from pipeline.keypoints.features import COORDINATES
from pipeline.tasks import EMOTION, TASKS, Task

ROOT = Path(__file__).resolve().parents[1]
COMPONENTS = re.findall(r'^ {8}"(\w+)": \w+,$', (ROOT / "pipeline" / "branch.py").read_text(), re.MULTILINE)


def schema_of(task: Task) -> schema_pb2.Schema:
    return text_format.Parse(task.schema_file.read_text(), schema_pb2.Schema())


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_schema_holds_exactly_the_features_that_are_written(task: Task) -> None:
    names = {feature.name for feature in schema_of(task).feature}
    written = {"image", "height", "width", "row", "brightness", "contrast", "sharpness", *task.csv_format.point_columns}
    assert names == written | ({task.csv_format.class_column} if task.csv_format.class_column else set())


def test_schema_and_code_name_the_same_classes() -> None:
    [domain] = schema_of(EMOTION).string_domain
    assert tuple(domain.value) == CLASSES


def test_models_config_serves_what_the_pipeline_pushes() -> None:
    text = (ROOT / "serving_config" / "models.config").read_text()
    config = text_format.Parse(text, model_server_config_pb2.ModelServerConfig())
    served = {entry.name: entry.base_path for entry in config.model_config_list.config}
    assert served == {task.model_name: f"/models/{task.model_name}" for task in TASKS}


def test_node_ids_are_legal_and_unique_within_20_characters() -> None:
    assert len(COMPONENTS) == 16
    ids = [task.node_id(component) for task in TASKS for component in COMPONENTS]
    assert all(re.fullmatch(r"[A-Za-z0-9-]+", node_id) for node_id in ids)
    assert len({node_id[:20] for node_id in ids}) == len(ids)


def test_there_are_30_coordinates_in_kaggles_order() -> None:
    assert len(COORDINATES) == 30
    assert COORDINATES[:4] == ("left_eye_center_x", "left_eye_center_y", "right_eye_center_x", "right_eye_center_y")


def test_the_lock_pins_everything_exactly() -> None:
    lines = (ROOT / "constraints" / "tfx-1.16-py310.txt").read_text().split()
    assert len(lines) > 200
    assert all(re.fullmatch(r"[\w.-]+==[\w.!+]+", line) for line in lines)


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda path: path.name)
def test_shipped_settings_are_valid(path: Path) -> None:
    from pipeline.config import load_settings

    load_settings(path, {})


def test_components_do_not_import_the_pipeline() -> None:
    for path in (ROOT / "components").rglob("*.py"):
        assert not re.search(r"^\s*(from|import) pipeline\b", path.read_text(), re.MULTILINE), path


def test_nothing_imports_what_swallows_import_errors() -> None:
    for package in ("pipeline", "components"):
        for path in (ROOT / package).rglob("*.py"):
            assert not re.search(
                r"^\s*(from|import) tfx(\.v1)?( import v1)?$|tf\.keras", path.read_text(), re.MULTILINE
            ), path
