"""What the place where a pipeline runs decides, and not the data sets."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

from tfx.orchestration.data_types import RuntimeParameter

# Of containers that train: the folder of checkpoints.
CHECKPOINTS_VARIABLE = "CHECKPOINTS"

BEAM_IN_PROCESS = (
    # By its full name: newer Beam's DirectRunner first tries to download another runner.
    "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner",
    # The workers are threads of this process. Where no image is named, TFX packs its own sources up for remote ones: a
    # second and a half at each node, and 3 MB in the temporary folder that nobody removes.
    "--sdk_container_image=none",
)


@dataclasses.dataclass(frozen=True)
class Deployment:
    """Where nodes find things, and how their caches learn that the code has changed.

    Attributes:
      models_root: folder that gets `<model name>/<version>/`, TensorFlow Serving's model base paths.
      schemas: folder of the curated schemas, as the nodes see it.
      run_id: another one for each run, where the orchestrator would otherwise cache nodes that must always look.
      commit: of the code.
      code_fingerprint: (dotted path of a module, further files) -> text that changes when their content does.
      beam_pipeline_args: of all nodes that run Beam.
      checkpoints: folder in which a killed Trainer finds what it had learned, the same for every run; '' where the
        Trainers' environment says it.
      training: task name -> what stands for its training settings until the run begins: JSON of
        `{"training": {...}}`, with "tuning" beside it where there is a Tuner. Where nothing does, they are those of the
        settings.
    """

    models_root: str
    schemas: str
    run_id: str
    commit: str
    code_fingerprint: Callable[[str, tuple[Path, ...]], str]
    beam_pipeline_args: tuple[str, ...]
    checkpoints: str = ""
    training: Mapping[str, RuntimeParameter] = dataclasses.field(default_factory=dict)
