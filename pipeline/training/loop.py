"""The epochs of a training, under any strategy of tf.distribute."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import keras
import tensorflow as tf


def run_epochs(
    model: keras.Model,
    batches: tf.data.Dataset,
    evaluation: tf.data.Dataset,
    steps: int,
    evaluation_steps: int,
    epochs: range,
    callbacks: Sequence[keras.callbacks.Callback],
) -> None:
    """What Keras's `fit` does, in the scope of the strategy that the model was built in.

    Keras 3's own one runs on one device only: under MirroredStrategy and MultiWorkerMirroredStrategy it fails before
    the first step (keras #20585), and none of its statistics are made the same on all replicas.

    Args:
      model: compiled, with its optimizer built.
      batches: to learn from; endless, and dealt out by the strategy.
      evaluation: the batches of one evaluation again and again, dealt out by the strategy.
      steps: batches of each replica in an epoch.
      evaluation_steps: batches of each replica in an evaluation.
      epochs: numbers of those to go through.
      callbacks: Keras's.
    """
    train_step = _on_each_replica(model, model.train_step)
    test_step = _on_each_replica(model, model.test_step)
    # Sums of all replicas are added up: all workers have to read them.
    results = tf.function(model.get_metrics_result, autograph=False)
    average_statistics = _averaging_statistics(model)
    train_batches, evaluation_batches = iter(batches), iter(evaluation)
    listeners = keras.callbacks.CallbackList(list(callbacks), model=model, epochs=epochs.stop, steps=steps)
    model.stop_training = False
    logs: dict[str, float] = {}
    listeners.on_train_begin()
    for epoch in epochs:
        listeners.on_epoch_begin(epoch)
        model.reset_metrics()
        for step in range(steps):
            listeners.on_train_batch_begin(step)
            train_step(train_batches)
            listeners.on_train_batch_end(step)
        logs = _as_floats(results())
        average_statistics()
        listeners.on_test_begin()
        model.reset_metrics()
        for step in range(evaluation_steps):
            listeners.on_test_batch_begin(step)
            test_step(evaluation_batches)
            listeners.on_test_batch_end(step)
        of_evaluation = _as_floats(results())
        listeners.on_test_end(of_evaluation)
        logs.update({f"val_{name}": value for name, value in of_evaluation.items()})
        listeners.on_epoch_end(epoch, logs)
        if model.stop_training:
            break
    model.optimizer.finalize_variable_values(model.trainable_variables)
    listeners.on_train_end(logs)


def _on_each_replica(model: keras.Model, step: Callable[..., object]) -> Callable[..., None]:
    strategy = tf.distribute.get_strategy()
    # Not under several replicas: there a function within a function mixes up what is summed over the replicas.
    compiled = tf.function(step, jit_compile=True) if model.jit_compile else step

    def run(iterator: tf.data.Iterator) -> None:
        strategy.run(compiled, args=(iterator.get_next(),))

    function: Callable[..., None] = tf.function(run, autograph=False)
    return function


def _as_floats(results: dict[str, tf.Tensor]) -> dict[str, float]:
    return {name: float(value) for name, value in results.items()}


def _averaging_statistics(model: keras.Model) -> Callable[[], None]:
    """What makes the moving averages of batch normalisation the same on all replicas.

    Each replica moves its own ones while it trains. As a moving average is linear, the mean over the replicas is what
    they would be had the batches' statistics been averaged at each step.
    """
    strategy = tf.distribute.get_strategy()
    statistics = [weight.value for weight in model.non_trainable_weights]

    def average() -> None:
        own = []
        for statistic in statistics:
            # Of a tensor without a device the sum over several workers does not know where to put it.
            with tf.device(statistic.device):
                own.append(tf.identity(statistic))
        means = tf.distribute.get_replica_context().all_reduce("mean", own)
        for statistic, mean in zip(statistics, means, strict=True):
            statistic.assign(mean)

    if strategy.num_replicas_in_sync == 1 or not statistics:
        return lambda: None
    function: Callable[[], None] = tf.function(lambda: strategy.run(average), autograph=False)
    return function
