"""Reads tf.Examples in batches."""

from __future__ import annotations

from collections.abc import Iterator

import apache_beam as beam
import pyarrow as pa
import tensorflow as tf
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.coders import example_coder

# Of 48x48 pixels about 10 MB.
_BATCH_ROWS = 4096


class ReadExamples(beam.PTransform):
    """(split id, file pattern) -> (split id, RecordBatch) of the TFRecord files' tf.Examples.

    All splits in one transform: TFXIO's source is one for each pattern, and three of them take longer to set up than
    the checks take to run.
    """

    def __init__(self, schema: schema_pb2.Schema) -> None:
        super().__init__()
        self._serialized_schema = schema.SerializeToString()

    def expand(self, patterns: beam.PCollection) -> beam.PCollection:
        return (
            patterns
            | "Files" >> beam.FlatMapTuple(lambda split, pattern: [(split, path) for path in tf.io.gfile.glob(pattern)])
            | "Spread" >> beam.Reshuffle()
            | "Read" >> beam.ParDo(_ReadFile(self._serialized_schema))
        )


class _ReadFile(beam.DoFn):
    def __init__(self, serialized_schema: bytes) -> None:
        self._serialized_schema = serialized_schema

    def setup(self) -> None:
        self._decoder = example_coder.ExamplesToRecordBatchDecoder(self._serialized_schema)

    def process(self, file: tuple[int, str]) -> Iterator[tuple[int, pa.RecordBatch]]:
        split, path = file
        for records in tf.data.TFRecordDataset(path).batch(_BATCH_ROWS).as_numpy_iterator():
            yield split, self._decoder.DecodeBatch(records.tolist())
