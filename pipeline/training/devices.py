"""What is made of the GPUs that are there: precision, compiler, size of the batches."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import keras
import tensorflow as tf
from tensorflow.python.client import device_lib

from pipeline.training.settings import Training

# The first with units that multiply matrices of each of the two 16 bit formats: Volta and Ampere.
_FLOAT16_FROM, _BFLOAT16_FROM = (7, 0), (8, 0)
# Larger batches leave less to learn by: beyond this factor, or with fewer steps, a model gets worse, not only faster.
_MOST_GROWTH = 4
_LEAST_STEPS = 2000
# Of a GPU's memory, for what a batch leaves behind on its way through the model; the rest is for the libraries.
_MEMORY_SHARE = 0.5
_FLOAT32_BYTES = 4


@dataclasses.dataclass(frozen=True)
class Gpu:
    """One GPU.

    Attributes:
      capability: NVIDIA's compute capability, (0, 0) where it has none.
      memory_bytes: what TensorFlow may take of it.
    """

    capability: tuple[int, int]
    memory_bytes: int


def list_gpus() -> list[Gpu]:
    """The GPUs of this machine."""
    physical = tf.config.list_physical_devices("GPU")
    if not physical:
        return []
    memory = [device.memory_limit for device in device_lib.list_local_devices() if device.device_type == "GPU"]
    details = [tf.config.experimental.get_device_details(device) for device in physical]
    return [Gpu(detail.get("compute_capability", (0, 0)), limit) for detail, limit in zip(details, memory, strict=True)]


def let_memory_grow() -> None:
    """Takes the GPUs' memory as it is needed: other processes of the pipeline use the same ones."""
    for device in tf.config.list_physical_devices("GPU"):
        try:
            tf.config.experimental.set_memory_growth(device, True)
        except RuntimeError:
            # An earlier node of this process has begun to use it. What it has taken serves all that follow.
            return


def dtype_policy(gpus: Sequence[Gpu]) -> str:
    """Keras's name of the precision to compute in; weights and losses are float32 in any case.

    bfloat16 has the range of float32; float16 has not, and Keras scales the loss then. On a CPU, even one with
    instructions for bfloat16, a step of these models takes 1.5 times as long with it.
    """
    least = min((gpu.capability for gpu in gpus), default=(0, 0))
    if least >= _BFLOAT16_FROM:
        return "mixed_bfloat16"
    return "mixed_float16" if least >= _FLOAT16_FROM else "float32"


@contextmanager
def computing_in(policy: str) -> Iterator[None]:
    """Models that are built in here compute in a precision."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def compiles(gpus: Sequence[Gpu], replicas: int) -> bool:
    """Whether XLA compiles the steps.

    The models are small, so that a GPU waits for the next kernel more than it computes: XLA makes few of many. It
    cannot compile what several replicas do in common, and on a CPU oneDNN is faster.
    """
    return bool(gpus) and replicas == 1


def bytes_per_image(model: keras.Model) -> int:
    """About what an image leaves behind until its gradients are computed."""
    values: int = sum(math.prod(layer.output.shape[1:]) for layer in model.layers)
    # Each value and its gradient.
    return 2 * _FLOAT32_BYTES * values


def fitted_to(gpus: Sequence[Gpu], settings: Training, rows: int, image_bytes: int) -> Training:
    """The settings with batches that keep these GPUs busy.

    The batch doubles while the training keeps 2,000 steps, up to four times, and the learning rate rises by the root of
    the same factor: what keeps the noise of AdamW's steps the same (Malladi et al., "On the SDEs and scaling rules for
    adaptive gradient algorithms", 2022). Data that are small keep their batches.

    Args:
      gpus: those that are used; without any the settings stay as they are.
      settings: of the training; `batch_size` is that of all GPUs together.
      rows: to learn from.
      image_bytes: memory for each image of a batch.
    """
    factor = 1
    while gpus and factor < _MOST_GROWTH:
        batch = 2 * factor * settings.batch_size
        memory = _MEMORY_SHARE * min(gpu.memory_bytes for gpu in gpus) * len(gpus)
        if rows // batch * settings.epochs < _LEAST_STEPS or batch * image_bytes > memory:
            break
        factor *= 2
    return settings.model_copy(
        update={
            "batch_size": factor * settings.batch_size,
            "learning_rate": math.sqrt(factor) * settings.learning_rate,
        }
    )
