"""Which model server is started, and how: TensorFlow Serving's own where it is installed, else the local stand-in."""

from __future__ import annotations

import dataclasses
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

# Names the binary where it is not on the PATH; ServableCheck asks the same server.
BINARY_VARIABLE = "TF_MODEL_SERVER"
_BINARY = "tensorflow_model_server"
_LOOPBACK = "127.0.0.1"
_EVERYWHERE = "0.0.0.0"


@dataclasses.dataclass(frozen=True)
class Launch:
    """A command, and what to say before it runs ('' where the server says it itself)."""

    command: list[str]
    notice: str


def launch(models_config: Path, host: str, port: int, rest_api_port: int, more_flags: Sequence[str]) -> Launch:
    """The command for a server of both models.

    Args:
      models_config: see `serving.config.render`.
      host: address that the stand-in listens on; TensorFlow Serving always listens on all of them.
      port: for gRPC.
      rest_api_port: for REST.
      more_flags: others of TensorFlow Serving's flags, which the stand-in has too.
    """
    flags = [
        f"--model_config_file={models_config}",
        f"--port={port}",
        f"--rest_api_port={rest_api_port}",
        # The labels are those of versions that are about to be loaded.
        "--allow_version_labels_for_unavailable_models=true",
        *more_flags,
    ]
    binary = os.environ.get(BINARY_VARIABLE) or shutil.which(_BINARY)
    if binary is None:
        # A bad request fails no other one in its batch there; of TensorFlow Serving's batches see docs/serving.md.
        return Launch([sys.executable, "-m", "serving.server", f"--host={host}", "--enable_batching", *flags], "")
    open_to_all = "" if host == _EVERYWHERE else f" It listens on every address of this machine, not on {host} alone."
    where = f"REST http://{_LOOPBACK}:{rest_api_port}, gRPC {_LOOPBACK}:{port}"
    return Launch([binary, *flags], f"TensorFlow Serving, {binary}: {where}.{open_to_all}")
