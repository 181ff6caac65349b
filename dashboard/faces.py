"""Faces of an Examples artifact, as FaceCsvExampleGen writes them."""

from __future__ import annotations

import dataclasses
import json
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from dashboard.runs import Artifact, Branch

_BATCH = 4096
# Features that say how a picture looks, not what is to be learned.
LOOKS = ("brightness", "contrast", "sharpness")


@dataclasses.dataclass(frozen=True)
class Faces:
    """Rows of one split.

    Attributes:
      rows: int64 [n], row numbers in the CSV, ascending.
      images: uint8 [n, height, width], gray values.
      classes: object [n] of str, or None where there are no classes.
      points: float32 [n, points, 2], x and y in pixels, NaN where missing; or None where there are no points.
      point_names: of `points`.
      looks: name -> float32 [n], see LOOKS.
    """

    rows: npt.NDArray[np.int64]
    images: npt.NDArray[np.uint8]
    classes: npt.NDArray[np.object_] | None
    points: npt.NDArray[np.float32] | None
    point_names: tuple[str, ...]
    looks: dict[str, npt.NDArray[np.float32]]

    def positions(self, rows: list[int]) -> list[int]:
        """Where those of the given row numbers stand that are here, in the order given."""
        found = np.searchsorted(self.rows, rows)
        return [
            int(place)
            for place, row in zip(found, rows, strict=True)
            if place < len(self.rows) and self.rows[place] == row
        ]


def find_examples(branch: Branch) -> Artifact | None:
    """The Examples as they came from the file: those of the first node that has put out any."""
    outputs = (artifacts for node in branch.nodes for artifacts in node.outputs.values())
    return next((artifact for artifacts in outputs for artifact in artifacts if artifact.type == "Examples"), None)


def split_names(examples: Artifact) -> list[str]:
    """The splits of an Examples artifact."""
    names: list[str] = json.loads(examples.properties.get("split_names") or "[]")
    return names


@lru_cache(maxsize=6)
def read_faces(uri: str, split: str) -> Faces:
    """All rows of a split whose images have the size of the first; kept in memory, as pages ask for them again.

    Args:
      uri: of the Examples artifact.
      split: its name.

    Raises:
      tf.errors.OpError: a file cannot be read.
    """
    files = sorted(tf.io.gfile.glob(f"{uri}/Split-{split}/data_tfrecord-*"))
    kind = "GZIP" if files and files[0].endswith(".gz") else ""
    dataset = tf.data.TFRecordDataset(files, compression_type=kind)
    first = next(iter(dataset.take(1).as_numpy_iterator()), None)
    if first is None:
        empty = np.empty(0, np.int64)
        return Faces(empty, np.empty((0, 1, 1), np.uint8), None, None, (), {})
    features = tf.train.Example.FromString(first).features.feature
    height, width = (features[name].int64_list.value[0] for name in ("height", "width"))
    classes = next((name for name, value in features.items() if name != "image" and value.bytes_list.value), None)
    spec = {"row": tf.io.FixedLenFeature([], tf.int64), "image": tf.io.FixedLenFeature([], tf.string)}
    spec |= {name: tf.io.FixedLenFeature([], tf.float32, 0.0) for name in LOOKS}
    if classes:
        spec[classes] = tf.io.FixedLenFeature([], tf.string, "")
        coordinates: list[str] = []
    else:
        coordinates = _coordinates(dataset)
        spec |= {name: tf.io.FixedLenFeature([], tf.float32, float("nan")) for name in coordinates}
    parsed = [
        {name: tensor.numpy() for name, tensor in tf.io.parse_example(batch, spec).items()}
        for batch in dataset.batch(_BATCH)
    ]
    columns = {name: np.concatenate([batch[name] for batch in parsed]) for name in spec}
    order = np.argsort(columns["row"], kind="stable")
    # What has another size cannot be drawn; that it is there is for FindingsGen to say.
    order = order[[len(columns["image"][position]) == height * width for position in order]]
    pixels = np.frombuffer(b"".join(columns["image"][order]), np.uint8)
    return Faces(
        rows=columns["row"][order],
        images=pixels.reshape(-1, height, width),
        classes=np.array([name.decode() for name in columns[classes][order]], object) if classes else None,
        points=np.stack([columns[name][order] for name in coordinates], axis=1).reshape(len(order), -1, 2)
        if coordinates
        else None,
        point_names=tuple(name.removesuffix("_x") for name in coordinates[::2]),
        looks={name: columns[name][order] for name in LOOKS},
    )


def _coordinates(dataset: tf.data.Dataset) -> list[str]:
    """x and y of all points that some row has, in the order in which a row that has all of them lists them."""
    names: set[str] = set()
    for record in dataset.take(_BATCH).as_numpy_iterator():
        features = tf.train.Example.FromString(record).features.feature
        names.update(name for name in features if name.endswith(("_x", "_y")))
    return sorted(names)
