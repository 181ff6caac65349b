"""All that differs between the two data sets, in one place."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from tensorflow_model_analysis.proto import config_pb2

import pipeline.emotion.evaluation
import pipeline.emotion.features
import pipeline.keypoints.evaluation
import pipeline.keypoints.features
from components.blessing.measures import Measures
from components.face_csv_example_gen.csv_format import FaceCsvFormat
from pipeline.config import EMOTION_METRICS, KEYPOINTS_METRICS, Threshold

SCHEMAS = Path(__file__).resolve().parent.parent / "schemas"
DEFAULT_WAIVERS = SCHEMAS / "waivers.yaml"


@dataclasses.dataclass(frozen=True)
class Task:
    """One data set and its model.

    Attributes:
      name: key in the settings, name of the schema file, and of the package below `pipeline` with this task's
        preprocessing and training.
      model_name: folder below the models' root; TensorFlow Serving's name of the model.
      csv_format: what the CSV looks like.
      eval_config: (thresholds, code fingerprint) -> TFMA's configuration.
      metrics: names of those that a person wants to see first.
      measures: what is measured of the predictions.
    """

    name: str
    model_name: str
    csv_format: FaceCsvFormat
    eval_config: Callable[[dict[str, Threshold], str], config_pb2.EvalConfig]
    metrics: tuple[str, ...]
    measures: Measures

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes by class id; empty where there are none."""
        return self.measures.class_names

    @property
    def schema_file(self) -> Path:
        """The curated schema."""
        return SCHEMAS / f"{self.name}.pbtxt"

    def module(self, part: str) -> str:
        """Dotted path of one of the task's modules, say 'training'."""
        return f"pipeline.{self.name}.{part}"

    def node_id(self, component: str) -> str:
        """Id of one of the branch's nodes: legal, and unique within 20 characters, on every orchestrator."""
        return f"{self.name.capitalize()}{component}"


KEYPOINTS = Task(
    name="keypoints",
    model_name="facial_keypoints",
    csv_format=pipeline.keypoints.features.CSV_FORMAT,
    eval_config=pipeline.keypoints.evaluation.eval_config,
    metrics=KEYPOINTS_METRICS,
    measures=pipeline.keypoints.evaluation.MEASURES,
)
EMOTION = Task(
    name="emotion",
    model_name="emotion_ai",
    csv_format=pipeline.emotion.features.CSV_FORMAT,
    eval_config=pipeline.emotion.evaluation.eval_config,
    metrics=EMOTION_METRICS,
    measures=pipeline.emotion.evaluation.MEASURES,
)
TASKS = (KEYPOINTS, EMOTION)
