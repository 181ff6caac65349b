"""What TFDV's statistics of a split say, without a look at its rows."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from google.protobuf.message import DecodeError
from scipy.interpolate import PchipInterpolator
from tensorflow_metadata.proto.v0 import statistics_pb2

_STATISTICS_FILE = "FeatureStats.pb"
# Of the range of a feature; what lies closer are two names for one place.
_SAME_PLACE = 1e-6

Floats = npt.NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Numbers:
    """How the values of a numeric feature are distributed.

    Attributes:
      count: how many values there are.
      mean, std_dev, low, median, high: of the values; NaN where there are none.
      places: float64 [k], ascending values; empty where there are none.
      below: float64 [k], share of the values up to each place, 0 to 1.
    """

    count: int
    mean: float
    std_dev: float
    low: float
    median: float
    high: float
    places: Floats
    below: Floats

    def shares(self, edges: Floats) -> Floats:
        """The share of the values in each bin, float64 [n]; of edges float64 [n + 1], ascending.

        TFDV keeps ten buckets of equal width and ten of equal count; between their ends this is interpolated.
        """
        if not len(self.places):
            return np.zeros(len(edges) - 1)
        if len(self.places) == 1:
            # All values are the same.
            return np.asarray(np.histogram(self.places, edges)[0], np.float64)
        curve = PchipInterpolator(self.places, self.below)
        # Outside of its places the curve would run on.
        return np.asarray(np.diff(curve(np.clip(edges, self.places[0], self.places[-1]))), np.float64)


@dataclasses.dataclass(frozen=True)
class Statistics:
    """Of one split.

    Attributes:
      rows: how many there are.
      numbers: by feature.
      values: feature -> value -> how often, of the features that are texts.
      missing: feature -> in how many rows it has no value.
    """

    rows: int
    numbers: dict[str, Numbers]
    values: dict[str, dict[str, int]]
    missing: dict[str, int]


def read_split(uri: str, split: str) -> Statistics | None:
    """The statistics of a split; None where they are not there.

    Args:
      uri: of the ExampleStatistics artifact.
      split: its name.
    """
    return read_file(f"{uri}/Split-{split}/{_STATISTICS_FILE}")


def read_file(path: str) -> Statistics | None:
    """The statistics in a binary file, a DatasetFeatureStatisticsList of one data set.

    None where it is not there, or cut off.
    """
    if not tf.io.gfile.exists(path):
        return None
    with tf.io.gfile.GFile(path, "rb") as file:
        content = file.read()
    try:
        [data_set] = statistics_pb2.DatasetFeatureStatisticsList.FromString(content).datasets
    except (DecodeError, ValueError):
        return None
    numbers, values, missing = {}, {}, {}
    for feature in data_set.features:
        name = ".".join(feature.path.step) or feature.name
        kind = feature.WhichOneof("stats")
        missing[name] = int(getattr(feature, kind).common_stats.num_missing) if kind else int(data_set.num_examples)
        if kind == "num_stats":
            numbers[name] = _numbers(feature.num_stats)
        elif kind == "string_stats" and feature.string_stats.rank_histogram.buckets:
            buckets = feature.string_stats.rank_histogram.buckets
            values[name] = {bucket.label: round(bucket.sample_count) for bucket in buckets}
    return Statistics(int(data_set.num_examples), numbers, values, missing)


def _numbers(found: statistics_pb2.NumericStatistics) -> Numbers:
    count = int(found.common_stats.num_non_missing)
    if not count:
        nan, nothing = float("nan"), np.empty(0)
        return Numbers(0, nan, nan, nan, nan, nan, nothing, nothing)
    places, below = _curve(found)
    return Numbers(count, found.mean, found.std_dev, found.min, found.median, found.max, places, below)


def _curve(found: statistics_pb2.NumericStatistics) -> tuple[Floats, Floats]:
    """The ends of all buckets of all histograms, and the share of the values up to each."""
    shares = {found.min: 0.0}
    for histogram in found.histograms:
        total = sum(bucket.sample_count for bucket in histogram.buckets)
        so_far = 0.0
        for bucket in histogram.buckets:
            so_far += bucket.sample_count
            shares[bucket.high_value] = so_far / total if total else 0.0
    places = np.array(sorted(place for place in shares if np.isfinite(place)))
    apart = np.diff(places, prepend=-np.inf) > _SAME_PLACE * (places[-1] - places[0])
    places = places[apart]
    # The two kinds of buckets are estimates that may disagree a little.
    below = np.maximum.accumulate(np.array([shares[place] for place in places]))
    below[-1] = 1.0
    return places, below
