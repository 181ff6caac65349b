from __future__ import annotations

import numpy as np
import pytest

from components.face_csv_example_gen import image_features
from components.face_csv_example_gen.splitting import SPLITS, split_by_pixels


def test_shares_are_60_20_20_and_depend_on_the_pixels_alone() -> None:
    images = np.random.default_rng(0).integers(0, 256, (5000, 4, 4), np.uint8)
    splits = np.array(split_by_pixels(images))
    shares = [(splits == name).mean() for name in SPLITS]
    assert shares == pytest.approx([0.6, 0.2, 0.2], abs=0.02)
    order = np.random.default_rng(1).permutation(len(images))
    assert (np.array(split_by_pixels(images[order])) == splits[order]).all()


def test_brightness_and_contrast_of_known_images() -> None:
    images = np.zeros((3, 4, 4), np.uint8)
    images[1] = 255
    images[2, :2] = 255
    assert image_features.brightness(images).tolist() == [0.0, 1.0, 0.5]
    assert image_features.contrast(images).tolist() == [0.0, 0.0, 0.5]


def test_sharpness_falls_with_blur_and_is_bounded() -> None:
    checkerboard = (np.indices((8, 8)).sum(axis=0) % 2 * 255).astype(np.uint8)
    ramp = np.tile(np.arange(8, dtype=np.uint8) * 30, (8, 1))
    flat, slope, sharp = image_features.sharpness(np.stack([np.full((8, 8), 7, np.uint8), ramp, checkerboard]))
    assert flat == slope == 0.0
    assert 0 < sharp <= 4.0


def test_no_images_have_no_features() -> None:
    for feature in (image_features.brightness, image_features.contrast, image_features.sharpness):
        assert feature(np.empty((0, 4, 4), np.uint8)).shape == (0,)
