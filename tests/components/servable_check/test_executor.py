"""ServableCheck's executor on real SavedModels, each in a clean process."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from tfx.components.pusher import executor as stock_pusher
from tfx.types import channel_utils, standard_artifacts

from components import predictions
from components.servable_check import executor, session_check
from components.servable_check.component import ServableCheck
from components.servable_check.requests import INPUTS
from serving.server.loading import WARMUP_FILE, read_warmup
from tests.components.servable_check import models

ROWS = 40
GENEROUS = {"max_first_request_ms": 20_000.0, "max_median_ms": 5_000.0, "max_memory_mb": 2_000.0}


@dataclasses.dataclass
class Result:
    """What a run has left."""

    blessing: standard_artifacts.InfraBlessing
    report: dict[str, Any]

    @property
    def pushed(self) -> bool:
        """Whether the stock Pusher would push."""
        return stock_pusher.Executor().CheckBlessing({"infra_blessing": [self.blessing]})

    @property
    def model(self) -> str:
        """What the stock Pusher would push."""
        return stock_pusher.Executor().GetModelPath({"infra_blessing": [self.blessing]})


def run(folder: Path, model_path: Path, error: float = 0, first_row: int = 1, **budgets: float) -> Result:
    """Runs the executor.

    Args:
      folder: for the artifacts.
      model_path: the SavedModel.
      error: is added to the evaluated answers.
      first_row: of the predictions.
      budgets: other than generous ones.
    """
    serialized, images = models.examples(ROWS)
    (folder / "examples" / "Split-test").mkdir(parents=True)
    with tf.io.TFRecordWriter(str(folder / "examples" / "Split-test" / "data")) as writer:
        for example in serialized:
            writer.write(example)
    examples = standard_artifacts.Examples()
    examples.uri, examples.split_names = str(folder / "examples"), '["test"]'

    predicted = predictions.Predictions()
    predicted.uri = str(folder / "predictions")
    answers = models.Weights()(images).numpy() + np.float32(error)
    # In another order than the Examples, as Beam may leave them.
    order = np.random.default_rng(2).permutation(ROWS)
    (folder / "predictions").mkdir()
    predictions.write(predicted.uri, order + first_row, answers[order], answers[order])

    model = standard_artifacts.Model()
    model.uri = str(folder / "model")
    (folder / "model").mkdir()
    (folder / "model" / "Format-Serving").symlink_to(model_path)
    blessing = standard_artifacts.InfraBlessing()
    blessing.uri = str(folder / "blessing")
    (folder / "blessing").mkdir()
    executor.Executor().Do(
        {"model": [model], "examples": [examples], "predictions": [predicted]},
        {"blessing": [blessing]},
        {"prediction_key": models.KEY, "code_fingerprint": "1", **GENEROUS, **budgets},
    )
    return Result(blessing, json.loads((folder / "blessing" / executor.REPORT_FILE).read_text()))


@pytest.fixture(scope="module")
def good_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = models.save(tmp_path_factory.mktemp("good") / "model", models.Weights())
    (path / WARMUP_FILE).parent.mkdir()
    (path / WARMUP_FILE).write_text("of another age")
    return path


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory, good_model: Path) -> Result:
    return run(tmp_path_factory.mktemp("good_run"), good_model)


def assert_refused(result: Result) -> list[str]:
    """The reasons, of a model that is not pushed."""
    assert not result.pushed
    assert not result.report["passed"]
    folder = Path(result.blessing.uri)
    assert sorted(path.name for path in folder.iterdir()) == ["INFRA_NOT_BLESSED", executor.REPORT_FILE]
    with pytest.raises(RuntimeError, match="does not contain a model"):
        _ = result.model
    return list(result.report["reasons"])


def test_the_component_has_the_executors_interface() -> None:
    examples, model, predicted = standard_artifacts.Examples(), standard_artifacts.Model(), predictions.Predictions()
    channels = {"examples": examples, "model": model, "predictions": predicted}
    component = ServableCheck(
        **{name: channel_utils.as_channel([artifact]) for name, artifact in channels.items()},
        prediction_key=models.KEY,
        code_fingerprint="1",
        **GENEROUS,
    )
    assert set(component.inputs) == set(channels)
    assert component.outputs["blessing"].type is standard_artifacts.InfraBlessing


def test_a_good_model_is_blessed(good: Result) -> None:
    assert good.report["reasons"] == []
    assert good.report["passed"]
    assert good.pushed
    assert (Path(good.blessing.uri) / "INFRA_BLESSED").exists()
    for name in ("first_request_ms", "median_ms"):
        assert 0 < good.report[name] < GENEROUS[f"max_{name}"]
    assert good.report["memory_mb"] > 0
    assert all(check["passed"] for check in good.report["checks"])


def test_the_blessed_model_has_warm_up_requests_and_answers(good: Result, good_model: Path) -> None:
    logs = [log.predict_log.request for log in read_warmup(Path(good.model))]
    sizes = [tf.make_ndarray(log.inputs[INPUTS[log.model_spec.signature_name][0]]).shape[0] for log in logs]
    assert sorted(sizes) == [1] * 5 + [8] * 5
    serialized, images = models.examples(2)
    answer = tf.saved_model.load(good.model).signatures["serving_examples"](tf.constant(serialized))
    np.testing.assert_allclose(answer[models.KEY], models.Weights()(images), atol=1e-6)
    # The model that came in shares its files with the blessed one, but not this.
    assert (good_model / WARMUP_FILE).read_text() == "of another age"


def test_answers_other_than_the_evaluated_ones(tmp_path: Path, good_model: Path) -> None:
    result = run(tmp_path, good_model, error=3e-5)
    reasons = assert_refused(result)
    assert [check["name"] for check in result.report["checks"] if not check["passed"]] == [
        "serving_tensor: answers",
        "serving_tensor_uint8: answers",
        "serving_examples: answers",
        "classify: answers",
    ]
    assert reasons[0].startswith(
        "serving_tensor answers 'probabilities' otherwise than the evaluation has got it: 3e-05 apart"
    )


def test_a_model_that_crashes_its_process(tmp_path: Path) -> None:
    result = run(tmp_path, models.save(tmp_path / "saved", models.Weights(), guarded=False))
    *silent, crash = assert_refused(result)
    assert [reason.split(" as if")[0] for reason in silent] == [
        "serving_tensor answers an image that is too high",
        "serving_tensor answers an image that is too wide",
    ]
    assert crash.startswith("The model crashes the process that serves it: SIGABRT")
    assert crash.endswith("It happened in the check 'serving_tensor: an image without a batch'.")
    assert result.report["median_ms"] > 0
    assert result.report["memory_mb"] is None


def test_budgets(tmp_path: Path, good_model: Path) -> None:
    result = run(tmp_path, good_model, max_first_request_ms=1e-3, max_median_ms=1e-3, max_memory_mb=1.0)
    first, median, memory = assert_refused(result)
    assert first.startswith("The first request after the warm-up takes")
    assert first.endswith("0.001 ms are allowed. Make the model smaller, or raise `max_first_request_ms`.")
    assert median.startswith("The median of 30 requests of a single image takes")
    assert "ms to classify; 0.001 ms are allowed." in median
    assert memory.startswith("Loading and serving the model takes")
    assert memory.endswith("1 MB are allowed. Make the model smaller, or raise `max_memory_mb`.")


def test_a_model_server_that_does_not_start(tmp_path: Path, good_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(session_check.BINARY_VARIABLE, "/bin/false")
    [reason] = assert_refused(run(tmp_path, good_model))
    assert "ServerGoneError: the model server has ended with status 1" in reason
    assert reason.endswith("in the check 'warm-up: load and replay'.")


def test_a_model_server_is_asked_where_one_is_named(
    tmp_path: Path, good_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over gRPC, with the flags of the real one; the local server has them, too."""
    binary = tmp_path / "tensorflow_model_server"
    binary.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m serving.server "$@"\n')
    binary.chmod(0o755)
    monkeypatch.setenv(session_check.BINARY_VARIABLE, str(binary))
    result = run(tmp_path, good_model)
    assert result.report["reasons"] == []
    # A whole server, not the growth of a process.
    assert result.report["memory_mb"] > 150
    details = {check["name"]: check["detail"] for check in result.report["checks"]}
    assert details["serving_default: bytes that are no image"].startswith("An error, as it should be: INVALID_ARGUMENT")


def test_a_process_that_does_not_end(tmp_path: Path, good_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executor, "_TIMEOUT_S", 1)
    [reason] = assert_refused(run(tmp_path, good_model))
    assert reason.startswith("Serving the model did not come to an end within 1 s.")


def test_predictions_of_other_rows(tmp_path: Path, good_model: Path) -> None:
    [reason] = assert_refused(run(tmp_path, good_model, first_row=1000))
    assert reason.startswith("None of the Examples of the split 'test' has a row number that the predictions name.")
