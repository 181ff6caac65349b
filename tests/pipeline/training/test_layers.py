"""The fused normalisation is Keras's, and the learning rate goes through one cycle."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipeline.training.layers import FusedBatchNormalization, PerImageStandardization
from pipeline.training.schedule import OneCycle


def test_fused_normalisation_is_keras_s_own() -> None:
    values = tf.random.stateless_normal([16, 6, 6, 16], [1, 2], mean=3.0, stddev=2.0)
    fused, plain = FusedBatchNormalization(momentum=0.5), keras.layers.BatchNormalization(momentum=0.5)
    results = []
    for layer in (fused, plain):
        layer.build(values.shape)
        layer.gamma.assign(np.linspace(0.5, 2, 16))
        layer.beta.assign(np.linspace(-1, 1, 16))
        with tf.GradientTape() as tape:
            tape.watch(values)
            trained = layer(values, training=True)
            loss = tf.reduce_sum(trained**3)
        results.append([trained, tape.gradient(loss, values), layer(values, training=False)])
    for ours, keras_s in zip(*results, strict=True):
        # The fused kernel's running variance is the unbiased one: 576/575 of Keras's.
        np.testing.assert_allclose(ours, keras_s, rtol=2e-3, atol=2e-3)
    np.testing.assert_allclose(fused.moving_mean, plain.moving_mean, rtol=1e-4)
    np.testing.assert_allclose(fused.moving_variance, plain.moving_variance, rtol=2e-3)


def test_light_and_contrast_do_not_matter() -> None:
    images = tf.random.stateless_uniform([4, 8, 8, 1], [1, 2], maxval=200.0)
    standard = PerImageStandardization()(images)
    np.testing.assert_allclose(standard, PerImageStandardization()(images * 0.5 + 40), atol=1e-4)
    np.testing.assert_allclose(tf.math.reduce_std(standard, axis=[1, 2, 3]), 1, rtol=1e-5)


def test_rounding_is_not_contrast() -> None:
    # What a resize leaves of a flat picture.
    flat = 77 + tf.random.stateless_uniform([4, 96, 96, 1], [1, 2], minval=-1e-5, maxval=1e-5)
    np.testing.assert_allclose(PerImageStandardization()(flat), 0, atol=1e-4)


def test_one_cycle_rises_for_a_quarter_and_falls_to_zero() -> None:
    rates = [float(OneCycle(0.01, 100)(tf.constant(step))) for step in range(101)]
    assert rates[0] == pytest.approx(0.0004)
    assert max(rates) == rates[25] == pytest.approx(0.01)
    assert rates[100] == pytest.approx(0, abs=1e-9)
    assert rates[:26] == sorted(rates[:26])
    assert rates[25:] == sorted(rates[25:], reverse=True)
