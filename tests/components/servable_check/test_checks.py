"""The checks of a SavedModel, in this process: real sessions, no executor."""

from __future__ import annotations

from pathlib import Path

import pytest
import tensorflow as tf

from components.servable_check.checks import Budgets, check_model
from components.servable_check.report import Recorder, Report
from components.servable_check.requests import write_warmup
from components.servable_check.servers import session_server
from tests.components.servable_check import models

GENEROUS = Budgets(20_000, 5_000, 2_000)


def check(folder: Path, holder: tf.Module, model_path: Path, budgets: Budgets = GENEROUS, warm: bool = True) -> Report:
    serialized, images = models.examples(10)
    if warm:
        write_warmup(serialized, str(model_path))
    recorder = Recorder(str(folder / "report.json"))
    expected = holder(images).numpy()
    check_model(str(model_path), serialized, expected, models.KEY, budgets, session_server, recorder)
    assert Report.from_json((folder / "report.json").read_text()) == recorder.report
    return recorder.report


def failed(report: Report) -> list[str]:
    return [check.name for check in report.checks if not check.passed]


def test_a_module_that_holds_a_keras_model(tmp_path: Path) -> None:
    holder = models.KerasHolder()
    report = check(tmp_path, holder, models.save(tmp_path / "model", holder))
    assert failed(report) == ["warm-up: load and replay"]
    [reason] = report.reasons
    assert "FAILED_PRECONDITION: Could not find variable" in reason
    assert "save an object that holds the model's variables" in reason


def test_a_model_without_warm_up(tmp_path: Path) -> None:
    holder = models.Weights()
    report = check(tmp_path, holder, models.save(tmp_path / "model", holder), warm=False)
    assert failed(report) == ["warm-up: requests"]
    assert (
        "lack signatures (classify, serving_default, serving_examples, serving_tensor, serving_tensor_uint8)"
        in report.reasons[0]
    )


class Slow(models.Weights):
    """Multiplies large matrices at each request."""

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        matrix = tf.fill([300, 300], tf.reduce_mean(images) * 1e-9)
        product = tf.foldl(lambda left, _: left @ matrix, tf.range(40), initializer=matrix)
        return super().__call__(images) + 0 * tf.reduce_mean(product)


def test_a_slow_model(tmp_path: Path) -> None:
    fast, slow = models.Weights(), Slow()
    took = []
    for holder in (fast, slow):
        report = check(tmp_path, holder, models.save(tmp_path / type(holder).__name__, holder))
        assert report.reasons == []
        took.append(report.median_ms)
    assert took[1] > 8 * took[0], took
    limit = 3 * took[0]
    report = check(tmp_path, slow, tmp_path / "Slow", Budgets(20_000, limit, 2_000))
    assert failed(report) == ["latency: median"]


@pytest.mark.parametrize(
    "wrong, reason",
    [
        (
            {"left_out": "serving_examples"},
            "The model has no signature serving_examples, but classify, serving_default, serving_tensor,",
        ),
        (
            {"tensor_input": "pixels"},
            "serving_tensor takes 'pixels' (float32), clients send 'images' (float32).",
        ),
    ],
)
def test_wrong_signatures(tmp_path: Path, wrong: dict[str, str], reason: str) -> None:
    holder = models.Weights()
    report = check(tmp_path, holder, models.save(tmp_path / "model", holder, **wrong))
    [found] = report.reasons
    assert found.startswith(reason)


def test_no_model(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    report = check(tmp_path, models.Weights(), tmp_path / "model")
    assert failed(report) == ["SavedModel"]
    assert report.reasons[0].startswith("There is no SavedModel")


def test_a_bad_image_that_fails_its_neighbours(tmp_path: Path) -> None:
    holder = models.Weights()
    report = check(tmp_path, holder, models.save(tmp_path / "model", holder, fragile=True))
    assert failed(report) == ["serving_default: a bad image among good ones"]
    assert report.reasons[0].startswith("A bad image fails the good ones in its batch: INVALID_ARGUMENT")


def test_a_model_without_classes(tmp_path: Path) -> None:
    holder = models.Weights()
    report = check(tmp_path, holder, models.save(tmp_path / "model", holder, left_out="classify"))
    assert report.reasons == []
    assert not [outcome.name for outcome in report.checks if outcome.name.startswith("classify")]
