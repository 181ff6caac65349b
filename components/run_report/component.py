"""Interface of RunReport."""

from __future__ import annotations

import json
from typing import Any

from tfx import types
from tfx.dsl.components.base import base_component, executor_spec
from tfx.orchestration import data_types
from tfx.types import component_spec, standard_artifacts

from components.blessing.report import BlessingReport
from components.findings import Findings
from components.model_card.artifact import ModelCard
from components.predictions import Predictions
from components.run_report import executor
from components.run_report.artifact import ClassificationMetrics, HtmlReport, Metrics


class RunReportSpec(component_spec.ComponentSpec):
    """Parameters, inputs and outputs of RunReport."""

    PARAMETERS = {
        "branch": component_spec.ExecutionParameter(type=str),
        "parameters": component_spec.ExecutionParameter(type=str),
        "training": component_spec.ExecutionParameter(type=str),
        "code_fingerprint": component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {
        "examples": component_spec.ChannelParameter(type=standard_artifacts.Examples),
        "statistics": component_spec.ChannelParameter(type=standard_artifacts.ExampleStatistics),
        "anomalies": component_spec.ChannelParameter(type=standard_artifacts.ExampleAnomalies),
        "findings": component_spec.ChannelParameter(type=Findings),
        "hyperparameters": component_spec.ChannelParameter(type=standard_artifacts.HyperParameters, optional=True),
        "tuner_results": component_spec.ChannelParameter(type=standard_artifacts.TunerResults, optional=True),
        "model_run": component_spec.ChannelParameter(type=standard_artifacts.ModelRun),
        "predictions": component_spec.ChannelParameter(type=Predictions),
        "report": component_spec.ChannelParameter(type=BlessingReport),
        "infra_blessing": component_spec.ChannelParameter(type=standard_artifacts.InfraBlessing),
        "model_card": component_spec.ChannelParameter(type=ModelCard),
    }
    OUTPUTS = {
        "html": component_spec.ChannelParameter(type=HtmlReport),
        "evaluation_html": component_spec.ChannelParameter(type=HtmlReport),
        "metrics": component_spec.ChannelParameter(type=Metrics),
        "classification_metrics": component_spec.ChannelParameter(type=ClassificationMetrics, optional=True),
    }


class RunReport(base_component.BaseComponent):
    """Shows data, findings, training, evaluation and verdict of a branch in one page, as the dashboard does.

    For Kubeflow's UI there are also the evaluation and the verdict as a page of their own, the metrics as numbers,
    and, where there are classes, the confusion matrix and the ROC curve.

    It does not wait for the Pusher, which runs each time: so it is cached with what it shows.
    """

    SPEC_CLASS = RunReportSpec
    EXECUTOR_SPEC = executor_spec.ExecutorClassSpec(executor.Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        statistics: types.BaseChannel,
        anomalies: types.BaseChannel,
        findings: types.BaseChannel,
        model_run: types.BaseChannel,
        predictions: types.BaseChannel,
        report: types.BaseChannel,
        infra_blessing: types.BaseChannel,
        model_card: types.BaseChannel,
        branch: str,
        parameters: dict[str, dict[str, Any]],
        training: str | data_types.RuntimeParameter,
        has_classes: bool,
        code_fingerprint: str,
        hyperparameters: types.BaseChannel | None = None,
        tuner_results: types.BaseChannel | None = None,
    ) -> None:
        """Constructs the component.

        Args:
          examples: of FaceCsvExampleGen.
          statistics: of the examples.
          anomalies: that ExampleValidator has found.
          findings: in the examples.
          model_run: TensorBoard's files of the training.
          predictions: of the evaluated split.
          report: the verdict on the model.
          infra_blessing: of ServableCheck.
          model_card: of the model.
          branch: its name, with which the ids of its nodes begin.
          parameters: of nodes, by what their ids end with; read are csv_format of ExampleGen, waivers and
            model_base_path of FindingsGen, split of BlessingGen, and the limits of ServableCheck.
          training: custom_config of the Trainer, JSON.
          has_classes: whether the model names classes, so that there is an output `classification_metrics`.
          code_fingerprint: changes when this component's code or the page's files do.
          hyperparameters: that a Tuner has found best.
          tuner_results: its trials.
        """
        super().__init__(
            spec=RunReportSpec(
                examples=examples,
                statistics=statistics,
                anomalies=anomalies,
                findings=findings,
                hyperparameters=hyperparameters,
                tuner_results=tuner_results,
                model_run=model_run,
                predictions=predictions,
                report=report,
                infra_blessing=infra_blessing,
                model_card=model_card,
                branch=branch,
                parameters=json.dumps(parameters),
                training=training,
                code_fingerprint=code_fingerprint,
                html=types.Channel(type=HtmlReport),
                evaluation_html=types.Channel(type=HtmlReport),
                metrics=types.Channel(type=Metrics),
                classification_metrics=types.Channel(type=ClassificationMetrics) if has_classes else None,
            )
        )
