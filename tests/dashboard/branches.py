"""Branches of the DAG with small real artifacts: made by the real components where that is quick."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from components import findings, predictions
from components.blessing import report
from components.blessing.explaining import confused_pairs, worst_rows
from components.blessing.judging import Limits, Measured, judge
from components.blessing.predicting import Predicted
from components.face_csv_example_gen.executor import ROW_COUNTS_PROPERTY
from components.findings import Finding
from components.model_card import card
from dashboard.faces import read_faces
from pipeline.card_facts import DESCRIPTIONS
from pipeline.fingerprint import file_fingerprint
from pipeline.keypoints.features import POINTS
from pipeline.tasks import Task
from tests.dashboard.stores import NodeSpec, Output
from tests.data_chain import DataChain, read_csv

_UPSTREAM = {
    "ExampleGen": (),
    "Schema": (),
    "StatisticsGen": ("ExampleGen", "Schema"),
    "ExampleValidator": ("StatisticsGen", "Schema"),
    "FindingsGen": ("ExampleGen", "StatisticsGen", "ExampleValidator", "Schema"),
    "DataReport": ("ExampleGen", "StatisticsGen", "ExampleValidator", "FindingsGen"),
    "AnomalyGate": ("ExampleGen", "FindingsGen"),
    "Transform": ("AnomalyGate", "Schema"),
    "Trainer": ("Transform",),
    "BaselineModel": ("Trainer",),
    "Evaluator": ("AnomalyGate", "Trainer", "BaselineModel", "Schema"),
    "BlessingGen": ("AnomalyGate", "Trainer", "BaselineModel", "Evaluator"),
    "ServableCheck": ("AnomalyGate", "Trainer", "BlessingGen"),
    "ModelCardGen": ("AnomalyGate", "Schema", "FindingsGen", "BlessingGen"),
    "RunReport": ("StatisticsGen", "ExampleValidator", "Trainer", "BlessingGen", "ServableCheck", "ModelCardGen"),
    "Pusher": ("Trainer", "BlessingGen", "ServableCheck", "StatisticsGen", "ModelCardGen"),
}
_COMPONENTS = {"ExampleGen": "FaceCsvExampleGen", "Schema": "CuratedSchema", "Pusher": "AtomicPusher"}
FOUND = [
    Finding("black_images", "warning", "1 row: the image is black", "Remove it.", 1, (3,), by_split={"train": 1}),
    Finding("duplicates", "info", "2 rows in 1 group: the image is a copy", "Keep one.", 2, (5, 9), ((5, 9),)),
]


class BranchMaker:
    """Artifacts of one task below a folder; data and statistics are made once, models as often as asked."""

    def __init__(self, folder: Path, task: Task, csv: Path) -> None:
        self.folder, self.task, self.csv = folder, task, csv
        self.prefix = task.node_id("")
        data = folder / f"{self.prefix}Data"
        self.chain = DataChain(data, task, read_csv(data, csv, task.csv_format))
        self.chain.make_statistics()
        self.examples = self.chain.examples

    def nodes(
        self,
        number: int,
        *,
        skill: float = 0.8,
        training: dict[str, Any] | None = None,
        found: list[Finding] | None = None,
        states: dict[str, str | None] | None = None,
        message: str = "",
        blessed: bool = True,
    ) -> list[NodeSpec]:
        """The nodes of the branch in a run.

        Args:
          number: of the run, for the folders of artifacts.
          skill: how good the model is, 0 to 1.
          training: settings of the Trainer.
          found: findings; FOUND by default.
          states: node without the branch's name -> state, where it is another one than 'done'.
          message: of the node that has failed.
          blessed: whether the model is.
        """
        outputs = self._outputs(number, skill, FOUND if found is None else found, blessed)
        parameters = self._parameters(training or {"epochs": 2, "batch_size": 32, "seed": 1})
        specs = []
        for name, upstream in _UPSTREAM.items():
            state = (states or {}).get(name, "done")
            specs.append(
                NodeSpec(
                    self.task.node_id(name),
                    _COMPONENTS.get(name, name),
                    tuple(self.task.node_id(before) for before in upstream),
                    outputs.get(name, {}),
                    parameters.get(name, {}),
                    state,
                    40.0 if name == "Trainer" else 1.5,
                    message if state == "failed" else "",
                )
            )
        return specs

    def _parameters(self, training: dict[str, Any]) -> dict[str, dict[str, Any]]:
        return {
            "ExampleGen": {"csv_path": str(self.csv), "data_fingerprint": file_fingerprint(self.csv)},
            "Schema": {"schema_file": "/somewhere/schema.pbtxt", "schema_fingerprint": "5c4e4a"},
            "Trainer": {"custom_config": json.dumps({"training": training, "code_fingerprint": "c0de"})},
            "BlessingGen": {"split": "test", "model_name": self.task.model_name, "code_fingerprint": "b1e5"},
        }

    def _outputs(self, number: int, skill: float, found: list[Finding], blessed: bool) -> dict[str, dict[str, Output]]:
        rows, labels = self._test_labels()
        predicted = _predict(labels, len(self.task.measures.class_names), skill)
        uris = {
            kind: self._folder(number, kind)
            for kind in (
                "emotion_ai.Findings",
                "ModelRun",
                "emotion_ai.Predictions",
                "emotion_ai.BlessingReport",
                "emotion_ai.ModelCard",
                "PushedModel",
                "Model",
            )
        }
        summary = {"data_set": self.task.name, "examples": self.examples.uri, "drift_from_version": None}
        findings.write(uris["emotion_ai.Findings"], found, summary)
        _write_training(Path(uris["ModelRun"]), skill)
        predictions.write(uris["emotion_ai.Predictions"], rows, labels, predicted)
        verdicts = _report(self.task, rows, labels, predicted, blessed)
        report.write(uris["emotion_ai.BlessingReport"], verdicts)
        counts = json.loads(self.examples.get_string_custom_property(ROW_COUNTS_PROPERTY))
        Path(uris["emotion_ai.ModelCard"], "model_card.json").write_text(self._card(counts, found, verdicts))
        splits = self.examples.split_names
        examples = {"split_names": splits, ROW_COUNTS_PROPERTY: json.dumps(counts)}
        version = str(1_700_000_000 + number)
        pushed: dict[str, Any] = {"pushed": 0}
        if blessed:
            destination = self.folder / "models" / self.task.model_name / version
            destination.mkdir(parents=True, exist_ok=True)
            pushed = {"pushed": 1, "pushed_destination": str(destination), "pushed_version": version, "unchanged": 0}
        verdict = {"blessing": Output("ModelBlessing", f"{uris['Model']}/blessing", {"blessed": int(blessed)})}
        return {
            "ExampleGen": {"examples": Output("Examples", self.examples.uri, examples)},
            "Schema": {"schema": Output("Schema", self.chain.schema.uri)},
            "StatisticsGen": {
                "statistics": Output("ExampleStatistics", self.chain.statistics.uri, {"split_names": splits})
            },
            "FindingsGen": {"findings": Output("emotion_ai.Findings", uris["emotion_ai.Findings"])},
            "DataReport": {
                name: Output("system.HTML", self._folder(number, name)) for name in ("statistics_html", "findings_html")
            },
            "AnomalyGate": {"passed_examples": Output("Examples", self.examples.uri, examples)},
            "Trainer": {"model": Output("Model", uris["Model"]), "model_run": Output("ModelRun", uris["ModelRun"])},
            "BlessingGen": {
                **verdict,
                "report": Output("emotion_ai.BlessingReport", uris["emotion_ai.BlessingReport"]),
                "predictions": Output("emotion_ai.Predictions", uris["emotion_ai.Predictions"]),
            },
            "ServableCheck": {"blessing": Output("InfraBlessing", f"{uris['Model']}/infra", {"blessed": 1})},
            "ModelCardGen": {"model_card": Output("emotion_ai.ModelCard", uris["emotion_ai.ModelCard"])},
            "RunReport": {
                "html": Output("system.HTML", self._folder(number, "html")),
                "metrics": Output("system.Metrics", self._folder(number, "metrics"), {"accuracy": 0.9}),
            },
            "Pusher": {"pushed_model": Output("PushedModel", uris["PushedModel"], pushed)},
        }

    def _folder(self, number: int, kind: str) -> str:
        path = self.folder / "nodes" / f"{self.prefix}{kind}" / kind.lower() / str(number)
        path.mkdir(parents=True, exist_ok=True)
        return str(path)

    def _test_labels(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Row numbers and truth of the test split, as BlessingGen writes them."""
        faces = read_faces(self.examples.uri, "test")
        if faces.classes is not None:
            ids = [self.task.measures.class_names.index(name) for name in faces.classes]
            return faces.rows, np.array(ids, np.float32)
        assert faces.points is not None
        return faces.rows, faces.points[:, [faces.point_names.index(name) for name in POINTS]]

    def _card(self, counts: dict[str, int], found: list[Finding], verdicts: dict[str, Any]) -> str:
        facts = card.build(
            model_name=self.task.model_name,
            description=DESCRIPTIONS[self.task.name],
            data_fingerprint=file_fingerprint(self.csv),
            row_counts=counts,
            findings=found,
            schema=text_format.Parse(self.task.schema_file.read_text(), schema_pb2.Schema()),
            report=verdicts,
            settings={},
            commit="abc1234",
            environment={"python": "3.10.13"},
        )
        return card.to_json(facts)


