"""The checks of a model, from the look into its files to the last malformed request."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from components.servable_check.report import CheckFailedError, Recorder
from components.servable_check.requests import (
    INPUTS,
    Array,
    read_graph,
    serving_inputs,
    serving_signatures,
    strings,
)
from components.servable_check.servers import OpenServer, RequestError, Server
from components.signature_names import CLASSIFY
from serving.server.loading import MAX_WARMUP_RECORDS, read_warmup

# Of an answer from the evaluated one, over max(1, |value|). PNG files are resized, if only to their own size.
_TOLERANCES = {
    "serving_examples": 1e-5,
    "serving_tensor": 1e-5,
    "serving_tensor_uint8": 1e-5,
    "serving_default": 1e-4,
    CLASSIFY: 1e-5,
}
# Of serving_default: empty, or why an image could not be read.
_ERROR = "error"
# Not more than clients send at once, so that the memory is that of serving.
_BATCH = 32
_TIMED_REQUESTS = 30


@dataclasses.dataclass(frozen=True)
class Budgets:
    """What serving may cost, see ServableCheck."""

    max_first_request_ms: float
    max_median_ms: float
    max_memory_mb: float


def check_model(
    model_path: str,
    examples: list[bytes],
    expected: npt.NDArray[np.float32],
    prediction_key: str,
    budgets: Budgets,
    open_server: OpenServer,
    recorder: Recorder,
) -> None:
    """Checks a SavedModel; what comes of it is in the recorder's report.

    Where the model cannot even be asked, the checks end: the others would only say the same again.

    Args:
      model_path: the SavedModel, with warm-up requests.
      examples: serialized tf.Examples, n >= 1 of them.
      expected: float32 [n, ...], what the evaluation got for them.
      prediction_key: the output that this is.
      budgets: for latency and memory.
      open_server: starts what is asked.
      recorder: runs the checks.
    """
    if not recorder.check("SavedModel", functools.partial(_saved_model, model_path)):
        return
    signatures = serving_signatures(model_path)
    passed = [
        recorder.check(f"{signature}: interface", functools.partial(_interface, model_path, signature, prediction_key))
        for signature in signatures
    ]
    passed.append(recorder.check("warm-up: requests", functools.partial(_warmup, model_path, signatures)))
    if not all(passed):
        return
    with contextlib.ExitStack() as stack:
        servers: list[Server] = []

        def load() -> str:
            try:
                servers.append(stack.enter_context(open_server(model_path)))
            except RequestError as error:
                raise CheckFailedError(
                    f"The model does not load or does not answer its warm-up requests: {error}. If a variable is not "
                    f"found, save an object that holds the model's variables, not the Keras model (keras #19274)."
                ) from error
            return "The model loads and answers its warm-up requests."

        if recorder.check("warm-up: load and replay", load):
            _Conversation(servers[0], signatures, examples, expected, prediction_key, budgets, recorder).hold()


class _Conversation:
    """All the requests to a server that has just started."""

    def __init__(
        self,
        server: Server,
        signatures: list[str],
        examples: list[bytes],
        expected: npt.NDArray[np.float32],
        prediction_key: str,
        budgets: Budgets,
        recorder: Recorder,
    ) -> None:
        self._server = server
        self._signatures = signatures
        self._examples = examples
        self._expected = expected
        self._key = prediction_key
        self._budgets = budgets
        self._recorder = recorder

    def hold(self) -> None:
        """Runs the checks; the latency first, as nothing must be warm but by the warm-up."""
        check = self._recorder.check
        single = self._inputs(self._examples[:1])
        check("latency: first request", functools.partial(self._first_request, single))
        check("latency: median", functools.partial(self._median, single))
        for signature in self._signatures:
            check(f"{signature}: answers", functools.partial(self._answers, signature))
        check("serving_default: JPEG", functools.partial(self._jpeg, single["serving_tensor"]))
        check("serving_default: a bad image among good ones", functools.partial(self._neighbours, single))
        for signature, array in single.items():
            check(f"{signature}: empty batch", functools.partial(self._empty_batch, signature, array[:0]))
        for what, signature, array in _malformed(self._examples[0]):
            check(f"{signature}: {what}", functools.partial(self._malformed, what, signature, array, single))
        check("memory", self._memory)

    def _first_request(self, single: dict[str, Array]) -> str:
        took = {signature: self._time(signature, array) for signature, array in single.items()}
        self._recorder.report.first_request_ms = max(took.values())
        return _within(
            took,
            self._budgets.max_first_request_ms,
            "The first request after the warm-up",
            "Make the model smaller, or raise `max_first_request_ms`",
        )

    def _median(self, single: dict[str, Array]) -> str:
        took = {
            signature: statistics.median(self._time(signature, array) for _ in range(_TIMED_REQUESTS))
            for signature, array in single.items()
        }
        self._recorder.report.median_ms = max(took.values())
        return _within(
            took,
            self._budgets.max_median_ms,
            f"The median of {_TIMED_REQUESTS} requests of a single image",
            "Make the model smaller, or raise `max_median_ms`",
        )

    def _memory(self) -> str:
        took, allowed = self._server.memory_mb(), self._budgets.max_memory_mb
        self._recorder.report.memory_mb = took
        text = f"Loading and serving the model takes {took:.0f} MB of memory, {allowed:g} MB are allowed."
        if took > allowed:
            raise CheckFailedError(f"{text} Make the model smaller, or raise `max_memory_mb`.")
        return text

    def _answers(self, signature: str) -> str:
        tolerance, worst = _TOLERANCES[signature], 0.0
        for start in range(0, len(self._examples), _BATCH):
            rows = slice(start, start + _BATCH)
            answer = self._ask(signature, self._inputs(self._examples[rows])[signature])
            worst = max(worst, _difference(signature, answer, self._expected[rows]))
        # Not a number is no agreement.
        if not worst <= tolerance:
            raise CheckFailedError(
                f"{signature} answers '{self._key}' otherwise than the evaluation has got it: {worst:.2g} apart, over "
                f"max(1, |value|), where {tolerance:g} is allowed. Push only what has been evaluated: see that the "
                f"signatures share one preprocessing, and that the predictions are this model's."
            )
        return f"{len(self._examples)} rows agree with the evaluation, {worst:.2g} apart at most."

    def _jpeg(self, image: Array) -> str:
        jpeg = tf.io.encode_jpeg(image[0].astype(np.uint8)[..., np.newaxis]).numpy()
        self._ask("serving_default", strings([jpeg]))
        return "A JPEG file is answered."

    def _neighbours(self, single: dict[str, Array]) -> str:
        [good] = single["serving_default"]
        batch = strings([good, b"This is no image.", good])
        try:
            answer = self._server.predict("serving_default", batch)
        except RequestError as error:
            raise CheckFailedError(
                f"A bad image fails the good ones in its batch: {error}. Decode with pipeline.image_decoding."
            ) from error
        difference = _difference("serving_default", answer[self._key][::2], self._expected[[0, 0]])
        if not difference <= _TOLERANCES["serving_default"]:
            raise CheckFailedError("A bad image changes the answers for the good ones in its batch. Keep rows apart.")
        marked = [bool(text) for text in answer[_ERROR]]
        if marked != [False, True, False]:
            raise CheckFailedError(
                f"Of a good, a bad and a good image, '{_ERROR}' marks {marked} as bad. Let it be empty for the good "
                f"ones only."
            )
        return "The good ones are answered, the bad one is marked."

    def _empty_batch(self, signature: str, array: Array) -> str:
        try:
            answer = self._server.predict(signature, array)[_output(signature, self._key)]
        except RequestError as error:
            return f"An error, as it should be: {error}."
        if len(answer):
            raise CheckFailedError(
                f"{signature} answers an empty batch with {len(answer)} rows. Let it answer as many as it is sent."
            )
        return "An empty answer, as it should be."

    def _malformed(self, what: str, signature: str, array: Array, single: dict[str, Array]) -> str:
        try:
            self._server.predict(signature, array)
        except RequestError as error:
            for good, rows in single.items():
                if not _difference(good, self._ask(good, rows), self._expected[:1]) <= max(_TOLERANCES.values()):
                    raise CheckFailedError(
                        f"After {what} to {signature}, {good} answers good requests otherwise than the evaluation has "
                        f"it. Keep no state between requests."
                    ) from error
            return f"An error, as it should be: {error}."
        raise CheckFailedError(
            f"{signature} answers {what} as if nothing were wrong. Make it an error, with tf.ensure_shape as the first "
            f"operation for instance."
        )

    def _ask(self, signature: str, array: Array) -> Array:
        try:
            return self._server.predict(signature, array)[_output(signature, self._key)]
        except RequestError as error:
            raise CheckFailedError(
                f"{signature} does not answer a good request: {error}. Correct the signature."
            ) from error

    def _inputs(self, examples: list[bytes]) -> dict[str, Array]:
        inputs = serving_inputs(examples)
        return {signature: inputs[signature] for signature in self._signatures}

    def _time(self, signature: str, array: Array) -> float:
        """Milliseconds that a good request takes."""
        start = time.perf_counter()
        self._ask(signature, array)
        return (time.perf_counter() - start) * 1000


def _output(signature: str, prediction_key: str) -> str:
    """Name of the output that is the prediction; that of `classify` is part of TensorFlow Serving's contract."""
    return "scores" if signature == CLASSIFY else prediction_key


