"""Trainings on several devices and in several processes, and what is made of GPUs."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from components.errors import ExplainedError, InputError
from pipeline.keypoints.training import RECIPE
from pipeline.training.batches import evaluation_batches, evaluation_steps
from pipeline.training.devices import Gpu, compiles, computing_in, dtype_policy, fitted_to
from pipeline.training.fit import fit
from pipeline.training.layers import PerImageStandardization, conv, residual_block
from pipeline.training.loop import run_epochs
from pipeline.training.optimizer import FusedAdamW
from pipeline.training.strategies import Cluster, check_batch_size, read_cluster
from pipeline.training.workers import fit_with_workers
from tests.pipeline.training.two_replicas import ALL_MARKED, EVALUATION, PLAIN, SETTINGS, TRAIN, faces
from tests.ports import free_ports

ROOT = Path(__file__).parents[3]
GB = 10**9
A100, V100, P100 = Gpu((8, 0), 40 * GB), Gpu((7, 0), 16 * GB), Gpu((6, 0), 16 * GB)


def tf_config(cluster: dict[str, list[str]], job: str, index: int) -> str:
    return json.dumps({"cluster": cluster, "task": {"type": job, "index": index}, "environment": "cloud"})


def test_reads_the_cluster() -> None:
    cluster = {"chief": ["a:1"], "worker": ["b:2", "c:3"]}
    assert read_cluster(tf_config(cluster, "worker", 1)) == Cluster(("a:1", "b:2", "c:3"), 2)
    assert read_cluster(tf_config(cluster, "chief", 0)).is_chief
    # Without a chief the first worker is it.
    assert read_cluster(tf_config({"worker": ["b:2", "c:3"]}, "worker", 0)).is_chief


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (None, "it is not set"),
        ("", "it is not set"),
        ("worker 1", "Invalid JSON"),
        ("{}", "cluster"),
        (tf_config({}, "worker", 0), "cluster"),
        (tf_config({"worker": ["b"]}, "worker", 0), "cluster.worker.0"),
        (tf_config({"worker": ["b:1"], "ps": ["c:1"]}, "worker", 0), "cluster.ps"),
        (tf_config({"worker": ["b:1", "b:1"]}, "worker", 0), "the same address"),
        (tf_config({"worker": ["b:1"]}, "worker", 1), "worker 1 is not in the cluster"),
        (tf_config({"worker": ["b:1"]}, "chief", 0), "chief 0 is not in the cluster"),
        (tf_config({"chief": ["a:1", "b:1"]}, "chief", 0), "2 chiefs"),
    ],
)
def test_explains_a_wrong_cluster(text: str | None, why: str) -> None:
    with pytest.raises(InputError) as error:
        read_cluster(text)
    assert "environment variable TF_CONFIG: " in str(error.value)
    assert why in str(error.value)
    # What it has to look like.
    example = re.search(r"like (\{.*\})\.$", str(error.value))
    assert example
    assert read_cluster(example[1]).index == 1


def test_replicas_evaluate_each_row_once() -> None:
    found = list(evaluation_batches(EVALUATION, 8, replicas=2))
    assert len(found) == evaluation_steps(21, 8) * 2 == 6
    assert {len(images) for images, _ in found} == {3, 4}
    np.testing.assert_array_equal(np.concatenate([images for images, _ in found]), EVALUATION.images)
    np.testing.assert_array_equal(np.concatenate([labels for _, labels in found]), EVALUATION.labels)


def test_batches_must_be_dealt_out_evenly() -> None:
    class Three:
        num_replicas_in_sync = 3

    check_batch_size(Three(), 9)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="batch_size: 8 rows cannot be dealt out to 3 devices"):
        check_batch_size(Three(), 8)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def two_replicas(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[np.ndarray]]:
    folder = tmp_path_factory.mktemp("two_replicas")
    command = [sys.executable, "-m", "tests.pipeline.training.two_replicas", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, timeout=300)
    trained = {}
    for file in folder.iterdir():
        with np.load(file) as values:
            trained[file.stem] = [values[key] for key in values.files]
    return trained


def test_two_devices_learn_what_one_does(two_replicas: dict[str, list[np.ndarray]]) -> None:
    one, two = two_replicas["plain_one"], two_replicas["plain_two"]
    assert len(one) == len(two) > 3
    # The first are losses; they fall.
    assert (one[0][:, 1] < one[0][:, 0]).all()
    for left, right in zip(one, two, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-3, atol=1e-5)


def test_two_processes_learn_what_two_devices_do(
    two_replicas: dict[str, list[np.ndarray]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    first, second = free_ports(2)
    cluster = {"chief": [f"127.0.0.1:{first}"], "worker": [f"127.0.0.1:{second}"]}
    monkeypatch.setenv("TF_CONFIG", tf_config(cluster, "chief", 0))
    other = subprocess.Popen(
        [sys.executable, "-m", "pipeline.training.worker"],
        cwd=ROOT,
        # TensorFlow imports code that it makes there, and would leave Python's copies of it.
        env=os.environ
        | {"TF_CONFIG": tf_config(cluster, "worker", 0), "TMPDIR": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        with caplog.at_level(logging.INFO, "emotion_ai.progress"):
            model = fit_with_workers(RECIPE, SETTINGS, TRAIN, EVALUATION, str(tmp_path / "run"), tmp_path / "saved.npz")
        said = other.communicate(timeout=60)[0]
    finally:
        other.kill()
        other.wait()
    assert other.returncode == 0
    for value, wanted in zip(model.get_weights(), two_replicas["real_two"][1:], strict=True):
        np.testing.assert_allclose(value, wanted, rtol=1e-2, atol=1e-4)
    [weights] = re.findall(r"weights \w{8}", caplog.text)
    assert weights in said
    assert "epoch 2/2" in caplog.text
    # The chief keeps curves and checkpoint; the other one has left nothing behind.
    assert {path.name for path in tmp_path.iterdir()} == {"run", "saved.npz"}
    assert (tmp_path / "run" / "validation").is_dir()


def test_a_worker_that_does_not_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = free_ports(2)
    cluster = {"worker": [f"127.0.0.1:{first}", f"127.0.0.1:{second}"]}
    monkeypatch.setenv("TF_CONFIG", tf_config(cluster, "worker", 0))
    with pytest.raises(ExplainedError, match=rf"After 1 s these workers had not come: 127\.0\.0\.1:{second}\."):
        fit_with_workers(RECIPE, SETTINGS, TRAIN, EVALUATION, str(tmp_path), None, join_s=1)


def test_the_pipeline_runs_on_the_chief(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CONFIG", tf_config({"worker": ["a:1", "b:1"]}, "worker", 1))
    with pytest.raises(InputError, match=r"Start `python -m pipeline\.training\.worker` here instead"):
        fit_with_workers(RECIPE, SETTINGS, TRAIN, EVALUATION, str(tmp_path), None)


def test_precision_of_gpus() -> None:
    assert dtype_policy([]) == "float32"
    assert dtype_policy([A100, A100]) == "mixed_bfloat16"
    assert dtype_policy([A100, V100]) == "mixed_float16"
    assert dtype_policy([P100]) == "float32"


def test_compiles_for_one_gpu_only() -> None:
    assert compiles([A100], replicas=1)
    assert not compiles([A100, A100], replicas=2)
    assert not compiles([], replicas=1)


@pytest.mark.parametrize(
    ("gpus", "rows", "image_mb", "factor"),
    [
        ([], 10**6, 1, 1),
        ([A100], 10**6, 1, 4),
        # 2 epochs of 16,000 rows are 4,000 batches of 8: one doubling keeps 2,000.
        ([A100], 16_000, 1, 2),
        ([A100], 15_000, 1, 1),
        # Half of the memory of 16 GB.
        ([V100], 10**6, 500, 2),
        ([V100, V100], 10**6, 500, 4),
        ([V100], 10**6, 501, 1),
    ],
)
def test_batches_grow_with_gpus(gpus: list[Gpu], rows: int, image_mb: int, factor: int) -> None:
    fitted = fitted_to(gpus, SETTINGS, rows, image_mb * 10**6)
    assert fitted.batch_size == factor * 8
    assert fitted.learning_rate == pytest.approx(factor**0.5 * 0.01)


def small_model() -> keras.Model:
    """Of what the real ones are built from, in a tenth of the time that they take to compile."""
    pixels = keras.Input((96, 96, 1))
    x = conv(keras.layers.AveragePooling2D(8)(PerImageStandardization()(pixels)), 16)
    x = keras.layers.Flatten()(residual_block(x, 16, strides=2))
    return keras.Model(pixels, keras.layers.Dense(30, dtype="float32")(x))


@pytest.mark.parametrize(("policy", "jit"), [("mixed_bfloat16", False), ("mixed_float16", False), ("float32", True)])
def test_the_models_learn_as_they_do_on_gpus(policy: str, jit: bool) -> None:
    keras.utils.set_random_seed(1)
    with computing_in(policy):
        model = small_model()
    assert keras.config.dtype_policy().name == "float32"
    assert {weight.dtype for weight in model.weights} == {"float32"}
    model.compile(FusedAdamW(0.01, 0.004), RECIPE.loss, metrics=RECIPE.metrics(), jit_compile=jit)
    model.optimizer.build(model.trainable_variables)
    history = keras.callbacks.History()
    batches = evaluation_batches(faces(8, 3), 8).repeat()
    run_epochs(model, batches, batches, 6, 1, range(2), [history])
    assert history.history["loss"][1] < 0.7 * history.history["loss"][0]
    # float32 where it was asked for at the end, and the averages of batch normalisation in use.
    assert model.output.dtype == "float32"
    assert np.isfinite(history.history["val_loss"]).all()
    means = [weight for weight in model.weights if weight.path.endswith("moving_mean")]
    assert means
    assert all(tf.reduce_any(mean != 0) for mean in means)


def test_goes_through_the_same_steps_as_keras() -> None:
    history = keras.callbacks.History()
    ours = fit(PLAIN, SETTINGS.model_copy(update={"strategy": "one_device"}), *ALL_MARKED, [history])
    assert history.epoch == [0, 1]
    assert set(history.history) == {"loss", "rmse_px", "val_loss", "val_rmse_px"}
    assert ours.evaluate(evaluation_batches(ALL_MARKED[1], 8), verbose=0)[0] == pytest.approx(
        min(history.history["val_loss"])
    )
