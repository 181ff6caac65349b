"""One data set: from CSV to pushed model."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

from tfx.components.evaluator.component import Evaluator
from tfx.components.example_validator.component import ExampleValidator
from tfx.components.statistics_gen.component import StatisticsGen
from tfx.components.trainer.component import Trainer
from tfx.components.transform.component import Transform
from tfx.components.tuner.component import Tuner
from tfx.dsl.components.base.base_node import BaseNode
from tfx.orchestration.data_types import RuntimeParameter

from components.anomaly_gate.component import AnomalyGate
from components.atomic_pusher.component import AtomicPusher
from components.baseline_model.component import BaselineModel
from components.blessing.component import BlessingGen
from components.curated_schema.component import CuratedSchema
from components.data_report.component import DataReport
from components.face_csv_example_gen.component import FaceCsvExampleGen
from components.findings_gen.component import FindingsGen
from components.findings_gen.waivers import Waiver
from components.model_card import card
from components.model_card.component import ModelCardGen
from components.run_report.component import RunReport
from components.servable_check.component import ServableCheck
from dashboard.page_files import PAGE_FILES
from pipeline.card_facts import DESCRIPTIONS
from pipeline.config import Serving, TaskSettings
from pipeline.deployment import Deployment
from pipeline.fingerprint import file_fingerprint
from pipeline.tasks import Task

# `train` fits weights, `eval` stops the training; only this one has no say in what the model becomes.
EVALUATED_SPLIT = "test"


@dataclasses.dataclass(frozen=True)
class Source:
    """A CSV to read; what is text may also be known only when the run begins.

    Attributes:
      path: the file, as the nodes see it.
      fingerprint: changes when its content does.
      class_coding: coding of its class column, see FaceCsvFormat; 'auto' to find out.
      split_by: 'hash' or 'usage'.
      max_bad_rows: share of its rows that may be unusable.
      waivers: the findings in it that are accepted.
    """

    path: str | RuntimeParameter
    fingerprint: str | RuntimeParameter
    class_coding: str | RuntimeParameter = "auto"
    split_by: str | RuntimeParameter = "hash"
    max_bad_rows: float = 0.0
    waivers: tuple[Waiver, ...] = ()


def create_branch(
    task: Task, source: Source, settings: TaskSettings, serving: Serving, deployment: Deployment
) -> list[BaseNode]:
    """The nodes of one branch.

    Args:
      task: what the data set is.
      source: its CSV.
      settings: training and thresholds.
      serving: what a server asks of the model.
      deployment: where the nodes run.
    """

    def code_fingerprint(module: str, *files: Path) -> str:
        return deployment.code_fingerprint(module, files)

    model_base_path = os.path.join(deployment.models_root, task.model_name)
    evaluation_code = code_fingerprint(task.module("evaluation"))
    training_at_run_time = deployment.training.get(task.name)
    training = training_at_run_time or json.dumps(settings.fitting())
    training_config = {**settings.fitting(), "code_fingerprint": code_fingerprint(task.module("training"))}

    example_gen = FaceCsvExampleGen(
        csv_path=source.path,
        csv_format=task.csv_format,
        class_coding=source.class_coding,
        split_by=source.split_by,
        data_fingerprint=source.fingerprint,
        code_fingerprint=code_fingerprint("components.face_csv_example_gen.executor"),
    )
    schema_gen = CuratedSchema(
        schema_file=os.path.join(deployment.schemas, task.schema_file.name),
        schema_fingerprint=file_fingerprint(task.schema_file),
    )
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
    data_parameters = {
        "ExampleGen": _parameters(example_gen, "csv_format"),
        "FindingsGen": _parameters(findings_gen, "waivers", "model_base_path"),
    }
    data_report = DataReport(
        examples=example_gen.outputs["examples"],
        statistics=statistics_gen.outputs["statistics"],
        anomalies=example_validator.outputs["anomalies"],
        findings=findings_gen.outputs["findings"],
        branch=task.node_id(""),
        parameters=data_parameters,
        code_fingerprint=code_fingerprint("components.data_report.executor", *PAGE_FILES),
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
        custom_config={"code_fingerprint": code_fingerprint(task.module("preprocessing"))},
        # StatisticsGen has done it on the same rows; doing it twice more takes longer than the transformation.
        disable_statistics=True,
        # Nothing here is analysed over the data set, so that there is nothing to cache.
        disable_analyzer_cache=True,
    )
    tuner = _tuner(task, transform, training_at_run_time or training_config) if settings.tuning else None
    trainer = Trainer(
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        hyperparameters=tuner.outputs["best_hyperparameters"] if tuner else None,
        run_fn=task.module("training.run_fn"),
        custom_config=training_at_run_time or {**training_config, "checkpoints": deployment.checkpoints},
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
        eval_config=task.eval_config(settings.thresholds, evaluation_code),
        example_splits=[EVALUATED_SPLIT],
        schema=schema_gen.outputs["schema"],
    )
    blessing_gen = BlessingGen(
        examples=gate.outputs["passed_examples"],
        model=trainer.outputs["model"],
        baseline_model=baseline_model.outputs["baseline"],
        evaluation=evaluator.outputs["evaluation"],
        model_blessing=evaluator.outputs["blessing"],
        model_name=task.model_name,
        measures=task.module("evaluation.MEASURES"),
        thresholds=settings.thresholds_by_slice(),
        split=EVALUATED_SPLIT,
        code_fingerprint=code_fingerprint("components.blessing.executor") + evaluation_code,
    )
    servable_check = ServableCheck(
        model=trainer.outputs["model"],
        examples=gate.outputs["passed_examples"],
        predictions=blessing_gen.outputs["predictions"],
        prediction_key=task.measures.prediction,
        max_first_request_ms=serving.max_first_request_ms,
        max_median_ms=serving.max_median_ms,
        max_memory_mb=serving.max_memory_mb,
        code_fingerprint=code_fingerprint("components.servable_check.executor"),
    )
    model_card_gen = ModelCardGen(
        examples=gate.outputs["passed_examples"],
        schema=schema_gen.outputs["schema"],
        findings=findings_gen.outputs["findings"],
        report=blessing_gen.outputs["report"],
        model_name=task.model_name,
        data_fingerprint=source.fingerprint,
        hyperparameters=tuner.outputs["best_hyperparameters"] if tuner else None,
        training=training,
        settings=settings.model_dump_json(exclude={"training", "tuning"}),
        commit=deployment.commit,
        description=json.dumps(DESCRIPTIONS[task.name]),
        code_fingerprint=code_fingerprint("components.model_card.executor", card.TEMPLATE),
    )
    run_report = RunReport(
        examples=example_gen.outputs["examples"],
        statistics=statistics_gen.outputs["statistics"],
        anomalies=example_validator.outputs["anomalies"],
        findings=findings_gen.outputs["findings"],
        hyperparameters=tuner.outputs["best_hyperparameters"] if tuner else None,
        tuner_results=tuner.outputs["tuner_results"] if tuner else None,
        model_run=trainer.outputs["model_run"],
        predictions=blessing_gen.outputs["predictions"],
        report=blessing_gen.outputs["report"],
        infra_blessing=servable_check.outputs["blessing"],
        model_card=model_card_gen.outputs["model_card"],
        branch=task.node_id(""),
        parameters={
            **data_parameters,
            "BlessingGen": _parameters(blessing_gen, "split"),
            "ServableCheck": _parameters(servable_check, "max_first_request_ms", "max_median_ms", "max_memory_mb"),
        },
        training=training,
        has_classes=bool(task.class_names),
        code_fingerprint=code_fingerprint("components.run_report.executor", *PAGE_FILES),
    )
    pusher = AtomicPusher(
        model=trainer.outputs["model"],
        model_blessing=blessing_gen.outputs["blessing"],
        infra_blessing=servable_check.outputs["blessing"],
        statistics=statistics_gen.outputs["statistics"],
        model_card=model_card_gen.outputs["model_card"],
        model_base_path=model_base_path,
        keep_versions=serving.keep_versions,
        run_id=deployment.run_id,
    )
    nodes = {
        "ExampleGen": example_gen,
        "Schema": schema_gen,
        "StatisticsGen": statistics_gen,
        "ExampleValidator": example_validator,
        "FindingsGen": findings_gen,
        "DataReport": data_report,
        "AnomalyGate": gate,
        "Transform": transform,
        **({"Tuner": tuner} if tuner else {}),
        "Trainer": trainer,
        "BaselineModel": baseline_model,
        "Evaluator": evaluator,
        "BlessingGen": blessing_gen,
        "ServableCheck": servable_check,
        "ModelCardGen": model_card_gen,
        "RunReport": run_report,
        "Pusher": pusher,
    }
    return [node.with_id(task.node_id(name)) for name, node in nodes.items()]


def _tuner(task: Task, transform: Transform, config: dict[str, Any] | RuntimeParameter) -> Tuner:
    at_run_time = isinstance(config, RuntimeParameter)
    tuner = Tuner(
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        tuner_fn=task.module("training.tuner_fn"),
        custom_config=None if at_run_time else config,
    )
    if at_run_time:
        # A Trainer takes it as it is; a Tuner would make JSON of the parameter itself.
        tuner.exec_properties["custom_config"] = config
    return tuner


def _parameters(node: BaseNode, *names: str) -> dict[str, Any]:
    return {name: node.exec_properties[name] for name in names}
