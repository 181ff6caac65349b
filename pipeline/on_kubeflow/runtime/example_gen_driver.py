"""The driver of TFX's file-based ExampleGens, which open-source Kubeflow never runs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2
from tfx.components.example_gen import base_example_gen_executor, utils
from tfx.orchestration.kubeflow.v2.file_based_example_gen import driver
from tfx.types import standard_component_specs


def is_file_based(executor_class: type, executor_input: Any) -> bool:
    """Whether a node needs the driver: it resolves spans, versions and file patterns, and fingerprints the files."""
    parameters = executor_input.inputs.parameter_values
    needed = standard_component_specs.INPUT_BASE_KEY, standard_component_specs.INPUT_CONFIG_KEY
    is_example_gen = issubclass(executor_class, base_example_gen_executor.BaseExampleGenExecutor)
    return is_example_gen and all(key in parameters for key in needed)


def run_driver(executor_input: Any, inputs_spec: Any) -> None:
    """Runs TFX's driver, and does with its results what Google's platform would do.

    Args:
      executor_input: gets the metadata of the Examples.
      inputs_spec: gets the types of the parameters that the driver adds.
    """
    driver.main(
        argparse.Namespace(
            json_serialized_invocation_args=json_format.MessageToJson(executor_input),
            json_serialized_inputs_spec_args=json_format.MessageToJson(inputs_spec),
        )
    )
    # TFX's runner reads the parameters from this file, as Google's platform hands it on. The metadata it does not read.
    found = pipeline_spec_pb2.ExecutorOutput()
    json_format.Parse(Path(executor_input.outputs.output_file).read_text(), found)
    for name in (utils.SPAN_PROPERTY_NAME, utils.VERSION_PROPERTY_NAME):
        inputs_spec.parameters[name].parameter_type = pipeline_spec_pb2.ParameterType.NUMBER_INTEGER
    [examples] = executor_input.outputs.artifacts[standard_component_specs.EXAMPLES_KEY].artifacts
    [described] = found.artifacts[standard_component_specs.EXAMPLES_KEY].artifacts
    for name, value in described.metadata.fields.items():
        examples.metadata.fields[name].CopyFrom(value)
