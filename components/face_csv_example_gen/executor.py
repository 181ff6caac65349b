"""Beam job from a face CSV to split TFRecords of tf.Examples."""

from __future__ import annotations

import dataclasses
import gc
import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
from tfx import types
from tfx.components.util import examples_utils
from tfx.dsl.components.base import base_beam_executor
from tfx.dsl.io import fileio
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils
from tfx_bsl.coders import example_coder

from components.errors import InputError
from components.face_csv_example_gen import image_features
from components.face_csv_example_gen.csv_format import USAGE_COLUMN, FaceCsvFormat
from components.face_csv_example_gen.decoding import BadRow, Faces, class_codes, decode
from components.face_csv_example_gen.reading import read_batches, read_header, wanted_columns
from components.face_csv_example_gen.splitting import (
    PRIVATE_TEST,
    SPLITS,
    USAGE_SPLITS,
    split_by_pixels,
    split_by_usage,
)

# Custom property of the Examples artifact: JSON of how many rows went where.
ROW_COUNTS_PROPERTY = "row_counts"
# File of the Examples artifact, beside the splits: a JSON object on each line for each row that was not used.
QUARANTINE_FILE = "quarantine.jsonl"

_SHOWN_BAD_ROWS = 5
_BAD, _COUNTS, _BROKEN = "bad_rows", "row_counts", "broken_files"


class Executor(base_beam_executor.BaseBeamExecutor):
    """Reads one CSV, decodes it in batches and writes one TFRecord set for each split."""

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        """Runs the job.

        Args:
          input_dict: empty.
          output_dict: 'examples'.
          exec_properties: the parameters of FaceCsvExampleGenSpec.

        Raises:
          InputError: the file cannot be used as it is; nothing is published then.
        """
        self._log_startup(input_dict, output_dict, exec_properties)
        # Arrow's CSV reader walks all that the garbage collector tracks at each call: 50 ms beside TensorFlow.
        gc.freeze()
        path = exec_properties["csv_path"]
        csv_format = FaceCsvFormat.from_json(exec_properties["csv_format"])
        columns = read_header(path, csv_format)
        by_usage = exec_properties["split_by"] == "usage"
        if by_usage and USAGE_COLUMN not in columns:
            raise InputError(f"{path}: no column '{USAGE_COLUMN}' to split by. Use --split hash.")
        read = ReadFaces(
            csv_format=csv_format,
            columns=columns,
            coding=_find_coding(path, columns, csv_format, exec_properties["class_coding"]),
            by_usage=by_usage,
            has_private_test=by_usage and _has_private_test(path, columns),
        )
        examples = artifact_utils.get_single_instance(output_dict["examples"])
        examples.split_names = artifact_utils.encode_split_names(list(SPLITS))
        examples_utils.set_payload_format(examples, example_gen_pb2.PayloadFormat.FORMAT_TF_EXAMPLE)
        counts_path = os.path.join(examples.uri, "row_counts.json")
        quarantine_path = os.path.join(examples.uri, QUARANTINE_FILE)

        with self._make_beam_pipeline() as pipeline:
            faces = (
                pipeline
                | "File" >> beam.Create([path])
                | "Read" >> beam.ParDo(read).with_outputs(_BAD, _COUNTS, _BROKEN, *SPLITS)
            )
            for split in SPLITS:
                # Not compressed: noise-like pixels gain little by gzip, and each later node would unpack them.
                prefix = os.path.join(artifact_utils.get_split_uri([examples], split), "data_tfrecord")
                _ = faces[split] | f"Write[{split}]" >> beam.io.WriteToTFRecord(prefix)
            _ = (
                faces[_BAD]
                | "ToJsonLine" >> beam.Map(_to_json_line, path)
                | "WriteQuarantine" >> beam.io.WriteToText(quarantine_path, shard_name_template="")
            )
            # The first few: what the message needs where no row is left.
            first_bad_rows = faces[_BAD] | "FirstBadRows" >> beam.combiners.Top.Smallest(_SHOWN_BAD_ROWS)
            sides = beam.pvalue.AsSingleton(first_bad_rows), beam.pvalue.AsList(faces[_BROKEN])
            _ = (
                faces[_COUNTS]
                | "SumCounts" >> beam.CombineGlobally(sum_counts)
                | "ToJson" >> beam.Map(_to_json, *sides)
                | "WriteCounts" >> beam.io.WriteToText(counts_path, shard_name_template="")
            )

        with fileio.open(counts_path) as file:
            report = json.load(file)
        _check(path, report)
        examples.set_string_custom_property(ROW_COUNTS_PROPERTY, json.dumps(report["counts"], sort_keys=True))


def _find_coding(path: str, columns: list[str], csv_format: FaceCsvFormat, wanted: str) -> dict[str, str]:
    """The class coding of the file: named, or found by reading codes until only one coding can be meant."""
    if not csv_format.class_column:
        return {}
    codes: set[str] = set()
    if wanted == "auto":
        for _, batch in read_batches(path, columns, [csv_format.class_column]):
            codes |= class_codes(batch, csv_format)
            if len(csv_format.fitting_codings(codes)) < 2:
                break
    return csv_format.coding_for(codes, wanted, path)


def _has_private_test(path: str, columns: list[str]) -> bool:
    return any(
        PRIVATE_TEST.encode() in (cell or b"")
        for _, batch in read_batches(path, columns, [USAGE_COLUMN])
        for cell in batch.column(0).to_pylist()
    )


