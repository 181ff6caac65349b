"""Copies the newest pushed version, where there is one."""

from __future__ import annotations

from typing import Any

from tfx import types
from tfx.dsl.components.base import base_executor
from tfx.types import artifact_utils
from tfx.utils import io_utils, path_utils

from components.atomic_pusher.local_disk import exclusive
from components.model_versions import latest_version, version_path


class Executor(base_executor.BaseExecutor):
    """Publishes the baseline as a Model artifact, or no artifact at all before the first push."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Runs the node; see BaselineModel."""
        self._log_startup(input_dict, output_dict, exec_properties)
        model_base_path = exec_properties["model_base_path"]
        # Or the push of another run could remove the version while it is copied.
        with exclusive(model_base_path):
            version = latest_version(model_base_path)
            if version is None:
                output_dict["baseline"].clear()
                return
            baseline = artifact_utils.get_single_instance(output_dict["baseline"])
            io_utils.copy_dir(version_path(model_base_path, version), path_utils.serving_model_dir(baseline.uri))
        baseline.set_int_custom_property("version", version)
