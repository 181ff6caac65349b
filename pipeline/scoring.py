"""Predictions of a pushed model for every face in a CSV, by TFX's BulkInferrer."""

from __future__ import annotations

import csv
import dataclasses
import gc
import itertools
import tempfile
import time
from collections.abc import Iterator
from operator import itemgetter
from pathlib import Path
from typing import TextIO

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from google.protobuf import json_format
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import prediction_log_pb2
from tfx.components.bulk_inferrer.executor import Executor as BulkInferrer
from tfx.components.util import examples_utils
from tfx.proto import bulk_inferrer_pb2, example_gen_pb2
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import path_utils
from tfx_bsl.coders import example_coder

from components.errors import InputError
from components.face_csv_example_gen.csv_format import FaceCsvFormat
from components.face_csv_example_gen.decoding import BadRow, decode
from components.face_csv_example_gen.executor import to_record_batch
from components.face_csv_example_gen.reading import read_batches, read_header
from components.model_versions import latest_version, version_path
from components.signature_names import SERVING_EXAMPLES
from pipeline.deployment import BEAM_IN_PROCESS
from pipeline.output_files import written_whole
from pipeline.tasks import TASKS, Task
from pipeline.workspace import Workspace

_SPLIT = "all"
# BulkInferrer keeps its answers, pictures included, in memory until the last; so it gets this many rows at a time.
_PORTION_ROWS = 8192


@dataclasses.dataclass
class _Tally:
    """Rows that were read, those that cannot be used, and the first of these."""

    read: int = 0
    bad: int = 0
    first_bad: BadRow | None = None


def score_csv(
    csv_path: Path, model_name: str, version: int | None, out: Path, workspace: Workspace, terminal: TextIO
) -> None:
    """Writes a CSV with the predictions, in the order of the rows, and tells the terminal.

    The columns are `row` (number in the file, from 1) and, of the emotions, `label` and the probability of each class;
    of the keypoints, the coordinates in pixels under Kaggle's names. Rows that cannot be used are left out. The last
    digit of a value may differ between calls: Beam sizes its batches by the time they take.

    Args:
      csv_path: a file in Kaggle's format; of its columns only the image is read.
      model_name: of a pushed model.
      version: of the model; None for the newest.
      out: the file to write; it appears whole or not at all.
      workspace: with the pushed models; intermediate files stand below it as long as this runs.
      terminal: for what people should see.

    Raises:
      InputError: there is no such model, the CSV has no usable row, or `out` cannot be written.
    """
    started = time.monotonic()
    # As FaceCsvExampleGen does: otherwise each block of the file costs a walk over all that is tracked.
    gc.freeze()
    task = _task_of(model_name)
    model_folder = _version_folder(workspace, model_name, version)
    terminal.write(f"{csv_path}: scored by {model_folder}\n")
    with (
        written_whole(out) as file,
        tempfile.TemporaryDirectory(prefix="score-", dir=workspace.logs.parent) as folder,
    ):
        tally = _Tally()
        model = _link_model(model_folder, Path(folder, "model"))
        writer = csv.writer(file, lineterminator="\n")
        classes = task.csv_format.classes
        writer.writerow(["row", *(["label"] if classes else []), *(classes or task.csv_format.point_columns)])
        scored = 0
        records = _records(str(csv_path), task, tally)
        while portion := list(itertools.islice(records, _PORTION_ROWS)):
            # Beam keeps no order within a portion; the portions come in the file's.
            for row, values in sorted(_predict(portion, model, task, Path(folder)), key=itemgetter(0)):
                label = [classes[int(values.argmax())]] if classes else []
                writer.writerow([row, *label, *(f"{value:.6g}" for value in values)])
            scored += len(portion)
            if len(portion) == _PORTION_ROWS:
                terminal.write(f"{scored:,} faces scored, {time.monotonic() - started:.0f} s\n")
        if not scored:
            raise _no_use(csv_path, tally)
    if tally.bad:
        terminal.write(f"{tally.bad:,} of {tally.read:,} rows left out, the first: {tally.first_bad}\n")
    terminal.write(f"{scored:,} predictions in {out}, {time.monotonic() - started:.0f} s\n")


def _no_use(path: Path, tally: _Tally) -> InputError:
    if not tally.read:
        return InputError(f"{path}: no rows below the header. Name a file with faces in it.")
    rows = f"none of the {tally.read:,} rows can be used, the first: {tally.first_bad}"
    return InputError(f"{path}: {rows}. Correct the file.")


def _task_of(model_name: str) -> Task:
    for task in TASKS:
        if task.model_name == model_name:
            return task
    names = " or ".join(task.model_name for task in TASKS)
    raise InputError(f"{model_name}: no model of this project. Expected {names} for --model.")


