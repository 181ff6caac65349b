"""Runs a node with TFX's own executor runner, between an input made complete and an output made acceptable."""

from __future__ import annotations

import argparse
import logging
import time
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.orchestration.kubeflow.v2.container import kubeflow_v2_run_executor
from tfx.utils import import_utils

from pipeline.on_kubeflow.runtime import artifact_types, example_gen_driver, executor_input, executor_output
from pipeline.on_kubeflow.runtime.invocation import Invocation
from pipeline.on_kubeflow.runtime.staged_paths import StagedPaths, has_remote_workers

_log = logging.getLogger(__name__)


def run_node(invocation: Invocation, started: float) -> None:
    """Runs a node; its outputs are then in their folders, and described in the file that the ExecutorInput names.

    Args:
      invocation: what to run.
      started: time.monotonic() at the start of the process.

    Raises:
      ExplainedError: an input is missing, or the executor stops for a reason that it explains.
    """
    given = _parsed(invocation.executor_input, pipeline_spec_pb2.ExecutorInput())
    inputs_spec = _parsed(invocation.inputs_spec, pipeline_spec_pb2.ComponentInputsSpec())
    executor_input.complete(given, inputs_spec)
    paths = StagedPaths(
        (artifact.uri for artifact in executor_input.all_artifacts(given)),
        has_remote_workers(invocation.beam_args),
    )
    executor_input.use_local_paths(given, paths)
    # First of all: the types of artifacts that it uses come with it.
    executor_class = import_utils.import_class_by_path(invocation.executor)
    artifact_types.register(artifact_types.title_of(artifact.type) for artifact in executor_input.all_artifacts(given))
    executor_input.require_inputs(given, paths)
    executor_input.read_single_files(given)
    executor_input.make_output_folders(given)
    # Of an attempt before: TFX's runner would take it for a driver's.
    Path(given.outputs.output_file).unlink(missing_ok=True)
    if example_gen_driver.is_file_based(executor_class, given):
        example_gen_driver.run_driver(given, inputs_spec)

    uris = {key: artifact.uri for key, artifacts in given.outputs.artifacts.items() for artifact in artifacts.artifacts}
    _log.info("  ready to work after %.1f s", time.monotonic() - started)
    with executor_output.for_launcher(uris, paths):
        kubeflow_v2_run_executor.main(
            (
                argparse.Namespace(
                    executor_class_path=invocation.executor,
                    json_serialized_invocation_args=json_format.MessageToJson(given),
                    json_serialized_inputs_spec_args=json_format.MessageToJson(inputs_spec),
                ),
                invocation.beam_args,
            )
        )
    for key, uri in uris.items():
        _log.info("  output %s: %s", key, paths.to_uri(uri))
    _log.info("%s is done after %.1f s", invocation.node, time.monotonic() - started)


def _parsed(text: str, message: Any) -> Any:
    # Newer releases have fields that this version of the protocol does not know.
    return json_format.Parse(text, message, ignore_unknown_fields=True)
