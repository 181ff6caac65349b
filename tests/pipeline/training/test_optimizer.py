"""The fused AdamW against Keras's."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipeline.training.optimizer import FusedAdamW
from pipeline.training.schedule import OneCycle

STEPS = 20


def small_net() -> keras.Model:
    keras.utils.set_random_seed(0)
    # No bias before the normalisation: its gradient is nothing but rounding, and Adam steps as far by it.
    first = keras.layers.Dense(7, use_bias=False)
    layers = [first, keras.layers.BatchNormalization(), keras.layers.Dense(3)]
    return keras.Sequential([keras.Input((4,)), *layers])


def trained(optimizer: keras.optimizers.Optimizer, jit_compile: bool = False) -> list[np.ndarray]:
    model = small_net()
    model.compile(optimizer, "mse", jit_compile=jit_compile)
    random = np.random.default_rng(0)
    for _ in range(STEPS):
        model.train_on_batch(random.normal(size=(8, 4)), random.normal(size=(8, 3)))
    weights: list[np.ndarray] = model.get_weights()
    return weights


@pytest.mark.parametrize("decay", [0.0, 0.5])
@pytest.mark.parametrize("jit_compile", [False, True])
def test_weights_are_those_of_keras(decay: float, jit_compile: bool) -> None:
    plain = keras.optimizers.AdamW(OneCycle(0.1, STEPS), weight_decay=decay)
    plain.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    expected = trained(plain)
    found = trained(FusedAdamW(OneCycle(0.1, STEPS), decay), jit_compile)
    for mine, theirs, before in zip(found, expected, small_net().get_weights(), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-4)
        assert np.abs(theirs - before).max() > 0.01


def test_a_constant_learning_rate() -> None:
    optimizer = FusedAdamW(0.5, 0.0)
    weight = keras.Variable([1.0, 2.0])
    optimizer.build([weight])
    optimizer.apply([tf.constant([3.0, -4.0])])
    # Adam's first step is as long as the learning rate, whatever the gradient.
    np.testing.assert_allclose(weight.numpy(), [0.5, 2.5], rtol=1e-5)
    assert int(optimizer.iterations) == 1