def _version_folder(workspace: Workspace, model_name: str, wanted: int | None) -> Path:
    base = workspace.models / model_name
    newest = latest_version(str(base))
    if newest is None:
        raise InputError(f"{base}: no model has been pushed yet. Run `emotion-ai run`, or check --workspace.")
    folder = Path(version_path(str(base), newest if wanted is None else wanted))
    if not (folder / tf.saved_model.SAVED_MODEL_FILENAME_PB).is_file():
        raise InputError(f"{folder}: no such version. Check --version; the newest is {newest}.")
    return folder


def _records(path: str, task: Task, tally: _Tally) -> Iterator[bytes]:
    """Serialized tf.Examples of all usable faces, without labels; counts the rows on the way."""
    csv_format = FaceCsvFormat(image_column=task.csv_format.image_column, image_size=task.csv_format.image_size)
    try:
        columns = read_header(path, csv_format)
    except InputError as error:
        raise InputError(f"{error} (Read as faces for --model {task.model_name}.)") from None
    encoder = example_coder.RecordBatchToExamplesEncoder()
    for first_row, batch in read_batches(path, columns, csv_format.required_columns):
        faces, bad_rows, _ = decode(batch, first_row, csv_format, {})
        tally.read += batch.num_rows
        tally.bad += len(bad_rows)
        tally.first_bad = tally.first_bad or min(bad_rows, default=None)
        if len(faces.rows):
            yield from encoder.encode(to_record_batch(faces, csv_format))


def _link_model(source: Path, destination: Path) -> standard_artifacts.Model:
    """The SavedModel as an artifact at `destination`, with signatures that BulkInferrer can run."""
    model = standard_artifacts.Model()
    model.uri = str(destination)
    linked = Path(path_utils.serving_model_dir(model.uri))
    linked.mkdir(parents=True)
    for path in source.iterdir():
        if path.name != tf.saved_model.SAVED_MODEL_FILENAME_PB:
            (linked / path.name).symlink_to(path)
    saved_model = saved_model_pb2.SavedModel.FromString((source / tf.saved_model.SAVED_MODEL_FILENAME_PB).read_bytes())
    for meta_graph in saved_model.meta_graphs:
        outputs = meta_graph.signature_def[SERVING_EXAMPLES].outputs
        # It asks each row's value for its dtype, which the bytes of a string tensor do not have.
        for name in [name for name, tensor in outputs.items() if tensor.dtype == tf.string.as_datatype_enum]:
            del outputs[name]
    (linked / tf.saved_model.SAVED_MODEL_FILENAME_PB).write_bytes(saved_model.SerializeToString())
    return model


def _predict(
    records: list[bytes], model: standard_artifacts.Model, task: Task, parent: Path
) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    """(row number, the model's values, flat) of each record, in any order; files stand in `parent` meanwhile."""
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        logs = _infer(_write_examples(records, Path(folder)), model, Path(folder))
        files = [str(path) for path in logs.iterdir()]
        for serialized in tf.data.TFRecordDataset(files, compression_type="GZIP").as_numpy_iterator():
            log = prediction_log_pb2.PredictionLog.FromString(serialized).predict_log
            [request] = log.request.inputs.values()
            example = tf.train.Example.FromString(request.string_val[0])
            [row] = example.features.feature["row"].int64_list.value
            yield row, tf.make_ndarray(log.response.outputs[task.measures.prediction]).ravel()


def _write_examples(records: list[bytes], folder: Path) -> standard_artifacts.Examples:
    examples = standard_artifacts.Examples()
    examples.uri = str(folder / "examples")
    examples.split_names = artifact_utils.encode_split_names([_SPLIT])
    examples_utils.set_payload_format(examples, example_gen_pb2.PayloadFormat.FORMAT_TF_EXAMPLE)
    split_folder = Path(artifact_utils.get_split_uri([examples], _SPLIT))
    split_folder.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(split_folder / "data_tfrecord-00000-of-00001")) as writer:
        for record in records:
            writer.write(record)
    return examples


def _infer(examples: standard_artifacts.Examples, model: standard_artifacts.Model, folder: Path) -> Path:
    """Runs the stock executor; returns the folder of its PredictionLogs."""
    inference = standard_artifacts.InferenceResult()
    inference.uri = str(folder / "inference")
    context = BulkInferrer.Context(
        beam_pipeline_args=list(BEAM_IN_PROCESS), tmp_dir=str(folder / "beam"), unique_id="score"
    )
    model_spec = bulk_inferrer_pb2.ModelSpec(model_signature_name=[SERVING_EXAMPLES], tag=[tf.saved_model.SERVING])
    BulkInferrer(context).Do(
        {"examples": [examples], "model": [model]},
        {"inference_result": [inference]},
        {
            "model_spec": json_format.MessageToJson(model_spec),
            "data_spec": json_format.MessageToJson(bulk_inferrer_pb2.DataSpec()),
        },
    )
    return Path(inference.uri)
