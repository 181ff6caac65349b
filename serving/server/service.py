"""What REST and gRPC have in common: a request to a model, from its name to the values of its outputs."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tensorflow_serving.apis import input_pb2

from serving.errors import StatusError
from serving.server import codes, examples, loading
from serving.server.batching import Answer, Batcher
from serving.server.metrics import Metrics
from serving.server.servable import DEFAULT_SIGNATURE, Array, Servable, SessionOptions, Signature
from serving.server.versions import VersionManager

_POOL = "model_server_batch_threads"
# Of the two ways in which TensorFlow Serving runs a model.
_RUNTIME = "TF1"


@dataclasses.dataclass(frozen=True)
class Spec:
    """Which version of which model; its highest available one where neither version nor label are given."""

    name: str
    version: int | None = None
    label: str | None = None


@dataclasses.dataclass(frozen=True)
class Served:
    """Outputs, and who has made them."""

    outputs: dict[str, Array]
    version: int


class Service:
    """Answers requests; to be used within one event loop."""

    def __init__(self, versions: VersionManager[Servable], batcher: Batcher, metrics: Metrics) -> None:
        self.versions = versions
        self.metrics = metrics
        self._batcher = batcher

    async def predict(
        self,
        spec: Spec,
        prepare: Callable[[Servable], tuple[Signature, Mapping[str, Array]]],
        api: str,
        timeout_s: float | None = None,
    ) -> Served:
        """Runs a signature.

        Args:
          spec: the model.
          prepare: what to run, and the values of its inputs; may raise StatusError.
          api: for the metrics.
          timeout_s: how long it may wait and run; None for as long as it takes.

        Raises:
          StatusError: whatever is wrong.
        """
        lease = self.versions.lease(spec.name, spec.version, spec.label)
        try:
            signature, inputs = prepare(lease.loaded)
            future = self._batcher.submit(signature, signature.arrange(inputs), lease)
        except BaseException:
            lease.release()
            raise
        timer = None if timeout_s is None else asyncio.get_running_loop().call_later(timeout_s, _expire, future)
        try:
            values, timing = await future
        finally:
            if timer is not None:
                timer.cancel()
        self.metrics.runtime_latency.observe((spec.name, api, _RUNTIME), timing.ran_s * 1e6)
        self.metrics.queuing_latency.observe((_POOL,), timing.waited_s * 1e6)
        return Served(dict(zip(signature.outputs, values, strict=True)), lease.version)

    async def infer(
        self,
        spec: Spec,
        signature_name: str,
        request: input_pb2.Input,
        method: str,
        timeout_s: float | None = None,
    ) -> tuple[Served, int]:
        """Runs a signature for tf.Examples.

        Args:
          spec: the model.
          signature_name: "" for the default one.
          request: the examples.
          method: examples.CLASSIFY_METHOD or REGRESS_METHOD.
          timeout_s: see predict.

        Returns:
          The outputs, and the number of examples.

        Raises:
          StatusError: whatever is wrong.
        """
        inputs = examples.to_inputs(request)
        [serialized] = inputs.values()

        def prepare(servable: Servable) -> tuple[Signature, Mapping[str, Array]]:
            return examples.find_signature(servable, signature_name or DEFAULT_SIGNATURE, method), inputs

        api = "Classify" if method == examples.CLASSIFY_METHOD else "Regress"
        served = await self.predict(spec, prepare, api, timeout_s)
        self.metrics.example_count.add((spec.name,), len(serialized))
        return served, len(serialized)

    def record(self, spec: Spec, api: str, entrypoint: str, code: int, started: float) -> None:
        """Counts a request that has been answered.

        Args:
          spec: the model.
          api: predict, classify, ...
          entrypoint: REST or GRPC.
          code: of the answer.
          started: when it came, by time.perf_counter.
        """
        # Clients could make up any number of other names.
        if self.versions.is_configured(spec.name):
            self.metrics.request_count.add((spec.name, codes.name(code)))
            self.metrics.request_latency.observe((spec.name, api, entrypoint), (time.perf_counter() - started) * 1e6)


def _expire(future: asyncio.Future[Answer]) -> None:
    if not future.done():
        future.set_exception(StatusError(codes.DEADLINE_EXCEEDED, "Timed out waiting for notification"))


def loader(options: SessionOptions, warm_up: bool, metrics: Metrics) -> Callable[[str, Path], Servable]:
    """What loads the models for the VersionManager.

    Args:
      options: of their sessions.
      warm_up: whether to replay their warm-up requests.
      metrics: where it is counted.
    """

    def load(_: str, path: Path) -> Servable:
        started = time.perf_counter()
        try:
            servable = Servable(str(path), options)
        except StatusError:
            metrics.load_attempts.add((str(path), "fail"))
            raise
        metrics.load_attempts.add((str(path), "success"))
        loaded = time.perf_counter()
        metrics.load_latency.add((str(path),), int((loaded - started) * 1e6))
        if not warm_up:
            return servable
        code = codes.OK
        try:
            loading.warm_up(servable, path)
        except StatusError as error:
            code = error.code
            servable.close()
            raise
        finally:
            metrics.warmup_latency.observe((str(path), codes.name(code)), (time.perf_counter() - loaded) * 1e6)
        return servable

    return load