def _saved_model(model_path: str) -> str:
    if not read_graph(model_path).signature_def:
        raise CheckFailedError(
            f"There is no SavedModel with a graph to serve in {model_path}. Let the Trainer write one with "
            f"tf.saved_model.save."
        )
    return "There is one, with a graph to serve."


def _interface(model_path: str, signature: str, prediction_key: str) -> str:
    graph = read_graph(model_path)
    if signature not in graph.signature_def:
        there = ", ".join(sorted(name for name in graph.signature_def if not name.startswith("__")))
        raise CheckFailedError(
            f"The model has no signature {signature}, but {there}. Export it with pipeline.signatures."
        )
    definition, (name, dtype) = graph.signature_def[signature], INPUTS[signature]
    found = {key: tf.as_dtype(tensor.dtype) for key, tensor in definition.inputs.items()}
    if found != {name: dtype}:
        raise CheckFailedError(
            f"{signature} takes {_describe(found)}, clients send {_describe({name: dtype})}. Name the input of the "
            f"exported function so, and let it be the only one."
        )
    wanted = [_output(signature, prediction_key), *([_ERROR] if signature == "serving_default" else [])]
    for output in wanted:
        if output not in definition.outputs:
            raise CheckFailedError(
                f"{signature} gives no '{output}', but {', '.join(sorted(definition.outputs))}. Name the output so, or "
                f"correct `prediction_key`."
            )
    return f"Takes {_describe(found)}, gives {' and '.join(repr(output) for output in wanted)}."


