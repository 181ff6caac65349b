"""Augmentation: what moves in the image moves in the labels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from scipy.ndimage import map_coordinates

from pipeline.emotion import training as emotion
from pipeline.keypoints import training as keypoints
from pipeline.keypoints.features import COORDINATES, HALF_SIZE, IMAGE_SIZE, POINTS
from pipeline.training.augmentation import AffineRange, Fill, erase, mixup, random_affine, warp
from pipeline.training.mirror import from_mirror_image, mirror_image
from pipeline.training.settings import Strength

SEED = tf.constant([3, 4], tf.int64)


def scaled(points: npt.NDArray[np.float64]) -> tf.Tensor:
    return tf.constant((points / HALF_SIZE - 1).reshape(len(points), -1), tf.float32)


def spots(points: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Images with one bright spot at each of the points, [n, 2] -> [n, 96, 96, 1]."""
    ruler = np.arange(IMAGE_SIZE)
    across = np.exp(-(((ruler - points[:, 0, None]) / 3) ** 2))
    down = np.exp(-(((ruler - points[:, 1, None]) / 3) ** 2))
    return np.asarray(255 * down[:, :, None, None] * across[:, None, :, None], np.float32)


def centres(images: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    ruler = np.arange(IMAGE_SIZE)
    total = images.sum(axis=(1, 2, 3))
    x = (images.sum(axis=(1, 3)) * ruler).sum(axis=1) / total
    y = (images.sum(axis=(2, 3)) * ruler).sum(axis=1) / total
    return np.stack([x, y], axis=1)


@pytest.mark.parametrize("strength", ["light", "strong"])
def test_points_stay_on_what_they_mark(strength: Strength, monkeypatch: pytest.MonkeyPatch) -> None:
    # The spots would be covered with the rest.
    monkeypatch.setattr(keypoints, "erase", lambda images, _: images)
    places = np.random.default_rng(0).uniform(35, 60, (64, 2))
    labels = scaled(np.tile(places[:, None], (1, len(POINTS), 1)))
    images, moved = keypoints.augment(tf.cast(spots(places), tf.uint8), labels, SEED, strength)
    points = (moved.numpy().reshape(64, len(POINTS), 2) + 1) * HALF_SIZE
    np.testing.assert_allclose(points[:, 0], centres(images.numpy()), atol=0.1)
    # They have moved at all, and about every second one is mirrored.
    assert np.abs(points[:, 0] - places).max() > 5
    assert np.abs(points[:, 0] - places).mean() > 1


def test_a_mirrored_face_has_its_left_eye_where_the_right_one_was() -> None:
    left, right = (COORDINATES.index(f"{side}_eye_center_x") for side in ("left", "right"))
    labels = np.full((256, 30), np.nan, np.float32)
    labels[:, [left, right]] = 0.3, -0.3
    labels[:, [left + 1, right + 1]] = 0.0
    _, moved = keypoints.augment(tf.zeros([256, 96, 96, 1], tf.uint8), tf.constant(labels), SEED, "light")
    # "left" is the larger x in every face, mirrored or not; what was not marked is not marked now.
    assert (moved.numpy()[:, left] > moved.numpy()[:, right]).all()
    np.testing.assert_array_equal(np.isnan(moved.numpy()), np.isnan(labels))


def pixels(size: int) -> npt.NDArray[np.float32]:
    """(x, y) of each pixel, [size, size, 2]."""
    ruler = np.arange(size, dtype=np.float32)
    return np.stack(np.meshgrid(ruler, ruler), axis=-1)


def seen_in_the_mirror(size: int) -> npt.NDArray[np.float32]:
    """Where each pixel of `mirror_image` comes from, [size, size, 2]."""
    # Between pixels that tell their own places linear interpolation tells those between them.
    across_and_down = np.moveaxis(pixels(size), -1, 0)[..., None]
    return np.moveaxis(mirror_image(tf.constant(across_and_down)).numpy()[..., 0], 0, -1)


def test_unmirror_undoes_the_mirror() -> None:
    middle = np.s_[20:70, 20:70]
    of_mirrored, labels = (
        scaled(np.tile(places[middle].reshape(-1, 1, 2), (1, len(POINTS), 1)))
        for places in (pixels(IMAGE_SIZE), seen_in_the_mirror(IMAGE_SIZE))
    )
    np.testing.assert_allclose(keypoints.unmirror(of_mirrored), labels, atol=1e-4)


@pytest.mark.parametrize("size", [48, 96])
def test_the_mirror_shows_the_face_from_a_little_nearer(size: int) -> None:
    seen = seen_in_the_mirror(size)
    middle = np.s_[size // 4 : -size // 4, size // 4 : -size // 4]
    found = from_mirror_image(tf.constant(pixels(size)[middle]), size)
    np.testing.assert_allclose(found, seen[middle], atol=1e-3)
    # A 48th is cut off at each side.
    np.testing.assert_allclose(np.diff(seen[middle][..., 0]), -46 / 48, atol=1e-4)
    assert seen[..., 1].min() == size // 48
    assert seen[..., 0].max() == size - 1 - size // 48


@pytest.mark.parametrize("fill", ["black", "edge"])
def test_warped_pixels_are_those_between_which_the_map_points(fill: Fill) -> None:
    random = np.random.default_rng(2)
    size = 24
    images = random.integers(0, 256, (8, size, size, 1), np.uint8)
    far = AffineRange(degrees=30, zoom=0.4, stretch=0.3, shear=0.2, shift=0.3)
    maps = random_affine(8, size, far, SEED)
    y, x = np.mgrid[:size, :size]
    outside = 0
    for image, warped, (across, down) in zip(images, warp(images, maps, fill).numpy(), maps.numpy(), strict=True):
        places = [values[1] * y + values[0] * x + values[2] for values in (down, across)]
        expected = map_coordinates(image[..., 0].astype(np.float32), places, order=1, mode="nearest")
        beyond = (np.minimum(*places) < -0.5) | (np.maximum(*places) > size - 0.5)
        outside += beyond.sum()
        np.testing.assert_allclose(warped[..., 0], np.where(beyond & (fill == "black"), 0, expected), atol=0.05)
    assert outside > 100


def test_the_seed_alone_decides() -> None:
    images = tf.cast(tf.random.stateless_uniform([32, 48, 48, 1], [1, 2], maxval=255.0), tf.uint8)
    labels = tf.constant(emotion.one_hot(np.arange(32) % 5))
    first, again = emotion.augment(images, labels, SEED, "light"), emotion.augment(images, labels, SEED, "light")
    other = emotion.augment(images, labels, SEED + 1, "light")
    np.testing.assert_array_equal(first[0], again[0])
    assert not np.array_equal(first[0], other[0])
    np.testing.assert_array_equal(first[1], labels)


def test_strong_augmentation_covers_a_rectangle_of_some_images() -> None:
    images = tf.random.stateless_uniform([200, 48, 48, 1], [1, 2], maxval=255.0)
    covered = erase(images, SEED).numpy()
    changed = (covered != images.numpy())[..., 0]
    touched = changed.any(axis=(1, 2))
    assert 0.2 < touched.mean() < 0.4
    for mask, face, before in zip(changed[touched], covered[touched], images.numpy()[touched], strict=True):
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        # The whole of the rectangle, all in one gray.
        assert mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
        assert max(len(rows), len(columns)) <= 0.45 * 48 + 1
        np.testing.assert_allclose(face[mask], before.mean(), rtol=1e-5)


def test_mixup_mixes_labels_as_it_mixes_images() -> None:
    classes = np.arange(100) % 5
    # Each image has its class as its gray value, so that the mean over the classes of the label is the image.
    images = tf.constant(np.broadcast_to(classes[:, None, None, None], (100, 48, 48, 1)).astype(np.float32))
    mixed, labels = mixup(images, tf.constant(emotion.one_hot(classes)), SEED)
    np.testing.assert_allclose(mixed[:, 5, 7, 0], labels.numpy() @ np.arange(5), rtol=1e-5)
    np.testing.assert_allclose(tf.reduce_sum(labels, axis=1), 1, rtol=1e-5)
    # No image is more another one than itself, and some are another one to a good part.
    own = labels.numpy()[np.arange(100), classes]
    assert own.min() >= 0.5
    assert own.min() < 0.8 < np.median(own)
