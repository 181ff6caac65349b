"""The process that loads the model: `python -m components.servable_check.session_check request.json`.

Of its own, because a model can end the process that runs it, and so that its memory can be told from others'. It
imports TensorFlow, but not TFX, to be there in seconds.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

from components.servable_check.checks import Budgets, check_model
from components.servable_check.grpc_server import grpc_server
from components.servable_check.report import Recorder
from components.servable_check.servers import session_server
from serving.launch import BINARY_VARIABLE


@dataclasses.dataclass(frozen=True)
class Request:
    """What to check, and where its data are.

    Attributes:
      model_path: SavedModel with warm-up requests.
      examples_path: TFRecord file of serialized tf.Examples, n of them.
      expected_path: .npy file, float32 [n, ...], what the evaluation got for them.
      prediction_key: the output that this is.
      budgets: for latency and memory.
      report_path: gets the Report as JSON.
    """

    model_path: str
    examples_path: str
    expected_path: str
    prediction_key: str
    budgets: Budgets
    report_path: str

    def to_json(self) -> str:
        """The request as it stands in the file."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Request:
        """The request that `to_json` has written."""
        fields = json.loads(text)
        return cls(**fields | {"budgets": Budgets(**fields["budgets"])})


def main(request_path: str) -> None:
    """Carries out the request in a file."""
    request = Request.from_json(Path(request_path).read_text())
    binary = os.environ.get(BINARY_VARIABLE)
    check_model(
        request.model_path,
        list(tf.data.TFRecordDataset(request.examples_path).as_numpy_iterator()),
        np.load(request.expected_path),
        request.prediction_key,
        request.budgets,
        functools.partial(grpc_server, binary) if binary else session_server,
        Recorder(request.report_path),
    )


if __name__ == "__main__":
    main(sys.argv[1])
