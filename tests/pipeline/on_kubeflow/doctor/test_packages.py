"""The doctor on whole packages: TFX's own, ours, and one of the kfp SDK."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from tensorflow_model_analysis.proto import config_pb2
from tfx.components.evaluator.component import Evaluator
from tfx.components.example_gen.csv_example_gen.component import CsvExampleGen
from tfx.components.example_validator.component import ExampleValidator
from tfx.components.pusher.component import Pusher
from tfx.components.schema_gen.component import SchemaGen
from tfx.components.statistics_gen.component import StatisticsGen
from tfx.components.trainer.component import Trainer
from tfx.components.transform.component import Transform
from tfx.dsl.components.base.base_node import BaseNode
from tfx.dsl.components.common.resolver import Resolver
from tfx.dsl.experimental.conditionals.conditional import Cond
from tfx.dsl.input_resolution.strategies.latest_blessed_model_strategy import LatestBlessedModelStrategy
from tfx.orchestration.data_types import RuntimeParameter
from tfx.orchestration.kubeflow.decorators import FinalStatusStr
from tfx.orchestration.kubeflow.v2.kubeflow_v2_dag_runner import KubeflowV2DagRunner, KubeflowV2DagRunnerConfig
from tfx.orchestration.pipeline import Pipeline
from tfx.proto import trainer_pb2
from tfx.types.channel import Channel
from tfx.types.standard_artifacts import Model, ModelBlessing

from pipeline.on_kubeflow.doctor.examination import examine
from pipeline.on_kubeflow.doctor.problem import Problem
from pipeline.on_kubeflow.doctor.report import show_problems
from tests.pipeline.on_kubeflow.doctor.function_components import exit_component, first_component, second_component
from tests.pipeline.on_kubeflow.doctor.packages import Damaged, problems_of

_GOLDEN = Path(__file__).parent.parent / "golden" / "emotion-ai.yaml"
_KFP_SDK = Path(__file__).with_name("hello-world.yaml")
_COMPONENTS = {
    *("CsvExampleGen", "StatisticsGen", "SchemaGen", "ExampleValidator", "Transform", "Trainer", "Evaluator", "Pusher"),
}


def _taxi(folder: Path) -> list[BaseNode]:
    """The nodes of TFX's tutorial, as they stand there."""
    module = folder / "taxi_utils.py"
    module.write_text("def run_fn(fn_args): ...\n\n\ndef preprocessing_fn(inputs): return inputs\n", encoding="utf-8")
    examples = CsvExampleGen(input_base="/home/me/taxi/data")
    statistics = StatisticsGen(examples=examples.outputs["examples"])
    schema = SchemaGen(statistics=statistics.outputs["statistics"])
    validator = ExampleValidator(statistics=statistics.outputs["statistics"], schema=schema.outputs["schema"])
    transform = Transform(
        examples=examples.outputs["examples"], schema=schema.outputs["schema"], module_file=str(module)
    )
    resolver = Resolver(
        strategy_class=LatestBlessedModelStrategy,
        model=Channel(type=Model),
        model_blessing=Channel(type=ModelBlessing),
    ).with_id("latest_blessed_model_resolver")
    trainer = Trainer(
        examples=transform.outputs["transformed_examples"],
        transform_graph=transform.outputs["transform_graph"],
        schema=schema.outputs["schema"],
        module_file=str(module),
        train_args=trainer_pb2.TrainArgs(num_steps=10),
        eval_args=trainer_pb2.EvalArgs(num_steps=5),
    )
    evaluator = Evaluator(
        examples=examples.outputs["examples"],
        model=trainer.outputs["model"],
        baseline_model=resolver.outputs["model"],
        eval_config=config_pb2.EvalConfig(),
    )
    with Cond(evaluator.outputs["blessing"].future()[0].custom_property("blessed") == 1):
        pusher = Pusher(
            model=trainer.outputs["model"],
            push_destination=RuntimeParameter("pipeline-root", ptype=str, default="/models"),
        )
    return [examples, statistics, schema, validator, transform, resolver, trainer, evaluator, pusher]


def _compiled(folder: Path, file: str, new_schema: bool) -> Path:
    pipeline = Pipeline("taxi", str(folder / "root"), components=_taxi(folder), enable_cache=True)
    config = KubeflowV2DagRunnerConfig(use_pipeline_spec_2_1=new_schema)
    KubeflowV2DagRunner(config, output_dir=str(folder), output_filename=file).run(pipeline)
    return folder / file


