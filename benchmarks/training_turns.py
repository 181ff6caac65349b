"""What `benchmarks.training` has done in processes of their own: prints what it finds as JSON, in the last line."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
import tensorflow_transform as tft
from tfx.components.trainer import executor as trainer_executor
from tfx.components.trainer.fn_args_utils import get_common_fn_args
from tfx.types import artifact_utils, standard_artifacts

import pipeline.emotion.training
import pipeline.keypoints.training
from pipeline.config import load_settings
from pipeline.training import layers, trainer
from pipeline.training.augmentation import AffineRange, random_affine, warp
from pipeline.training.batches import training_batches
from pipeline.training.faces import Faces, read_faces
from pipeline.training.fit import fit
from pipeline.training.monitoring import monitors
from pipeline.training.optimizer import FusedAdamW
from pipeline.training.recipe import Recipe
from pipeline.training.settings import Training

RECIPES = {"keypoints": pipeline.keypoints.training.RECIPE, "emotion": pipeline.emotion.training.RECIPE}
# Steps at an epoch's begin that are not timed: batches were made ahead while the other side had its turn.
WARM_STEPS = 8
# Rows that a short training is validated with, and calls of one side before the other has its turn.
FEW_ROWS, CALLS_IN_TURN = 64, 8
# Images in a request, and requests.
ANSWERED_TOGETHER, ANSWERS = (1, 8), 100
# Of each epoch where only the rest of the node is of interest.
NODE_STEPS = WARM_STEPS + 4


def trainer_inputs(artifacts: dict[str, str]) -> dict[str, list[Any]]:
    examples, graph = standard_artifacts.Examples(), standard_artifacts.TransformGraph()
    examples.uri, graph.uri = artifacts["transformed_examples"], artifacts["transform_graph"]
    splits = sorted(path.name.removeprefix("Split-") for path in Path(examples.uri).glob("Split-*"))
    examples.split_names = artifact_utils.encode_split_names(splits)
    return {"examples": [examples], "transform_graph": [graph]}


def trainer_parameters(task: str, training: Training) -> dict[str, str]:
    return {
        "train_args": "{}",
        "eval_args": "{}",
        "run_fn": f"pipeline.{task}.training.run_fn",
        "custom_config": json.dumps({"training": training.model_dump()}),
    }


def training_of(task: str, config: str | None) -> Training:
    return load_settings(Path(config) if config else None, {}).of_task(task).training


def rows(task: str, artifacts: dict[str, str], training: Training, split: str) -> Faces:
    """Those of `train` or `eval`, read as the Trainer does."""
    fn_args = get_common_fn_args(trainer_inputs(artifacts), trainer_parameters(task, training))
    files = {"train": fn_args.train_files, "eval": fn_args.eval_files}[split]
    return read_faces(fn_args, files, tft.TFTransformOutput(fn_args.transform_graph_path), RECIPES[task])


def now() -> npt.NDArray[np.float64]:
    """Seconds of the wall clock, and of the processor for this process."""
    return np.array([time.monotonic(), time.process_time()])


class Clock(keras.callbacks.Callback):
    """How long the steps of an epoch take, and its validation."""

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        if batch == WARM_STEPS:
            self._from = now()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._to, self._last = now(), batch

    def on_test_begin(self, logs: Any = None) -> None:
        self._validated_from = now()

    def on_test_end(self, logs: Any = None) -> None:
        self.validation = now() - self._validated_from

    def step(self) -> list[float]:
        """Of the last epoch, once it runs steadily: seconds of the wall clock, and of the processor."""
        seconds: list[float] = ((self._to - self._from) / (self._last + 1 - WARM_STEPS)).tolist()
        return seconds


class InTurns(keras.callbacks.Callback):
    """After each epoch of the model that is fitted, one of another model on arrays."""

    def __init__(self, plain: keras.Model, train: Faces, batch_size: int) -> None:
        super().__init__()
        self._plain, self._batch_size = plain, batch_size
        self._images, self._labels = train.images.astype(np.float32), train.labels
        self.ours_clock, self._plain_clock = Clock(), Clock()
        self.ours: list[list[float]] = []
        self.theirs: list[list[float]] = []

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.ours.append(self.ours_clock.step())
        arrays = self._images, self._labels
        self._plain.fit(*arrays, batch_size=self._batch_size, verbose=0, callbacks=[self._plain_clock])
        self.theirs.append(self._plain_clock.step())


def timed(function: Callable[..., Any], seconds: list[npt.NDArray[np.float64]]) -> Callable[..., Any]:
    """The same function; adds what each call takes to `seconds`."""

    def wrapper(*args: Any, **kwargs: Any) -> Any:
        started = now()
        try:
            return function(*args, **kwargs)
        finally:
            seconds.append(now() - started)

    return wrapper


def compiled(recipe: Recipe, training: Training, optimizer: type = keras.optimizers.AdamW) -> keras.Model:
    """The net, to be fitted without what is ours but the optimizer, where it is given."""
    keras.utils.set_random_seed(training.seed)
    model = recipe.build_model(training.width)
    model.compile(
        optimizer=optimizer(training.learning_rate, weight_decay=training.weight_decay),
        loss=recipe.loss,
        metrics=recipe.metrics(),
    )
    return model


def several(faces: Faces, number: int) -> Faces:
    """So many rows; the same ones again where there are not enough."""
    which = np.resize(np.arange(len(faces.images)), number)
    return Faces(faces.images[which], faces.labels[which])


def measure(
    task: str, artifacts: dict[str, str], config: str | None, rounds: int, steps: int, minutes: float
) -> dict[str, Any]:
    """Speed, augmentation, answers, each of our parts against the alternative; then a training of so many minutes."""
    recipe, training = RECIPES[task], training_of(task, config)
    train, evaluation = (rows(task, artifacts, training, split) for split in ("train", "eval"))
    batch = training.batch_size
    found: dict[str, Any] = {"width": training.width, "batch_size": batch, "rows": len(train.images)}

    # The first round of each builds its graph.
    short = training.model_copy(update={"epochs": rounds + 1, "patience": rounds + 1})
    some, few = several(train, steps * batch), several(evaluation, FEW_ROWS)
    turns = InTurns(compiled(recipe, training), some, batch)
    monitoring: list[npt.NDArray[np.float64]] = []
    with tempfile.TemporaryDirectory() as folder:
        watching = monitors(recipe, short, some, few, folder)
        for callback in watching:
            callback.on_epoch_end = timed(callback.on_epoch_end, monitoring)
        fit(recipe, short, some, few, [*watching, turns.ours_clock, turns])
    found["ours"], found["plain"] = turns.ours[1:], turns.theirs[1:]
    found["monitoring"] = np.sum(np.reshape(monitoring, (-1, len(watching), 2)), axis=1)[1:].tolist()

    bare = dataclasses.replace(recipe, augment=lambda images, labels, *_: (tf.cast(images, tf.float32), labels))
    found["batch_s"], found["plain_batch_s"] = (
        seconds_of_a_batch(some, which, training, steps) for which in (recipe, bare)
    )
    found["answer_cpu_s"] = {n: cpu_of_an_answer(recipe, training, several(evaluation, n)) for n in ANSWERED_TOGETHER}
    one_batch = several(train, batch)
    found["normalisation"] = normalisation(recipe, training, one_batch, rounds)
    found["optimizer"] = optimizers(recipe, training, one_batch, rounds)
    found["warp"] = warping(one_batch, rounds)
    median_s = float(np.median([wall for wall, _ in turns.ours[1:]]))
    found["epochs"] = learning_curve(recipe, training, train, evaluation, minutes, batch / median_s)
    return found


def seconds_of_a_batch(faces: Faces, recipe: Recipe, training: Training, steps: int) -> float:
    batches = iter(training_batches(faces, recipe, training))
    for _ in range(WARM_STEPS):
        next(batches)
    started = time.monotonic()
    for _ in itertools.islice(batches, steps):
        pass
    return (time.monotonic() - started) / steps


def cpu_of_an_answer(recipe: Recipe, training: Training, faces: Faces) -> float:
    """Seconds of processor time for an image, and its mirror image, that is answered together with the others."""
    answer = tf.function(functools.partial(recipe.predict, recipe.build_model(training.width)), autograph=False)
    images = tf.cast(faces.images, tf.float32)
    seconds = []
    # The first ones build the graph.
    for _ in range(WARM_STEPS + ANSWERS):
        started = time.process_time()
        answer(images)
        seconds.append(time.process_time() - started)
    return float(np.median(seconds[WARM_STEPS:])) / len(faces.images)


def in_turns(rounds: int, *calls: Callable[[], Any]) -> list[list[float]]:
    """Seconds that each call takes, of each round. A round more comes first: it builds the graphs."""
    seconds: list[list[float]] = [[] for _ in calls]
    for _ in range(rounds + 1):
        for call, of_call in zip(calls, seconds, strict=True):
            started = time.monotonic()
            for _ in range(CALLS_IN_TURN):
                call()
            of_call.append((time.monotonic() - started) / CALLS_IN_TURN)
    return [of_call[1:] for of_call in seconds]


def normalisation(recipe: Recipe, training: Training, faces: Faces, rounds: int) -> list[list[float]]:
    """Seconds of a step with our layer and with Keras's."""
    fused = compiled(recipe, training)
    with mock.patch.object(layers, "FusedBatchNormalization", keras.layers.BatchNormalization):
        plain = compiled(recipe, training)
    return steps_in_turns(rounds, faces, fused, plain)


