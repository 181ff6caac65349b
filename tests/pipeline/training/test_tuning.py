"""The search for better settings: by itself on toy models, then as TFX's Tuner between Transform and Trainer."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from tfx.orchestration import metadata
from tfx.orchestration.pipeline import Pipeline

from components.errors import ExplainedError, InputError
from dashboard.runs import Artifact
from dashboard.training_log import read_training_log
from dashboard.tuning import best_values, read_trials
from pipeline.branch import Source, create_branch
from pipeline.config import load_settings
from pipeline.deployment import BEAM_IN_PROCESS, Deployment
from pipeline.emotion.training import RECIPE
from pipeline.kubeflow_runner import compile_package
from pipeline.local_runner import NodeRun, run_pipeline
from pipeline.on_kubeflow.doctor.examination import examine
from pipeline.on_kubeflow.package import Package
from pipeline.tasks import KEYPOINTS, SCHEMAS
from pipeline.training.faces import Faces
from pipeline.training.fit import fit
from pipeline.training.settings import Training, Tuning, read_tuning
from pipeline.training.tuning import Search, search_space, with_best_values
from tests.pipeline.training.small_training import small_training

SETTINGS = small_training(seed=0)


def toy_model(width: int) -> keras.Model:
    pixels = keras.Input((48, 48, 1))
    x = keras.layers.Flatten()(keras.layers.AveragePooling2D(8)(keras.layers.Rescaling(1 / 255)(pixels)))
    return keras.Model(pixels, keras.layers.Dense(5, activation="softmax")(x))


TOY = dataclasses.replace(RECIPE, build_model=toy_model)


def noise(rows: int, seed: int) -> Faces:
    random = np.random.default_rng(seed)
    labels = np.eye(5, dtype=np.float32)[np.arange(rows) % 5]
    return Faces(random.integers(0, 256, (rows, 48, 48, 1), np.uint8), labels)


ROWS = {"train": noise(64, 1), "evaluation": noise(32, 2)}


@pytest.fixture
def said() -> Iterator[list[str]]:
    """What people see of a running node."""
    lines: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    progress, listener = logging.getLogger("emotion_ai.progress"), Listener()
    before = progress.level
    progress.addHandler(listener)
    progress.setLevel(logging.INFO)
    yield lines
    progress.removeHandler(listener)
    progress.setLevel(before)


def searched(folder: Path, recipe: Any = TOY, trials: int = 4, settings: Training = SETTINGS) -> Search:
    search = Search(recipe, settings, Tuning(trials=trials, epochs=settings.epochs), str(folder))
    search.search(**ROWS)
    return search


def tried(search: Search) -> list[tuple[dict[str, Any], float | None]]:
    return [(trial.hyperparameters.values, trial.score) for trial in search.oracle.trials.values()]


def test_the_first_trial_has_the_settings_the_others_are_near_and_all_are_reproducible(
    tmp_path: Path, said: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    (first, loss), *others = tried(searched(tmp_path, trials=3))
    own = {"learning_rate": 0.01, "weight_decay": 0.05, "batch_size": 16}
    assert first == own
    history = keras.callbacks.History()
    fit(TOY, SETTINGS, **ROWS, callbacks=[history])
    assert loss == min(history.history["val_loss"])
    assert len(others) == 2
    for values, _ in others:
        assert values.keys() == own.keys()
        assert values != own
        assert 0.0025 <= values["learning_rate"] <= 0.04
        assert 0.005 <= values["weight_decay"] <= 0.5
        assert values["batch_size"] in (8, 16, 32)
    trials = [line for line in said if line.startswith("trial")]
    assert trials[0] == (
        f"trial 1/3  val_loss {loss:.4f} (best {loss:.4f})  learning_rate 0.01  weight_decay 0.05  batch_size 16"
    )
    best = min(score for _, score in [(first, loss), *others] if score)
    assert trials[2].startswith("trial 3/3  val_loss ")
    assert f"(best {best:.4f})" in trials[2]
    assert capfd.readouterr().out == ""
    # All but the first are chosen by what was seen before them.
    assert tried(searched(tmp_path / "again", trials=3)) == [(first, loss), *others]


@pytest.mark.parametrize(
    ("batch_size", "strategy", "choices"),
    [
        (16, "one_device", [8, 16, 32]),
        (6, "one_device", [6, 12]),
        (1, "one_device", [1, 2]),
        (16, "mirrored", [16, 32]),
        (16, "multi_worker", [16, 32]),
    ],
)
def test_no_batch_becomes_odd_or_cannot_be_dealt_out(batch_size: int, strategy: str, choices: list[int]) -> None:
    changes = {"batch_size": batch_size, "weight_decay": 0.0, "strategy": strategy}
    space = search_space(SETTINGS.model_copy(update=changes))
    [_, batch] = space.space
    assert batch.values == choices
    assert [hp.name for hp in space.space] == ["learning_rate", "batch_size"], "there is nothing near no weight decay"


def failing(times: int, error: Exception) -> Any:
    """TOY, the first builds of which fail."""
    left = [error] * times

    def build(width: int) -> keras.Model:
        if left:
            raise left.pop()
        return toy_model(width)

    return dataclasses.replace(TOY, build_model=build)


def test_a_trial_may_fail(tmp_path: Path, said: list[str]) -> None:
    search = searched(tmp_path, failing(1, MemoryError("1 TB\nis too much")), trials=2)
    assert search.get_best_hyperparameters()[0].values == tried(search)[1][0]
    trials = [line for line in said if line.startswith("trial")]
    assert trials[0].startswith("trial 1/2  failed: MemoryError: 1 TB  learning_rate 0.01")
    assert trials[1].startswith("trial 2/2  val_loss")


def test_not_all_trials_may_fail(tmp_path: Path) -> None:
    with pytest.raises(
        ExplainedError, match=r"All 4 trials of the tuning have failed, .* MemoryError: 1 TB\. Try"
    ) as one:
        searched(tmp_path, failing(4, MemoryError("1 TB")))
    assert "Traceback" not in str(one.value)


def test_a_loss_that_is_no_number_is_a_failure(tmp_path: Path) -> None:
    lost = dataclasses.replace(TOY, loss=lambda labels, outputs: outputs[:, 0] * np.nan)
    with pytest.raises(ExplainedError, match="the last one by: its loss is no number"):
        searched(tmp_path, lost, trials=2, settings=SETTINGS.model_copy(update={"epochs": 1}))


def test_a_wrong_setting_ends_the_search_at_once(tmp_path: Path, said: list[str]) -> None:
    with pytest.raises(InputError, match=r"^no such model$"):
        searched(tmp_path, failing(1, InputError("no such model")))
    assert not said


def configuration(**values: Any) -> dict[str, Any]:
    space = search_space(SETTINGS)
    return {**space.get_config(), "values": {**space.values, **values}}


def test_best_values_take_the_place_of_the_settings(said: list[str]) -> None:
    assert with_best_values(SETTINGS, None) == SETTINGS
    assert not said
    tuned = with_best_values(SETTINGS, json.loads(json.dumps(configuration(learning_rate=0.02, batch_size=8))))
    assert tuned == SETTINGS.model_copy(update={"learning_rate": 0.02, "batch_size": 8})
    assert said == ["best of the tuning: learning_rate 0.02  weight_decay 0.05  batch_size 8"]


@pytest.mark.parametrize(
    ("hyperparameters", "words"),
    [
        (configuration(dropout=0.5), "unknown key 'dropout'"),
        (configuration(learning_rate=-1.0), "'learning_rate': .* found -1.0"),
        ({"space": []}, "expected KerasTuner's configuration"),
        ({"values": 3}, "expected KerasTuner's configuration"),
        ([], "expected KerasTuner's configuration"),
    ],
)
def test_wrong_best_values_are_refused(hyperparameters: Any, words: str) -> None:
    with pytest.raises(InputError, match=rf"^best hyperparameters: {words}.* only: epochs, batch_size, learning_rate"):
        with_best_values(SETTINGS, hyperparameters)


@pytest.mark.parametrize(
    ("tuning", "words"),
    [
        ("{trials: 3}", "'emotion.tuning.epochs'"),
        ("{trials: 1, epochs: 2}", "'emotion.tuning.trials'.*2.*found 1"),
        ("{trials: 3, epochs: 2, width: 16}", "unknown key 'emotion.tuning.width'"),
        ("on", "'emotion.tuning'.*found True"),
    ],
)
def test_wrong_settings_are_named(tuning: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "settings.yaml").write_text(f"emotion: {{tuning: {tuning}}}")
    with pytest.raises(InputError, match=words):
        load_settings(tmp_path / "settings.yaml", {})
    assert load_settings(None, {}).emotion.tuning is None


def test_a_run_without_the_settings_of_its_tuner_is_told_what_they_look_like() -> None:
    with pytest.raises(InputError, match=r'^tuning settings: .*"tuning": \{"trials": 10, "epochs": 4\}\}\.$'):
        read_tuning({"training": {}})


class Console:
    def node_started(self, node_id: str) -> None:
        pass

    def node_ended(self, run: NodeRun) -> None:
        pass


@dataclasses.dataclass
class Tuned:
    """A branch from CSV to Trainer, with a Tuner whose trials are as long as the training."""

    folder: Path
    settings: Any
    csv: Path

    def run(self, run_id: str) -> dict[str, NodeRun]:
        source = Source(str(self.csv), "1")
        deployment = Deployment(
            str(self.folder / "models"), str(SCHEMAS), run_id, "none", lambda *code: "1", BEAM_IN_PROCESS
        )
        nodes = create_branch(KEYPOINTS, source, self.settings.keypoints, self.settings.serving, deployment)
        until = [node.id for node in nodes].index("KeypointsTrainer")
        needed = [node for node in nodes[: until + 1] if node.id != "KeypointsDataReport"]
        connection = metadata.sqlite_metadata_connection_config(str(self.folder / "metadata.sqlite"))
        pipeline = Pipeline(
            "tuned",
            str(self.folder / "nodes"),
            components=needed,
            enable_cache=True,
            metadata_connection_config=connection,
            beam_pipeline_args=list(BEAM_IN_PROCESS),
        )
        return run_pipeline(pipeline, run_id, Console())


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory, drawn_csvs: tuple[Path, Path]) -> Tuned:
    folder = tmp_path_factory.mktemp("tuned")
    (folder / "settings.yaml").write_text(
        "keypoints: {training: {epochs: 1, width: 16}, tuning: {trials: 2, epochs: 1}}"
    )
    return Tuned(folder, load_settings(folder / "settings.yaml", {}), drawn_csvs[0])


@pytest.fixture(scope="module")
def first_run(tuned: Tuned) -> dict[str, NodeRun]:
    return tuned.run("first")


def output(run: NodeRun, key: str) -> Artifact:
    [artifact] = run.outputs[key]
    return Artifact(artifact.id, artifact.type_name, artifact.uri, {})


def test_the_training_is_the_best_trial_once_more(first_run: dict[str, NodeRun]) -> None:
    assert {run.state for run in first_run.values()} == {"done"}, [run.message for run in first_run.values()]
    tuner = first_run["KeypointsTuner"]
    trials = read_trials(output(tuner, "tuner_results"))
    assert len(trials) == 2
    assert trials[0][1] == best_values(output(tuner, "best_hyperparameters"))
    log = read_training_log(output(first_run["KeypointsTrainer"], "model_run").uri)
    assert log
    # The same seed, settings and rows, through the same code.
    assert min(log.metrics["loss"]["validation"].values()) == pytest.approx(trials[0][0], rel=1e-6)
    assert trials[0][0] < trials[1][0]


def test_neither_tunes_nor_trains_again_without_a_reason(tuned: Tuned, first_run: dict[str, NodeRun]) -> None:
    again = tuned.run("again")
    assert {node: run.state for node, run in again.items() if "T" in node.removeprefix("Keypoints")[0]} == {
        "KeypointsTransform": "cached",
        "KeypointsTuner": "cached",
        "KeypointsTrainer": "cached",
    }
    assert again["KeypointsTuner"].outputs.keys() == {"best_hyperparameters", "tuner_results"}


@pytest.fixture(scope="module")
def package(tuned: Tuned) -> Package:
    return compile_package(tuned.settings, None, None, "none", tuned.folder / "package.yaml")


def test_kubeflow_gets_the_same_nodes(package: Package) -> None:
    tasks = package.root["dag"]["tasks"]
    assert "EmotionTuner" not in tasks
    tuner, trainer = tasks["KeypointsTuner"]["inputs"], tasks["KeypointsTrainer"]["inputs"]
    # Those who start a run say how long to search, where they say how long to train.
    expected = {"componentInputParameter": "keypoints_training"}
    assert tuner["parameters"]["custom_config"] == trainer["parameters"]["custom_config"] == expected
    assert trainer["artifacts"]["hyperparameters"]["taskOutputArtifact"] == {
        "producerTask": "KeypointsTuner",
        "outputArtifactKey": "best_hyperparameters",
    }
    parameter = package.root["inputDefinitions"]["parameters"]["keypoints_training"]
    assert json.loads(parameter["defaultValue"])["tuning"] == {"trials": 2, "epochs": 1}
    assert "KeypointsTuner and KeypointsTrainer" in parameter["description"]
    labels = {node: package.components[node]["executorLabel"] for node in ("KeypointsTuner", "KeypointsTrainer")}
    resources = {node: package.executors[label]["container"]["resources"] for node, label in labels.items()}
    assert resources["KeypointsTuner"] == resources["KeypointsTrainer"]


def test_the_doctor_has_no_objection(tuned: Tuned, package: Package) -> None:
    assert not [problem for problem in examine(tuned.folder / "package.yaml") if problem.severity == "error"]