@pytest.fixture(scope="module")
def taxi(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _compiled(tmp_path_factory.mktemp("taxi"), "taxi.yaml", new_schema=True)


@pytest.fixture(scope="module")
def taxi_problems(taxi: Path) -> list[Problem]:
    return examine(taxi)


def _nodes(problems: list[Problem], severity: str, words: str) -> set[str]:
    return {problem.node for problem in problems if problem.severity == severity and words in problem.what}


_RESOLVERS = {"latest_blessed_model_resolver-model-blessing-resolver", "latest_blessed_model_resolver-model-resolver"}


@pytest.mark.parametrize(
    ("severity", "words", "nodes"),
    [
        ("error", "It is a Resolver", _RESOLVERS),
        ("error", "Argo, which runs it, refuses the name", _RESOLVERS),
        ("error", "TFX's own runner", _COMPONENTS),
        ("error", "lifecycle.preCacheCheck never runs", {"CsvExampleGen"}),
        ("error", "holds the path /home/me/taxi/data", {"CsvExampleGen"}),
        ("error", "Its code is in the wheel", {"Trainer", "Transform"}),
        ("warning", "TFX's own image", _COMPONENTS),
        ("warning", "one state of its data from another", {"CsvExampleGen"}),
        ("warning", "'pipeline-root' has no default", {""}),
        ("warning", "shows nothing of", {"StatisticsGen", "ExampleValidator", "Transform", "Evaluator"}),
    ],
)
def test_a_stock_tfx_package_is_told_all_that_kubeflow_will_not_do(
    taxi_problems: list[Problem], severity: str, words: str, nodes: set[str]
) -> None:
    assert _nodes(taxi_problems, severity, words) == nodes


def test_nothing_else_is_said_of_a_stock_tfx_package(taxi_problems: list[Problem]) -> None:
    # 2 + 2 resolvers, 8 runners, 1 driver, 1 path, 2 wheels; 8 images, 1 cache, 1 parameter, 4 reports.
    assert [problem.severity for problem in taxi_problems] == ["error"] * 16 + ["warning"] * 14
    assert all(problem.remedy for problem in taxi_problems)


def test_what_tfx_writes_wrong(tmp_path: Path) -> None:
    first = first_component(rows=RuntimeParameter("rows", ptype=int))
    second = second_component(text=first.outputs["text"].future()[0].value)
    config = KubeflowV2DagRunnerConfig(use_pipeline_spec_2_1=True, default_image="repo/image:1")
    runner = KubeflowV2DagRunner(config, output_dir=str(tmp_path), output_filename="x.yaml")
    runner.set_exit_handler(exit_component(status=FinalStatusStr()))
    runner.run(Pipeline("x", str(tmp_path), components=[first, second]))
    found = examine(tmp_path / "x.yaml")
    assert _nodes(found, "error", "TFX writes a wrong name for 'first_component'") == {"tfx-dag/second_component"}
    assert _nodes(found, "error", "the input 'rows' of 'tfx-dag', which has none of that name") == {
        "tfx-dag/first_component"
    }
    assert _nodes(found, "warning", "final status of a task") == {"exit_component"}
    assert not _nodes(found, "error", "cannot be imported")


def test_tfx_s_default_form_is_one_for_vertex(tmp_path: Path) -> None:
    found = examine(_compiled(tmp_path, "taxi.json", new_schema=False))
    assert _nodes(found, "error", "It is a PipelineJob") == {""}
    assert _nodes(found, "error", "schemaVersion is '2.0.0'") == {""}
    assert _nodes(found, "error", f"{tmp_path}/root is in no object store") == {""}
    # What the old schema says otherwise is not said of each parameter once more.
    assert not _nodes(found, "error", "is not a 'constant'")
    assert _nodes(found, "error", "It is a Resolver") == _RESOLVERS


def test_our_own_package_is_in_order() -> None:
    assert examine(_GOLDEN) == []


def test_a_package_of_the_kfp_sdk_is_in_order() -> None:
    assert examine(_KFP_SDK) == []


def test_a_parameter_without_a_default_is_meant_so_where_tfx_has_not_lost_it(tmp_path: Path) -> None:
    def require(package: Damaged) -> None:
        package.spec["root"]["inputDefinitions"]["parameters"]["text"] = {"parameterType": "STRING"}

    def lose(package: Damaged) -> None:
        require(package)
        package.make_tfx()

    assert problems_of(require, tmp_path) == []
    assert "neither a default nor a description" in problems_of(lose, tmp_path)[0].what


def test_equal_problems_of_several_nodes_are_printed_as_one(taxi: Path) -> None:
    terminal = io.StringIO()
    assert not show_problems(taxi, terminal)
    printed = terminal.getvalue()
    assert printed.count("TFX's own runner") == 1
    assert "and 2 more" in printed
    assert printed.splitlines()[-1] == f"{taxi}: 16 errors, 14 warnings"


def test_a_sound_package_is_said_to_be_sound() -> None:
    terminal = io.StringIO()
    assert show_problems(_KFP_SDK, terminal)
    assert terminal.getvalue() == f"{_KFP_SDK}: 0 errors, 0 warnings\n"
