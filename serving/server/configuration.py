"""What the flags' files say. Imports no TensorFlow, so that a mistake is told at once."""

from __future__ import annotations

import dataclasses
from typing import Any

from tensorflow_serving.config import model_server_config_pb2

from serving.config.files import read_batching_parameters, read_models_config, read_monitoring_config
from serving.server.flags import Flags

DEFAULT_METRICS_PATH = "/monitoring/prometheus/metrics"


@dataclasses.dataclass(frozen=True)
class Configuration:
    """The files' contents.

    Attributes:
      models: what to serve.
      batching: BatchingParameters; None where there is no file.
      metrics_path: where the metrics are; None for nowhere.
    """

    models: model_server_config_pb2.ModelServerConfig
    batching: Any
    metrics_path: str | None


def read(flags: Flags) -> Configuration:
    """Reads the files.

    Raises:
      UsageError: one of them cannot be used.
    """
    metrics_path = None
    if flags.monitoring_config_file:
        prometheus = read_monitoring_config(flags.monitoring_config_file).prometheus_config
        metrics_path = (prometheus.path or DEFAULT_METRICS_PATH) if prometheus.enable else None
    batching = read_batching_parameters(flags.batching_parameters_file) if flags.batching_parameters_file else None
    return Configuration(_read_models(flags), batching, metrics_path)


def _read_models(flags: Flags) -> model_server_config_pb2.ModelServerConfig:
    if flags.model_config_file:
        return read_models_config(flags.model_config_file)
    config = model_server_config_pb2.ModelServerConfig()
    config.model_config_list.config.add(
        name=flags.model_name, base_path=flags.model_base_path, model_platform="tensorflow"
    )
    return config
