"""Configuration files that are read, and how mistakes in them are told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from serving.config.files import read_batching_parameters, read_models_config, read_monitoring_config
from serving.errors import UsageError
from tests.serving.config.shipped import FOLDER

READERS = [read_models_config, read_batching_parameters, read_monitoring_config]


def models(entries: str) -> str:
    return f"model_config_list {{ {entries} }}"


GOOD = 'config { name: "a" base_path: "/models/a" model_platform: "tensorflow" }'


def test_the_shipped_files_are_what_the_comments_in_them_say() -> None:
    served = read_models_config(FOLDER / "models.config").model_config_list.config
    assert {model.name: model.model_version_policy.latest.num_versions for model in served} == {
        "emotion_ai": 2,
        "facial_keypoints": 2,
    }
    batching = read_batching_parameters(FOLDER / "batching.config")
    assert batching.max_batch_size.value == batching.allowed_batch_sizes[-1] == 64
    assert batching.HasField("batch_timeout_micros")
    assert batching.batch_timeout_micros.value == 0
    monitoring = read_monitoring_config(FOLDER / "monitoring.config").prometheus_config
    assert (monitoring.enable, monitoring.path) == (True, "/monitoring/prometheus/metrics")


def test_every_field_of_batching_parameters_is_known(tmp_path: Path) -> None:
    path = tmp_path / "batching.config"
    path.write_text(
        """
        max_batch_size { value: 8 } batch_timeout_micros { value: 1 } max_enqueued_batches { value: 2 }
        num_batch_threads { value: 3 } thread_pool_name { value: "pool" } allowed_batch_sizes: [1, 8]
        pad_variable_length_inputs: true enable_large_batch_splitting { value: true }
        max_execution_batch_size { value: 8 }
        """
    )
    read = read_batching_parameters(path)
    assert len(read.ListFields()) == 9
    assert (read.thread_pool_name.value, list(read.allowed_batch_sizes)) == ("pool", [1, 8])


@pytest.mark.parametrize(
    ("reader", "text", "message"),
    [
        (read_models_config, "", "names no model"),
        (read_models_config, "custom_model_config {}", "names no model"),
        (read_models_config, models(GOOD.replace('"a"', '""')), "a model has no name"),
        (read_models_config, models(GOOD + GOOD), "the model a is named 2 times"),
        (read_models_config, models(GOOD.replace("/models", "models")), "base_path of a is 'models/a'"),
        (read_models_config, models(GOOD.replace("tensorflow", "caffe")), "model_platform of a is 'caffe'"),
        (read_models_config, 'model_config_list {\n  config { nam: "a" } }', "line 2, column 12: .*no field named"),
        (read_models_config, "model_config_list {", 'line 1, column 19: Expected "}"'),
        (read_batching_parameters, "max_batch_size { value: 0 }", "max_batch_size is 0. Write 1 or more"),
        (read_batching_parameters, "max_batch_size: 8", "line 1, column 17: "),
        (read_batching_parameters, "max_batch_size { value: 1e400 }", "line 1, column 25: "),
        (read_batching_parameters, "allowed_batch_sizes: [8, 4]", "from small to large"),
        (read_batching_parameters, "allowed_batch_sizes: [4, 4]", "from small to large"),
        (read_batching_parameters, "allowed_batch_sizes: [0, 4]", "from small to large"),
        (read_batching_parameters, "max_batch_size { value: 8 } allowed_batch_sizes: 4", "is 4, max_batch_size is 8"),
        (read_batching_parameters, "allowed_batch_sizes: 4", "is 4, max_batch_size is 1000"),
        (read_monitoring_config, "prometheus_config { enable: tru }", 'line 1, column 29: Expected "true"'),
        (read_monitoring_config, 'prometheus_config { path: "metrics" }', "Begin it with a slash"),
    ],
)
def test_a_mistake_is_told_with_its_place(
    reader: Callable[[Path], Any], text: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "some.config"
    path.write_text(text)
    with pytest.raises(UsageError, match=message) as error:
        reader(path)
    assert str(error.value).startswith(f"{path}: ")
    assert str(error.value).endswith(".")


@pytest.mark.parametrize("reader", READERS)
def test_what_is_no_text_is_told(reader: Callable[[Path], Any], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"No such file.*Name a file like serving_config/"):
        reader(tmp_path / "missing.config")
    with pytest.raises(UsageError, match="Is a directory"):
        reader(tmp_path)
    path = tmp_path / "binary.config"
    path.write_bytes(b"# one\n  \xff")
    with pytest.raises(UsageError, match="line 2, column 3: no UTF-8"):
        reader(path)
    path.write_bytes(b"#" * ((1 << 20) + 1))
    with pytest.raises(UsageError, match="larger than 1,048,576 bytes"):
        reader(path)


def test_a_long_line_is_not_repeated(tmp_path: Path) -> None:
    path = tmp_path / "long.config"
    path.write_text("{" * 100_000)
    with pytest.raises(UsageError) as error:
        read_models_config(path)
    assert len(str(error.value)) < 500