def _predict(labels: npt.NDArray[np.float32], classes: int, skill: float) -> npt.NDArray[np.float32]:
    """Answers of a model of the given skill: probabilities for classes, else points near the true ones."""
    random = np.random.default_rng(1)
    if not classes:
        noise = random.normal(size=labels.shape) * 6 * (1 - skill)
        return (np.nan_to_num(labels, nan=48.0) + noise).astype(np.float32)
    scores = random.random((len(labels), classes)) * 2
    right = random.random(len(labels)) < skill
    scores[np.flatnonzero(right), labels[right].astype(int)] += 3
    exponents = np.exp(scores)
    return (exponents / exponents.sum(axis=1, keepdims=True)).astype(np.float32)


def _report(
    task: Task,
    rows: npt.NDArray[np.int64],
    labels: npt.NDArray[np.float32],
    predicted: npt.NDArray[np.float32],
    blessed: bool,
) -> dict[str, Any]:
    measures = task.measures
    values = measures.from_sums(measures.summands(labels, predicted).sum(axis=0))
    judged = "accuracy" if measures.class_names else "rmse_px"
    bound = values[judged] - 0.1 if blessed else values[judged] + 0.1
    limits = Limits(at_least=bound) if measures.class_names else Limits(at_most=2 * values[judged] - bound)
    interval = (values[judged] - 0.05, values[judged] + 0.05)
    verdicts = judge(judged, "", limits, Measured(values[judged], None, interval, None, len(rows)), 5)
    half = np.arange(len(rows)) % 2 == 0
    of_half = measures.from_sums(measures.summands(labels[half], predicted[half]).sum(axis=0))
    measured = Measured(of_half[judged], None, interval, None, int(half.sum()))
    verdicts += judge(judged, "brightness_band: low", limits, measured, 5)
    answers = Predicted(rows, labels, predicted, {})
    return {
        "model_name": task.model_name,
        "blessed": blessed,
        "baseline_version": None,
        "thresholds": [dataclasses.asdict(verdict) for verdict in verdicts],
        "metrics": {"": {**values, "example_count": len(rows)}, "brightness_band: low": of_half},
        "examples": {"": len(rows), "brightness_band: low": int(half.sum())},
        "intervals": {judged: interval},
        "worst": worst_rows(answers, measures),
        "confused": confused_pairs(answers, measures),
    }


def _write_training(folder: Path, skill: float) -> None:
    """TensorBoard logs as Keras's callback writes them."""
    for split, worse in (("train", 0.0), ("validation", 0.1)):
        with tf.summary.create_file_writer(str(folder / split)).as_default():
            for epoch in range(3):
                tf.summary.scalar("epoch_loss", 1 - skill * epoch / 3 + worse, step=epoch)
                tf.summary.scalar("epoch_accuracy", skill * (epoch + 1) / 3 - worse, step=epoch)
