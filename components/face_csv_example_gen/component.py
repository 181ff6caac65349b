"""Interface of FaceCsvExampleGen."""

from __future__ import annotations

from tfx import types
from tfx.dsl.components.base import base_beam_component, executor_spec
from tfx.orchestration import data_types
from tfx.types import component_spec, standard_artifacts

from components.face_csv_example_gen import executor
from components.face_csv_example_gen.csv_format import FaceCsvFormat


class FaceCsvExampleGenSpec(component_spec.ComponentSpec):
    """Parameters and outputs of FaceCsvExampleGen."""

    PARAMETERS = {
        "csv_path": component_spec.ExecutionParameter(type=str),
        "csv_format": component_spec.ExecutionParameter(type=str),
        "class_coding": component_spec.ExecutionParameter(type=str),
        "split_by": component_spec.ExecutionParameter(type=str),
        "data_fingerprint": component_spec.ExecutionParameter(type=str),
        "code_fingerprint": component_spec.ExecutionParameter(type=str),
    }
    INPUTS: dict[str, component_spec.ChannelParameter] = {}
    OUTPUTS = {"examples": component_spec.ChannelParameter(type=standard_artifacts.Examples)}


class FaceCsvExampleGen(base_beam_component.BaseBeamComponent):
    """Reads a CSV with one face a row into Examples, split train/eval/test.

    It is no FileBasedExampleGen: that one finds changed files in a driver, which Kubeflow Pipelines never
    runs. Here the file's fingerprint is a plain parameter, so every orchestrator's cache sees a change.

    Features of each tf.Example: `image` (raw uint8 bytes, row-major), `height`, `width`, `row` (number in the
    file, from 1), `brightness`, `contrast`, `sharpness` (floats, see image_features.py), the class column (a
    class name) and the point columns (float pixels; no value where missing), as the format has them.
    """

    SPEC_CLASS = FaceCsvExampleGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(executor.Executor)

    def __init__(
        self,
        csv_path: str | data_types.RuntimeParameter,
        csv_format: FaceCsvFormat,
        data_fingerprint: str | data_types.RuntimeParameter,
        code_fingerprint: str,
        class_coding: str | data_types.RuntimeParameter = "auto",
        split_by: str | data_types.RuntimeParameter = "hash",
    ) -> None:
        """Constructs the component.

        Args:
          csv_path: the file: .csv, .csv.gz or a .zip with one CSV in it.
          csv_format: its columns and their meaning.
          data_fingerprint: changes when the file's content does.
          code_fingerprint: changes when this component's code does.
          class_coding: name of one of the format's codings, or 'auto' to find out by the codes in the file.
          split_by: 'hash' (of the pixels) or 'usage' (FER2013's Usage column).
        """
        super().__init__(
            spec=FaceCsvExampleGenSpec(
                csv_path=csv_path,
                csv_format=csv_format.to_json(),
                class_coding=class_coding,
                split_by=split_by,
                data_fingerprint=data_fingerprint,
                code_fingerprint=code_fingerprint,
                examples=types.Channel(type=standard_artifacts.Examples),
            )
        )
