"""Which rows an epoch holds, and that the seed alone decides."""

from __future__ import annotations

from collections import Counter
from itertools import chain

import numpy as np
import tensorflow as tf

from pipeline.emotion.training import RECIPE, one_hot, sampling_weights
from pipeline.keypoints.training import RECIPE as KEYPOINTS
from pipeline.training.batches import evaluation_batches, steps_per_epoch, training_batches
from pipeline.training.faces import Faces
from tests.pipeline.training.small_training import small_training


def numbered(n: int, size: int, labels: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> Faces:
    """Faces of one gray value each: the row's number."""
    images = np.broadcast_to(np.arange(n, dtype=np.uint8)[:, None, None, None], (n, size, size, 1))
    return Faces(np.ascontiguousarray(images), labels)


def rows_of(batches: tf.data.Dataset) -> list[list[int]]:
    return [[int(value) for value in images[:, 48, 48, 0].numpy().round()] for images, _ in batches]


def test_each_row_once_in_each_epoch_and_never_in_the_same_order() -> None:
    faces = numbered(40, 96, np.zeros((40, 30), np.float32))
    batches = rows_of(training_batches(faces, KEYPOINTS, small_training(batch_size=8)))
    assert [len(batch) for batch in batches] == [8] * 10
    first, second = list(chain(*batches[:5])), list(chain(*batches[5:]))
    assert sorted(first) == sorted(second) == list(range(40))
    assert first != second


def test_an_epoch_is_the_same_wherever_the_training_begins() -> None:
    faces = numbered(40, 96, np.zeros((40, 30), np.float32))
    through = list(training_batches(faces, KEYPOINTS, small_training(batch_size=8, epochs=3)))
    going_on = list(training_batches(faces, KEYPOINTS, small_training(batch_size=8, epochs=3), first_epoch=2))
    assert len(going_on) == 5
    for (images, labels), (same_images, same_labels) in zip(through[10:], going_on, strict=True):
        np.testing.assert_array_equal(images, same_images)
        np.testing.assert_array_equal(labels, same_labels)
    other_seed = next(iter(training_batches(faces, KEYPOINTS, small_training(batch_size=8, seed=2, epochs=1))))
    assert not np.array_equal(other_seed[0], through[0][0])


def test_rare_classes_are_shown_more_often() -> None:
    classes = np.array([0] * 90 + [1] * 10)
    labels = one_hot(classes)
    weights = sampling_weights(labels)
    assert weights[0] < weights[-1] < 9 * weights[0]
    faces = Faces(np.zeros((100, 48, 48, 1), np.uint8), labels)
    shown = Counter[int]()
    for _, batch in training_batches(faces, RECIPE, small_training(batch_size=10, epochs=10)):
        shown.update(batch.numpy().argmax(axis=1).tolist())
    expected = 1000 * weights[classes == 1].sum() / weights.sum()
    assert abs(shown[1] - expected) <= 10


def test_fewer_rows_than_a_batch_still_make_one() -> None:
    faces = numbered(3, 96, np.zeros((3, 30), np.float32))
    assert steps_per_epoch(3, 8) == 1
    [batch] = rows_of(training_batches(faces, KEYPOINTS, small_training(batch_size=8, epochs=1)))
    assert len(batch) == 8
    assert set(batch) == {0, 1, 2}


def test_evaluation_shows_every_row_once_in_order() -> None:
    faces = numbered(19, 96, np.zeros((19, 30), np.float32))
    assert list(chain(*rows_of(evaluation_batches(faces, 8)))) == list(range(19))
