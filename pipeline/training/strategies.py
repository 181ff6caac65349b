"""How a training is spread over devices and machines, by tf.distribute."""

from __future__ import annotations

import dataclasses
import functools
from typing import Annotated, Literal

import tensorflow as tf
from pydantic import BaseModel, Field, NonNegativeInt, ValidationError

from components.errors import InputError
from pipeline.yaml_files import describe_problem

TF_CONFIG = "TF_CONFIG"
_EXAMPLE = (
    '{"cluster": {"chief": ["10.0.0.1:2222"], "worker": ["10.0.0.2:2222", "10.0.0.3:2222"]}, '
    '"task": {"type": "worker", "index": 0}}'
)
_Job = Literal["chief", "worker"]


class _Task(BaseModel):
    type: _Job
    index: NonNegativeInt


class _TfConfig(BaseModel):
    cluster: Annotated[dict[_Job, list[Annotated[str, Field(pattern=r"^\S+:\d+$")]]], Field(min_length=1)]
    task: _Task


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The workers that train one model.

    Attributes:
      addresses: host:port of each; the chief's is the first.
      index: of this one.
    """

    addresses: tuple[str, ...]
    index: int

    @property
    def is_chief(self) -> bool:
        """Whether this worker is the one that gives out the data and keeps the model."""
        return self.index == 0


def read_cluster(text: str | None) -> Cluster:
    """The workers, from what stands in TF_CONFIG.

    Args:
      text: the variable's value; None where there is none.

    Raises:
      InputError: it is missing or wrong.
    """
    if not text:
        raise _unusable("it is not set")
    try:
        config = _TfConfig.model_validate_json(text)
    except ValidationError as error:
        raise _unusable("; ".join(map(describe_problem, error.errors()))) from None
    chiefs, workers = config.cluster.get("chief", []), config.cluster.get("worker", [])
    if len(chiefs) > 1:
        raise _unusable(f"{len(chiefs)} chiefs, there can be one")
    addresses = (*chiefs, *workers)
    if len(set(addresses)) < len(addresses):
        raise _unusable("two workers have the same address")
    own_job = config.cluster.get(config.task.type, [])
    if config.task.index >= len(own_job):
        raise _unusable(f"task {config.task.type} {config.task.index} is not in the cluster")
    return Cluster(addresses, addresses.index(own_job[config.task.index]))


def _unusable(why: str) -> InputError:
    return InputError(
        f"environment variable {TF_CONFIG}: {why}. With the setting strategy: multi_worker, each worker has it, with "
        f"the same cluster and its own task, like {_EXAMPLE}."
    )


def create_strategy(name: str) -> tf.distribute.Strategy:
    """The strategy of a setting.

    Args:
      name: 'one_device'; 'mirrored' for all GPUs of this machine, or its CPU; 'multi_worker' for those of all machines
        in TF_CONFIG, which waits until all of them have come, and has to be the first that a process does with
        TensorFlow.
    """
    if name == "multi_worker":
        return tf.distribute.MultiWorkerMirroredStrategy()
    if name == "mirrored":
        return _mirrored()
    # TensorFlow's default one.
    return tf.distribute.get_strategy()


# One for all trainings of a process: a second one would number its sums anew, and get those of the first one.
@functools.cache
def _mirrored() -> tf.distribute.Strategy:
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return tf.distribute.MirroredStrategy([device.name for device in devices])


def check_batch_size(strategy: tf.distribute.Strategy, batch_size: int) -> None:
    """Refuses batches that cannot be dealt out evenly.

    Raises:
      InputError: `batch_size` is no multiple of the number of replicas.
    """
    replicas = strategy.num_replicas_in_sync
    if batch_size % replicas:
        raise InputError(
            f"setting batch_size: {batch_size} rows cannot be dealt out to {replicas} devices evenly. Set it to a "
            f"multiple of {replicas}."
        )


def split_batches(strategy: tf.distribute.Strategy, batches: tf.data.Dataset) -> tf.data.Dataset:
    """To each replica its part of each batch, so that all of them together see the batch that one device would.

    Every worker makes the whole batch, as chance in it is drawn for all of its rows at once.

    Args:
      strategy: of the training.
      batches: of a multiple of the number of replicas.
    """

    def of_worker(worker: tf.distribute.InputContext) -> tf.data.Dataset:
        replicas = worker.num_replicas_in_sync
        if replicas == 1:
            return batches
        local = replicas // worker.num_input_pipelines
        first = worker.input_pipeline_id * local

        def parts(*batch: tf.Tensor) -> tuple[tf.Tensor, ...]:
            return tuple(tf.stack(tf.split(part, replicas)[first : first + local]) for part in batch)

        # tf.distribute takes as many batches at a time from a worker's data set as it has replicas.
        return batches.map(parts).unbatch()

    return strategy.distribute_datasets_from_function(of_worker)


def deal_batches(strategy: tf.distribute.Strategy, batches: tf.data.Dataset) -> tf.data.Dataset:
    """To each replica another batch; their number has to be a multiple of that of the replicas."""
    return strategy.distribute_datasets_from_function(
        lambda worker: batches.shard(worker.num_input_pipelines, worker.input_pipeline_id)
    )
