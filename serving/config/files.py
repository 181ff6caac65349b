"""Reads the model server's configuration files, which are protos as text."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, TypeVar

from google.protobuf import message, text_format
from tensorflow_serving.config import model_server_config_pb2

from serving.config.messages import BatchingParameters, MonitoringConfig
from serving.errors import UsageError

_LARGEST = 1 << 20
_Message = TypeVar("_Message", bound=message.Message)


def read_models_config(path: Path) -> model_server_config_pb2.ModelServerConfig:
    """The file of --model_config_file.

    Raises:
      UsageError: it cannot be read or parsed, or the real server would refuse it whatever is in the folders.
    """
    config = _read(path, model_server_config_pb2.ModelServerConfig(), "models.config")
    if not config.model_config_list.config:
        raise UsageError(f"{path}: names no model. Add model_config_list {{ config {{ name: ... base_path: ... }} }}.")
    for name, times in Counter(model.name for model in config.model_config_list.config).items():
        if not name:
            raise UsageError(f"{path}: a model has no name. Give every config {{ }} a name.")
        if times > 1:
            raise UsageError(f"{path}: the model {name} is named {times} times. Leave one of its entries.")
    for model in config.model_config_list.config:
        _check_model(path, model)
    return config


def _check_model(path: Path, model: model_server_config_pb2.ModelConfig) -> None:
    if not (model.base_path.startswith("/") or "://" in model.base_path):
        raise UsageError(
            f"{path}: base_path of {model.name} is {model.base_path!r}. "
            f"Write an absolute path, like /models/{model.name}."
        )
    if model.model_platform != "tensorflow":
        raise UsageError(
            f'{path}: model_platform of {model.name} is {model.model_platform!r}. Write model_platform: "tensorflow".'
        )


def read_batching_parameters(path: Path) -> Any:
    """The file of --batching_parameters_file, as a BatchingParameters message.

    Raises:
      UsageError: it cannot be read or parsed, or the values contradict each other, so that no model would load.
    """
    parameters: Any = _read(path, BatchingParameters(), "batching.config")
    for name, least in (
        ("max_batch_size", 1),
        ("batch_timeout_micros", 0),
        ("max_enqueued_batches", 1),
        ("num_batch_threads", 1),
        ("max_execution_batch_size", 1),
    ):
        if parameters.HasField(name) and getattr(parameters, name).value < least:
            raise UsageError(f"{path}: {name} is {getattr(parameters, name).value}. Write {least} or more.")
    sizes = list(parameters.allowed_batch_sizes)
    if sizes != sorted(set(sizes)) or (sizes and sizes[0] < 1):
        raise UsageError(f"{path}: allowed_batch_sizes are {sizes}. List them from small to large, each once.")
    # The scheduler's own limit where the file sets none.
    limit = parameters.max_batch_size.value if parameters.HasField("max_batch_size") else 1000
    if sizes and sizes[-1] != limit:
        raise UsageError(
            f"{path}: the last of allowed_batch_sizes is {sizes[-1]}, max_batch_size is {limit}. "
            "Make them equal: the server refuses every model otherwise."
        )
    return parameters


def read_monitoring_config(path: Path) -> Any:
    """The file of --monitoring_config_file, as a MonitoringConfig message.

    Raises:
      UsageError: it cannot be read or parsed, or names a path that no URL can have.
    """
    config: Any = _read(path, MonitoringConfig(), "monitoring.config")
    where = config.prometheus_config.path
    if where and not where.startswith("/"):
        raise UsageError(f"{path}: prometheus_config.path is {where!r}. Begin it with a slash, or leave it out.")
    return config


def _read(path: Path, into: _Message, example: str) -> _Message:
    """`into`, filled from a proto as text."""
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}. Name a file like serving_config/{example}.") from error
    if len(content) > _LARGEST:
        raise UsageError(f"{path}: larger than {_LARGEST:,} bytes. Name a file like serving_config/{example}.")
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        raise UsageError(f"{path}: line {line}, column {column}: no UTF-8. Save the file as UTF-8 text.") from error
    try:
        return text_format.Parse(text, into)  # type: ignore[no-any-return]
    except text_format.ParseError as error:
        # Its own text is "3:7 : 'the whole line': what is wrong"; the line may be long.
        what = str(error).split(" : ", 1)[-1].rsplit("': ", 1)[-1].rstrip(".")
        place = f"line {error.GetLine()}, column {error.GetColumn()}: " if error.GetLine() else ""
        raise UsageError(f"{path}: {place}{what}. Correct it after serving_config/{example}.") from error
