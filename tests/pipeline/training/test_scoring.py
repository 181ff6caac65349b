"""What is exported answers without the offset that learning from mirror images leaves."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipeline.emotion.training import RECIPE as EMOTION
from pipeline.keypoints.training import RECIPE as KEYPOINTS
from pipeline.keypoints.training import mean_error
from pipeline.training.faces import Faces
from pipeline.training.mirror import mirror_image
from pipeline.training.recipe import Recipe
from pipeline.training.scoring import score_of


@pytest.mark.parametrize("recipe", [EMOTION, KEYPOINTS], ids=lambda recipe: recipe.name)
def test_each_answer_is_the_mean_over_a_face_and_its_mirror_image(recipe: Recipe) -> None:
    images = np.random.default_rng(0).uniform(0, 255, (3, recipe.image_size, recipe.image_size, 1)).astype(np.float32)
    keras.utils.set_random_seed(0)
    model = recipe.build_model(16)
    straight, mirrored = model(images).numpy(), recipe.unmirror(model(mirror_image(images))).numpy()
    # Of the relative difference: a net that is not trained is sure of one class.
    assert (np.abs(straight / mirrored - 1) > 0.01).any(axis=1).all()
    mean = (straight + mirrored) / 2
    np.testing.assert_allclose(recipe.predict(model, tf.constant(images)), mean, rtol=1e-3, atol=1e-8)


def test_points_are_moved_by_what_they_miss_on_average() -> None:
    random = np.random.default_rng(0)
    # More rows than one batch, one label without any row, one with only a few.
    images = random.integers(0, 256, (300, 96, 96, 1), np.uint8)
    labels = random.uniform(-0.5, 0.5, (300, 30)).astype(np.float32)
    labels[:, 3] = np.nan
    labels[5:, 4] = np.nan
    model = KEYPOINTS.build_model(16)
    plain = KEYPOINTS.predict(model, tf.constant(images, tf.float32)).numpy()
    moved = score_of(KEYPOINTS, model, Faces(images, labels))(tf.constant(images, tf.float32)).numpy()
    errors = labels - moved
    np.testing.assert_allclose(np.nanmean(errors[:, [0, 1, 2, 4]], axis=0), 0, atol=1e-5)
    np.testing.assert_array_equal(moved[:, 3], plain[:, 3])
    # By the same for all faces.
    np.testing.assert_allclose(np.ptp(moved - plain, axis=0), 0, atol=1e-5)


def test_labels_that_are_missing_do_not_count() -> None:
    labels = np.array([[1, np.nan], [3, np.nan]], np.float32)
    np.testing.assert_array_equal(mean_error(labels, np.zeros((2, 2), np.float32)), [2, 0])


def test_probabilities_stay_as_they_are() -> None:
    images = np.random.default_rng(0).integers(0, 256, (4, 48, 48, 1), np.uint8)
    model = EMOTION.build_model(16)
    score = score_of(EMOTION, model, Faces(images, np.eye(4, 5, dtype=np.float32)))
    images_f = tf.constant(images, tf.float32)
    np.testing.assert_array_equal(score(images_f), EMOTION.predict(model, images_f))