def _check(path: str, report: dict[str, Any]) -> None:
    counts, bad_rows = report["counts"], report["first_bad_rows"]
    if report["broken_files"]:
        raise InputError(report["broken_files"][0])
    if not counts.get("read"):
        raise InputError(f"{path}: no rows below the header. Name a file with faces in it.")
    for split in SPLITS:
        if not counts.get(split):
            rows = (
                f"{counts['read']:,} rows read, {counts.get('left_out', 0):,} left out by class, "
                f"{counts.get('bad', 0):,} bad"
            )
            also = f" Bad: {'; '.join(bad_rows)}." if bad_rows else ""
            raise InputError(f"{path}: no rows for the split '{split}' ({rows}). Add rows, or use --split hash.{also}")


@dataclasses.dataclass
class ReadFaces(beam.DoFn):
    """Path -> serialized tf.Examples on one output for each split, bad rows, row counts, messages of broken files.

    What is wrong with the data leaves as data too: an exception would reach the executor as Beam's text of it.
    """

    csv_format: FaceCsvFormat
    columns: list[str]
    coding: dict[str, str]
    by_usage: bool
    has_private_test: bool

    def process(self, path: str) -> Iterator[beam.pvalue.TaggedOutput]:
        try:
            yield from self._read(path)
        except InputError as error:
            yield beam.pvalue.TaggedOutput(_BROKEN, str(error))

    def _read(self, path: str) -> Iterator[beam.pvalue.TaggedOutput]:
        encoder = example_coder.RecordBatchToExamplesEncoder()
        wanted = wanted_columns(self.columns, self.csv_format)
        for first_row, batch in read_batches(path, self.columns, wanted):
            faces, bad_rows, left_out = decode(batch, first_row, self.csv_format, self.coding)
            splits, unknown = self._splits(faces)
            bad_rows += unknown
            for bad_row in bad_rows:
                yield beam.pvalue.TaggedOutput(_BAD, bad_row)
            counts = {"read": batch.num_rows, "bad": len(bad_rows), "left_out": sum(left_out.values())}
            counts.update({f"left_out:{name}": count for name, count in left_out.items()})
            counts.update({f"class:{name}": count for name, count in Counter(faces.classes).items()})
            counts.update(Counter(split for split in splits if split))
            yield beam.pvalue.TaggedOutput(_COUNTS, counts)
            if not splits:
                continue
            for split, record in zip(splits, encoder.encode(to_record_batch(faces, self.csv_format)), strict=True):
                if split:
                    yield beam.pvalue.TaggedOutput(split, record)

    def _splits(self, faces: Faces) -> tuple[list[str], list[BadRow]]:
        """Split of each face ('' where there is none to tell) and the rows where there is none."""
        if not self.by_usage:
            return split_by_pixels(faces.images), []
        splits = split_by_usage(faces.usage, faces.images, self.has_private_test)
        expected = f"expected one of {', '.join(USAGE_SPLITS)}"
        unknown = [
            BadRow(int(row), USAGE_COLUMN, str(usage)[:40], expected)
            for row, usage, split in zip(faces.rows, faces.usage, splits, strict=True)
            if not split
        ]
        return splits, unknown


def to_record_batch(faces: Faces, csv_format: FaceCsvFormat) -> pa.RecordBatch:
    """Faces as one list column for each feature of the tf.Example; a missing point is a feature without value."""
    n = len(faces.images)
    size = csv_format.image_size
    columns = {
        "image": _one_each(pa.array([image.tobytes() for image in faces.images], pa.binary())),
        "height": _one_each(pa.array(np.full(n, size))),
        "width": _one_each(pa.array(np.full(n, size))),
        "row": _one_each(pa.array(faces.rows)),
        "brightness": _one_each(pa.array(image_features.brightness(faces.images))),
        "contrast": _one_each(pa.array(image_features.contrast(faces.images))),
        "sharpness": _one_each(pa.array(image_features.sharpness(faces.images))),
    }
    if csv_format.class_column:
        names = [name.encode() for name in faces.classes]
        columns[csv_format.class_column] = _one_each(pa.array(names, pa.binary()))
    for j, column in enumerate(csv_format.point_columns):
        columns[column] = _at_most_one_each(faces.points[:, j])
    return pa.RecordBatch.from_arrays(list(columns.values()), list(columns))


def _one_each(values: pa.Array) -> pa.Array:
    return pa.ListArray.from_arrays(pa.array(np.arange(len(values) + 1, dtype=np.int32)), values)


def _at_most_one_each(values: np.ndarray[Any, np.dtype[np.float32]]) -> pa.Array:
    return pa.array([None if np.isnan(value) else [value] for value in values], pa.list_(pa.float32()))


def sum_counts(all_counts: Iterable[dict[str, int]]) -> dict[str, int]:
    """Adds up counts, key by key."""
    total: Counter[str] = Counter()
    for counts in all_counts:
        total.update(counts)
    return dict(total)


def _to_json_line(bad_row: BadRow, path: str) -> str:
    return json.dumps({"file": path, **dataclasses.asdict(bad_row)})


def _to_json(counts: dict[str, int], first_bad_rows: list[BadRow], broken_files: list[str]) -> str:
    report = {
        "counts": counts,
        "first_bad_rows": [str(row) for row in first_bad_rows],
        "broken_files": broken_files,
    }
    return json.dumps(report, sort_keys=True)
