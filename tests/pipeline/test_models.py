"""Preprocessing, loss and architecture of both tasks."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipeline.emotion import features as emotion_features
from pipeline.emotion import model as emotion_model
from pipeline.emotion import preprocessing as emotion_preprocessing
from pipeline.keypoints import features as keypoints_features
from pipeline.keypoints import model as keypoints_model
from pipeline.keypoints import preprocessing as keypoints_preprocessing
from pipeline.keypoints.features import COORDINATES
from pipeline.keypoints.training import masked_mse, rmse_px
from pipeline.slicing import band_features


def looks(n: int) -> dict[str, tf.Tensor]:
    return {name: tf.linspace(0.0, 1.0, n) for name in ("brightness", "contrast", "sharpness")}


def test_class_names_become_ids() -> None:
    images = tf.constant([b"a", b"b", b"c"])
    classes = tf.constant(["Surprise", "Angry", "Sad"])
    result = emotion_preprocessing.preprocessing_fn({"image": images, "emotion": classes, **looks(3)})
    assert result["emotion"] is classes
    assert set(result) == {"image", "class_id", *emotion_features.SLICES}
    assert result["class_id"].numpy().tolist() == [4, 0, 2]
    assert result["image"] is images


def test_coordinates_are_scaled_and_missing_ones_nan() -> None:
    columns = {name: tf.sparse.from_dense(tf.zeros([2, 0])) for name in COORDINATES}
    columns["nose_tip_x"] = tf.SparseTensor([[1, 0]], [72.0], [2, 1])
    columns["nose_tip_y"] = tf.SparseTensor([[1, 0]], [24.0], [2, 1])
    result = keypoints_preprocessing.preprocessing_fn({"image": tf.constant([b"a", b"b"]), **columns, **looks(2)})
    assert result["marked_points"].numpy().tolist() == [0, 1]
    assert set(result) == {"image", "scaled_keypoints", *keypoints_features.SLICES}
    scaled = result["scaled_keypoints"].numpy()
    assert scaled.shape == (2, 30)
    assert scaled[1, COORDINATES.index("nose_tip_x")] == 0.5
    assert np.isnan(scaled).sum() == 58


def test_bands_hold_their_bounds() -> None:
    values = {"brightness": tf.constant([0.39, 0.4, 0.6, 0.61])}
    found = band_features(values, {"brightness": (0.4, 0.6)})["brightness_band"]
    assert found.numpy().tolist() == [b"low", b"medium", b"medium", b"high"]


def test_masked_loss_ignores_missing_points_in_value_and_gradient() -> None:
    labels = tf.constant([[0.0, np.nan], [1.0, 0.5]])
    predictions = tf.Variable([[1.0, 9.0], [1.0, 0.0]])
    with tf.GradientTape() as tape:
        loss = masked_mse(labels, predictions)
    assert loss.numpy() == pytest.approx((1 + 0 + 0.25) / 3)
    np.testing.assert_allclose(tape.gradient(loss, predictions), [[2 / 3, 0], [0, -1 / 3]], rtol=1e-6)
    assert rmse_px(labels, predictions).numpy() == pytest.approx(np.sqrt(1.25 / 3) * 48)
    assert masked_mse(labels * np.nan, predictions).numpy() == 0


@pytest.mark.parametrize(
    ("build_model", "size", "outputs"), [(emotion_model.build_model, 48, 5), (keypoints_model.build_model, 96, 30)]
)
def test_models_take_images_and_keep_to_safe_widths(build_model: type, size: int, outputs: int) -> None:
    model = build_model(16)
    assert model(np.zeros((2, size, size, 1), np.float32)).shape == (2, outputs)
    convolutions = [layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D)]
    assert len(convolutions) >= 7
    assert all(layer.filters % 16 == 0 for layer in convolutions)


def test_keypoints_model_is_a_resnet() -> None:
    model = keypoints_model.build_model(16)
    additions = [layer for layer in model.layers if isinstance(layer, keras.layers.Add)]
    projections = [
        layer for layer in model.layers if isinstance(layer, keras.layers.Conv2D) and layer.kernel_size == (1, 1)
    ]
    # Of three blocks and the pyramid's two steps; of three shortcuts, and the pyramid's three stages.
    assert (len(additions), len(projections)) == (5, 6)


def test_points_are_the_centres_of_mass_of_their_maps() -> None:
    maps = np.zeros((1, 24, 24, 2), np.float32)
    # All of it in one cell, whose centre is pixel 4 * 5 + 1.5; half of it in each of two cells.
    maps[0, 10, 5, 0] = maps[0, 3, 20, 1] = maps[0, 4, 20, 1] = 60
    points = (keypoints_model.CentresOfMass("points")(maps).numpy() + 1) * 48
    np.testing.assert_allclose(points, [[21.5, 41.5, 81.5, 15.5]], atol=1e-3)


def test_emotion_model_gives_probabilities() -> None:
    probabilities = emotion_model.build_model(16)(np.random.default_rng(0).uniform(0, 255, (3, 48, 48, 1)))
    np.testing.assert_allclose(np.sum(probabilities, axis=1), 1, rtol=1e-5)
