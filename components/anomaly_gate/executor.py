"""Reads the anomalies of every split and passes the Examples on, or stops."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils

from components.errors import ExplainedError

# The file that ExampleValidator writes for each split.
_ANOMALIES_FILE = "SchemaDiff.pb"


class Executor(base_executor.BaseExecutor):
    """Fails on anomalies; otherwise publishes the same Examples under its own URI."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Runs the gate.

        Raises:
          ExplainedError: there are anomalies; the text names each with its split and feature.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        anomalies = artifact_utils.get_single_instance(input_dict["anomalies"])
        found = [
            f"[{split}] {finding}"
            for split in artifact_utils.decode_split_names(anomalies.split_names)
            for finding in describe(_load(artifact_utils.get_split_uri([anomalies], split)))
        ]
        if found:
            raise ExplainedError(
                f"{len(found)} anomalies against the schema, training is stopped: {'; '.join(found)}. "
                f"Correct the data, or the schema if the data are right. Details: {anomalies.uri}"
            )
        source = artifact_utils.get_single_instance(input_dict["examples"])
        passed = artifact_utils.get_single_instance(output_dict["passed_examples"])
        for name in ("properties", "custom_properties"):
            # One by one: protobuf 3.20 aborts the process when it merges these whole maps.
            for key, value in getattr(source.mlmd_artifact, name).items():
                getattr(passed.mlmd_artifact, name)[key].CopyFrom(value)
        link_or_copy_tree(source.uri, passed.uri)


def describe(anomalies: anomalies_pb2.Anomalies) -> Iterator[str]:
    """One line for each anomaly: the feature, then what is wrong with it."""
    if anomalies.HasField("dataset_anomaly_info"):
        yield f"data set: {anomalies.dataset_anomaly_info.description}"
    for feature, info in sorted(anomalies.anomaly_info.items()):
        yield f"{feature}: {info.short_description}: {info.description}"


def link_or_copy_tree(source: str, destination: str) -> None:
    """Makes the files below `source` stand below `destination` too: as hard links where both are local."""
    for folder, _, files in fileio.walk(source):
        target = os.path.join(destination, os.path.relpath(folder, source))
        fileio.makedirs(target)
        for name in files:
            pair = os.path.join(folder, name), os.path.join(target, name)
            try:
                os.link(*pair)
            except OSError:
                # An object store, or a file system without hard links.
                fileio.copy(*pair, overwrite=True)


def _load(split_uri: str) -> anomalies_pb2.Anomalies:
    with fileio.open(os.path.join(split_uri, _ANOMALIES_FILE), "rb") as file:
        return anomalies_pb2.Anomalies.FromString(file.read())