def optimizers(recipe: Recipe, training: Training, faces: Faces, rounds: int) -> list[list[float]]:
    """Seconds of a step with our AdamW and with Keras's."""
    return steps_in_turns(rounds, faces, compiled(recipe, training, FusedAdamW), compiled(recipe, training))


def steps_in_turns(rounds: int, faces: Faces, *models: keras.Model) -> list[list[float]]:
    """Seconds of a step of each model on the same batch."""
    batch = tf.cast(faces.images, tf.float32), tf.constant(faces.labels)
    return in_turns(rounds, *(functools.partial(model.train_on_batch, *batch) for model in models))


def warping(faces: Faces, rounds: int) -> list[list[float]]:
    """Seconds to move a batch by our `warp` and by TensorFlow's own operation."""
    images, size = tf.constant(faces.images), faces.images.shape[1]
    maps = random_affine(len(images), size, AffineRange(15, 0.15, 0.08, 0.08, 0.06), tf.constant([1, 2], tf.int64))

    @tf.function
    def projective() -> tf.Tensor:
        return tf.raw_ops.ImageProjectiveTransformV3(
            images=tf.cast(images, tf.float32),
            transforms=tf.pad(tf.reshape(maps, [-1, 6]), [[0, 0], [0, 2]]),
            output_shape=[size, size],
            fill_value=0.0,
            interpolation="BILINEAR",
            fill_mode="NEAREST",
        )

    return in_turns(rounds, tf.function(lambda: warp(images, maps, fill="edge")), projective)


