"""One data set: from CSV to pushed model."""

from __future__ import annotations

import dataclasses
import os

from tfx.components.evaluator.component import Evaluator
from tfx.components.example_validator.component import ExampleValidator
from tfx.components.statistics_gen.component import StatisticsGen
from tfx.components.trainer.component import Trainer
from tfx.components.transform.component import Transform
from tfx.dsl.components.base.base_node import BaseNode

from components.anomaly_gate.component import AnomalyGate
from components.atomic_pusher.component import AtomicPusher
from components.baseline_model.component import BaselineModel
from components.curated_schema.component import CuratedSchema
from components.face_csv_example_gen.component import FaceCsvExampleGen
from components.findings_gen.component import FindingsGen
from components.findings_gen.waivers import Waiver
from pipeline.config import TaskSettings
from pipeline.fingerprint import code_fingerprint, file_fingerprint
from pipeline.tasks import Task


@dataclasses.dataclass(frozen=True)
class Source:
    """A CSV to read.

    Attributes:
      path: the file.
      fingerprint: changes when its content does.
      class_coding: coding of its class column, see FaceCsvFormat; 'auto' to find out.
      split_by: 'hash' or 'usage'.
      max_bad_rows: share of its rows that may be unusable.
      waivers: the findings in it that are accepted.
    """

    path: str
    fingerprint: str
    class_coding: str = "auto"
    split_by: str = "hash"
    max_bad_rows: float = 0.0
    waivers: tuple[Waiver, ...] = ()


def create_branch(task: Task, source: Source, settings: TaskSettings, models_root: str, run_id: str) -> list[BaseNode]:
    """The nodes of one branch.

    Args:
      task: what the data set is.
      source: its CSV.
      settings: training and thresholds.
      models_root: folder that gets `<model name>/<version>/`.
      run_id: another one for each run.
    """
    model_base_path = os.path.join(models_root, task.model_name)
    training_code = code_fingerprint(task.module("training"))
    preprocessing_code = code_fingerprint(task.module("preprocessing"))

    example_gen = FaceCsvExampleGen(
        csv_path=source.path,
        csv_format=task.csv_format,
        class_coding=source.class_coding,
        split_by=source.split_by,
        data_fingerprint=source.fingerprint,
        code_fingerprint=code_fingerprint("components.face_csv_example_gen.executor"),
    )
    schema_gen = CuratedSchema(schema_file=str(task.schema_file), schema_fingerprint=file_fingerprint(task.schema_file))
    statistics_gen = StatisticsGen(examples=example_gen.outputs["examples"], schema=schema_gen.outputs["schema"])
    example_validator = ExampleValidator(
        statistics=statistics_gen.outputs["statistics"], schema=schema_gen.outputs["schema"]
    )
    findings_gen = FindingsGen(
        examples=example_gen.outputs["examples"],
        statistics=statistics_gen.outputs["statistics"],
        anomalies=example_validator.outputs["anomalies"],
        schema=schema_gen.outputs["schema"],
        data_set=task.name,
        csv_format=task.csv_format,
        max_bad_rows=source.max_bad_rows,
        waivers=[dataclasses.asdict(waiver) for waiver in source.waivers],
        model_base_path=model_base_path,
        code_fingerprint=code_fingerprint("components.findings_gen.executor"),
    )
    gate = AnomalyGate(
        examples=example_gen.outputs["examples"],
        findings=findings_gen.outputs["findings"],
        code_fingerprint=code_fingerprint("components.anomaly_gate.executor"),
    )
    transform = Transform(
        examples=gate.outputs["passed_examples"],
        schema=schema_gen.outputs["schema"],
        preprocessing_fn=task.module("preprocessing.preprocessing_fn"),
        custom_config={"code_fingerprint": preprocessing_code},
        # StatisticsGen has done it on the same rows; doing it twice more takes longer than the transformation.
        disable_statistics=True,
        # Nothing here is analysed over the data set, so that there is nothing to cache.
        disable_analyzer_cache=True,
    )
    trainer = Trainer(
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        run_fn=task.module("training.run_fn"),
        custom_config={"training": settings.training.model_dump(), "code_fingerprint": training_code},
    )
    baseline_model = BaselineModel(
        candidate=trainer.outputs["model"],
        model_base_path=model_base_path,
        code_fingerprint=code_fingerprint("components.baseline_model.executor"),
    )
    evaluator = Evaluator(
        examples=gate.outputs["passed_examples"],
        model=trainer.outputs["model"],
        baseline_model=baseline_model.outputs["baseline"],
        eval_config=task.eval_config(settings.thresholds, code_fingerprint(task.module("evaluation"))),
        example_splits=["test"],
        schema=schema_gen.outputs["schema"],
    )
    pusher = AtomicPusher(
        model=trainer.outputs["model"],
        model_blessing=evaluator.outputs["blessing"],
        statistics=statistics_gen.outputs["statistics"],
        model_base_path=model_base_path,
        run_id=run_id,
    )
    nodes = {
        "ExampleGen": example_gen,
        "Schema": schema_gen,
        "StatisticsGen": statistics_gen,
        "ExampleValidator": example_validator,
        "FindingsGen": findings_gen,
        "AnomalyGate": gate,
        "Transform": transform,
        "Trainer": trainer,
        "BaselineModel": baseline_model,
        "Evaluator": evaluator,
        "Pusher": pusher,
    }
    return [node.with_id(task.node_id(name)) for name, node in nodes.items()]
