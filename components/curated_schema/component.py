"""Interface of CuratedSchema; the work is done by ImportSchemaGen's own executor."""

from __future__ import annotations

from tfx import types
from tfx.components.schema_gen.import_schema_gen import executor
from tfx.dsl.components.base import base_component, executor_spec
from tfx.types import component_spec, standard_artifacts


class CuratedSchemaSpec(component_spec.ComponentSpec):
    """ImportSchemaGen's parameters and a fingerprint of the file."""

    PARAMETERS = {
        "schema_file": component_spec.ExecutionParameter(type=str),
        "schema_fingerprint": component_spec.ExecutionParameter(type=str),
    }
    INPUTS: dict[str, component_spec.ChannelParameter] = {}
    OUTPUTS = {"schema": component_spec.ChannelParameter(type=standard_artifacts.Schema)}


class CuratedSchema(base_component.BaseComponent):
    """ImportSchemaGen that runs again when the content of the schema file changes.

    The stock component's cache key holds the file's path alone: an edited schema would be ignored.
    """

    SPEC_CLASS = CuratedSchemaSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(self, schema_file: str, schema_fingerprint: str) -> None:
        """Constructs the component.

        Args:
          schema_file: a text-format tensorflow_metadata Schema.
          schema_fingerprint: changes when the file's content does.
        """
        super().__init__(
            spec=CuratedSchemaSpec(
                schema_file=schema_file,
                schema_fingerprint=schema_fingerprint,
                schema=types.Channel(type=standard_artifacts.Schema),
            )
        )