def step(task: str, artifacts: dict[str, str], config: str | None) -> float:
    """Seconds of a step of the net alone, on the same batch, in the environment of this process."""
    recipe, training = RECIPES[task], training_of(task, config)
    batch = several(rows(task, artifacts, training, "eval"), training.batch_size)
    [seconds] = steps_in_turns(2, batch, compiled(recipe, training))
    return min(seconds)


class Curve(keras.callbacks.Callback):
    """Validation by the minutes since the first step began."""

    def on_train_begin(self, logs: Any = None) -> None:
        self.epochs: list[dict[str, float]] = []
        self._started = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        values = {name: float(value) for name, value in (logs or {}).items() if name.startswith("val_")}
        self.epochs.append({"minutes": (time.monotonic() - self._started) / 60, **values})


def learning_curve(
    recipe: Recipe, training: Training, train: Faces, evaluation: Faces, minutes: float, images_per_s: float
) -> list[dict[str, float]]:
    """Each epoch of a training that takes about so long; an image of `eval` takes a third of one of `train`."""
    images = len(train.images) + len(evaluation.images) / 3
    epochs = max(1, int(minutes * 60 * images_per_s / images))
    if not minutes:
        return []
    curve = Curve()
    fit(recipe, training.model_copy(update={"epochs": epochs, "patience": epochs}), train, evaluation, [curve])
    return curve.epochs


def node(
    task: str, artifacts: dict[str, str], config: str | None, folder: str, started: float
) -> dict[str, list[float]]:
    """Seconds of a Trainer's parts since its process was started, of the wall clock and of the processor."""
    imports = np.array([time.time() - started, time.process_time()])
    training = training_of(task, config).model_copy(update={"epochs": 2})
    clock = Clock()
    took: dict[str, list[npt.NDArray[np.float64]]] = {"all": [], "rows": [], "fit": [], "export": []}

    def short_fit(recipe: Recipe, settings: Training, train: Faces, evaluation: Faces, *rest: Any) -> Any:
        callbacks, *others = rest
        few = several(train, NODE_STEPS * settings.batch_size), several(evaluation, FEW_ROWS)
        return fit(recipe, settings, *few, [*callbacks, clock], *others)

    model, run = standard_artifacts.Model(), standard_artifacts.ModelRun()
    model.uri, run.uri = f"{folder}/model", f"{folder}/model_run"
    outputs = {"model": [model], "model_run": [run]}
    with (
        mock.patch.object(trainer, "read_faces", timed(read_faces, took["rows"])),
        mock.patch.object(trainer, "fit", timed(short_fit, took["fit"])),
        mock.patch.object(trainer, "export", timed(trainer.export, took["export"])),
    ):
        execute = timed(trainer_executor.GenericExecutor().Do, took["all"])
        execute(trainer_inputs(artifacts), outputs, trainer_parameters(task, training))
    whole, rows, fitting, exporting = (np.sum(seconds, axis=0) for seconds in took.values())
    trained = training.epochs * (NODE_STEPS * np.array(clock.step()) + clock.validation)
    parts = {
        "imports": imports,
        "reading rows": rows,
        "building and tracing": fitting - trained,
        "export": exporting,
        "the rest": whole - rows - fitting - exporting,
    }
    return {name: seconds.tolist() for name, seconds in parts.items()}


def main() -> None:
    name, text, started = sys.argv[1:]
    arguments = json.loads(text)
    if name == "node":
        found: Any = node(**arguments, started=float(started))
    elif name == "measure":
        found = measure(**arguments)
    elif name == "step":
        found = step(**arguments)
    else:
        # Only these need it all.
        from benchmarks import training_artifacts

        if arguments["workspace"]:
            found = training_artifacts.newest(Path(arguments["workspace"]))
        else:
            found = training_artifacts.made(Path(arguments["folder"]), arguments["csvs"])
    print(json.dumps(found))


if __name__ == "__main__":
    main()
