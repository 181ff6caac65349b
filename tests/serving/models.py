"""Servable versions of both models: the real architectures and signatures with seeded random weights.

Random, because what a server must do does not depend on what the models have learned. The last layer is drawn so that
two pictures, and two versions, are told apart by their answers.
"""

from __future__ import annotations

import functools
import importlib
import shutil
from collections.abc import Callable
from pathlib import Path

import apache_beam as beam
import keras
import numpy as np
import numpy.typing as npt
import tensorflow_transform as tft
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tensorflow_transform import beam as tft_beam
from tensorflow_transform.tf_metadata.dataset_metadata import DatasetMetadata

from components.servable_check.requests import write_warmup
from pipeline.signatures import export
from pipeline.tasks import EMOTION, KEYPOINTS, TASKS, Task
from pipeline.training.recipe import Recipe
from tests.serving.copies import copy_with_weights
from tests.serving.pictures import example, picture

# How far the logits spread: of the classes; of the cells of a point's map.
_SPREAD = {EMOTION.name: 1.0, KEYPOINTS.name: 12.0}
# Channels of the first stage: the models that the servers are tested with need not be good.
_WIDTH = 16
_PICTURES = 32

Weights = npt.NDArray[np.float32]
# Seed -> kernel [features, outputs] and bias [outputs] of the last layer.
Head = Callable[[int], tuple[Weights, Weights]]


def write_versions(folder: Path, *versions: int) -> None:
    """Writes `folder`/<model name>/<version> for both models; each version has weights of its own."""
    for task in TASKS:
        first, *others = (folder / task.model_name / str(version) for version in versions)
        head = _export(task, first, folder / f".transform-{task.name}")
        for version in others:
            copy_with_weights(first, version, head(int(version.name)))


def _export(task: Task, path: Path, scratch: Path) -> Head:
    size = task.csv_format.image_size
    pictures = [picture(size, seed) for seed in range(_PICTURES)]
    keras.utils.set_random_seed(1)
    recipe: Recipe = importlib.import_module(task.module("training")).RECIPE
    model = recipe.build_model(_WIDTH)
    last = [layer for layer in model.layers if isinstance(layer, keras.layers.Dense)][-1]
    head = _random_heads(model, last, np.stack(pictures), _SPREAD[task.name])
    last.set_weights(head(int(path.name)))
    score = functools.partial(recipe.predict, model)
    export(model, score, transform_of_no_rows(task, scratch), str(path), size, recipe.outputs, recipe.classes)
    write_warmup([example(pixels) for pixels in pictures[:2]], str(path))
    return head


def transform_of_no_rows(task: Task, folder: Path) -> tft.TFTransformOutput:
    """What the Transform component leaves; nothing in it depends on the rows, so that none are needed."""
    schema = text_format.Parse(task.schema_file.read_text(), schema_pb2.Schema())
    preprocessing_fn = importlib.import_module(task.module("preprocessing")).preprocessing_fn
    with beam.Pipeline() as pipeline, tft_beam.Context(temp_dir=str(folder / "tmp")):
        no_rows = (pipeline | beam.Create([]), DatasetMetadata(schema))
        analyzed = no_rows | tft_beam.AnalyzeDataset(preprocessing_fn)
        analyzed | tft_beam.WriteTransformFn(str(folder))
    raw_schema = folder / tft.TFTransformOutput.RAW_METADATA_DIR / "schema.pbtxt"
    raw_schema.parent.mkdir()
    shutil.copy(task.schema_file, raw_schema)
    return tft.TFTransformOutput(str(folder))


def _random_heads(model: keras.Model, last: keras.layers.Dense, pictures: npt.NDArray[np.uint8], spread: float) -> Head:
    """Random last layers whose outputs for the pictures [n, size, size] have mean 0 and that standard deviation."""
    features = keras.Model(model.input, last.input).predict(pictures[..., np.newaxis].astype(np.float32), verbose=0)
    features = features.reshape(-1, features.shape[-1])
    mean, deviation = features.mean(axis=0), features.std(axis=0)

    def head(seed: int) -> tuple[Weights, Weights]:
        directions = np.random.default_rng(seed).normal(0, spread / np.sqrt(len(mean)), last.kernel.shape)
        kernel = (directions / np.maximum(deviation, 1e-6)[:, np.newaxis]).astype(np.float32)
        return kernel, -mean @ kernel

    return head