def _describe(inputs: dict[str, tf.DType]) -> str:
    return ", ".join(f"'{name}' ({dtype.name})" for name, dtype in sorted(inputs.items())) or "nothing"


def _warmup(model_path: str, signatures: list[str]) -> str:
    logs = list(read_warmup(Path(model_path)))
    remedy = "Write a request to each serving signature, as ServableCheck does"
    if len(logs) > MAX_WARMUP_RECORDS:
        raise CheckFailedError(
            f"The model has {len(logs)} warm-up requests; with more than {MAX_WARMUP_RECORDS} TensorFlow Serving does "
            f"not load it. {remedy}."
        )
    found = {log.predict_log.request.model_spec.signature_name for log in logs}
    if found != set(signatures):
        missing = ", ".join(sorted(set(signatures) - found)) or "none"
        other = ", ".join(sorted(found - set(signatures))) or "none"
        raise CheckFailedError(
            f"The model's warm-up requests lack signatures ({missing}) or are to others ({other}), so that the first "
            f"clients wait. {remedy}."
        )
    return f"{len(logs)} requests, to each signature."


def _within(took: dict[str, float], allowed: float, what: str, remedy: str) -> str:
    slow = {signature: ms for signature, ms in took.items() if ms > allowed}
    described = ", ".join(f"{ms:.1f} ms to {signature}" for signature, ms in (slow or took).items())
    text = f"{what} takes {described}; {allowed:g} ms are allowed."
    if slow:
        raise CheckFailedError(f"{text} {remedy}.")
    return text


def _difference(signature: str, answer: npt.NDArray[Any], expected: npt.NDArray[np.float32]) -> float:
    """The largest difference over max(1, |value|); not a number where either is not."""
    if answer.shape != expected.shape:
        raise CheckFailedError(
            f"{signature} answers an array of shape {answer.shape}, the evaluation has got {expected.shape}. Correct "
            f"the signature, or `prediction_key`."
        )
    return float(np.max(np.abs(answer - expected) / np.maximum(1, np.abs(expected))))


def _malformed(example: bytes) -> list[tuple[str, str, Array]]:
    """(what it is, signature, value of its input) of requests that must be answered with an error."""
    good = serving_inputs([example])
    images, png = good["serving_tensor"], good["serving_default"][0]
    without_image = tf.train.Example.FromString(example)
    del without_image.features.feature["image"]
    return [
        ("an image that is too high", "serving_tensor", np.pad(images, ((0, 0), (0, 1), (0, 0)))),
        ("an image that is too wide", "serving_tensor", np.pad(images, ((0, 0), (0, 0), (0, 1)))),
        ("an image without a batch", "serving_tensor", images[0]),
        ("an image with a dimension of channels", "serving_tensor", images[..., np.newaxis]),
        ("bytes that are no image", "serving_default", strings([b"This is no image."])),
        ("a truncated PNG", "serving_default", strings([png[: len(png) // 2]])),
        ("an Example without the image", "serving_examples", strings([without_image.SerializeToString()])),
        ("bytes that are no Example", "serving_examples", strings([b"This is no Example."])),
    ]
