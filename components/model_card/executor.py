"""Gathers what the nodes before have found out into a model card."""

from __future__ import annotations

import json
import os
import platform
from typing import Any

import keras
import tensorflow as tf
from tfx import types, version
from tfx.dsl.components.base import base_executor
from tfx.dsl.io import fileio
from tfx.types import artifact_utils
from tfx.utils import io_utils

from components import findings
from components.blessing import report
from components.face_csv_example_gen.executor import ROW_COUNTS_PROPERTY
from components.model_card import card
from components.model_card.artifact import CARD_FILES
from dashboard.runs import read_artifact
from dashboard.tuning import best_values


class Executor(base_executor.BaseExecutor):
    """Writes the card as JSON and as one HTML file. The same inputs give the same bytes."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Writes the card; see ModelCardGen."""
        self._log_startup(input_dict, output_dict, exec_properties)
        examples = artifact_utils.get_single_instance(input_dict["examples"])
        schema_uri = artifact_utils.get_single_uri(input_dict["schema"])
        found, _ = findings.read(artifact_utils.get_single_uri(input_dict["findings"]))
        training = json.loads(exec_properties["training"])
        training["training"].update(_best_values(input_dict.get("hyperparameters")))
        facts = card.build(
            model_name=exec_properties["model_name"],
            description=json.loads(exec_properties["description"]),
            data_fingerprint=exec_properties["data_fingerprint"],
            row_counts=json.loads(examples.get_string_custom_property(ROW_COUNTS_PROPERTY)),
            findings=found,
            schema=io_utils.SchemaReader().read(io_utils.get_only_uri_in_dir(schema_uri)),
            report=report.read(artifact_utils.get_single_uri(input_dict["report"])),
            settings={**training, **json.loads(exec_properties["settings"])},
            commit=exec_properties["commit"],
            environment=_environment(),
        )
        uri = artifact_utils.get_single_uri(output_dict["model_card"])
        for name, text in zip(CARD_FILES, (card.to_json(facts), card.to_html(facts)), strict=True):
            with fileio.open(os.path.join(uri, name), "wb") as file:
                file.write(text.encode())


def _best_values(hyperparameters: list[types.Artifact] | None) -> dict[str, Any]:
    """What a Tuner has found best; {} where there was none."""
    if not hyperparameters:
        return {}
    found = artifact_utils.get_single_instance(hyperparameters)
    return best_values(read_artifact(found.mlmd_artifact, found.type_name))


def _environment() -> dict[str, str]:
    """Name -> version of what the models are trained with: all nodes of a pipeline run in the same environment."""
    return {
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "tfx": version.__version__,
    }
