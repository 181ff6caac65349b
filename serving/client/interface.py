"""What both clients can do, and what they share."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from serving.client.answers import EMOTIONS, POINTS, Emotion, ImageError, Keypoints
from serving.errors import StatusError, UsageError

# Of google.rpc.Code.
INVALID_ARGUMENT = 3
DEADLINE_EXCEEDED = 4
INTERNAL = 13
UNAVAILABLE = 14

# As many as a server takes at once without keeping others waiting.
MAX_IMAGES_PER_REQUEST = 32
# Of the files in a request with several: servers, and proxies before them, limit what they take.
_MAX_BYTES_PER_REQUEST = 16 * 2**20

Tensor = npt.NDArray[Any]
# A tensor to send, or files to send as one of strings.
Input = Tensor | Sequence[bytes]

# Stands in an error that the model itself has raised; the pictures are all that it gets.
_NODE = re.compile(r"\{\{(function_)?node ")
_ASSERTION = re.compile(r"assertion failed: \[(?:image_bytes: )?(.*)\]")

_Answer = TypeVar("_Answer")
_Self = TypeVar("_Self", bound="Client")


class Client(Protocol):
    """Asks the models. Close it when done, or use it as a context.

    `version` and `label` say which version of a model is asked, where it shall not be the newest that is served; not
    both. The errors of all methods are:

      StatusError: the request was not answered, or with an error; after all retries, with the server's message.
      UsageError: both `version` and `label` were given.
    """

    @abstractmethod
    def predict(
        self,
        model: str,
        inputs: Mapping[str, Input],
        signature: str = "serving_default",
        *,
        version: int | None = None,
        label: str | None = None,
    ) -> dict[str, Tensor]:
        """Sends one request to any signature.

        Args:
          model: its name.
          inputs: by name.
          signature: its name.
          version: of the model.
          label: of a version.

        Returns:
          The outputs by name: float32, int64, bool, or object with str.
        """

    @abstractmethod
    def close(self) -> None:
        """Closes the connections."""

    def emotions(
        self, images: Sequence[bytes], *, version: int | None = None, label: str | None = None
    ) -> list[Emotion | ImageError]:
        """Asks emotion_ai.

        Args:
          images: PNG or JPEG files, each of one face that fills the picture; any number of them.
          version: of the model.
          label: of a version.

        Returns:
          An answer for each, in their order.
        """
        return self._ask("emotion_ai", ("probabilities", "class_id", "label"), _emotion, images, version, label)

    def keypoints(
        self, images: Sequence[bytes], *, version: int | None = None, label: str | None = None
    ) -> list[Keypoints | ImageError]:
        """Asks facial_keypoints; arguments and order as for `emotions`."""
        return self._ask("facial_keypoints", ("keypoints",), _keypoints, images, version, label)

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _ask(
        self,
        model: str,
        outputs: tuple[str, ...],
        read: Callable[..., _Answer],
        images: Sequence[bytes],
        version: int | None,
        label: str | None,
    ) -> list[_Answer | ImageError]:
        def ask(batch: Sequence[bytes]) -> Iterator[_Answer | ImageError]:
            try:
                answer = self.predict(model, {"image_bytes": batch}, version=version, label=label)
            except StatusError as error:
                if error.code != INVALID_ARGUMENT or not _NODE.search(error.message):
                    raise
                # No picture could be read, or a server has failed all for one of them: each on its own tells which.
                if len(batch) == 1:
                    yield ImageError(_in_words(error.message))
                else:
                    for image in batch:
                        yield from ask([image])
                return
            _check_rows(model, answer, (*outputs, "error"), len(batch))
            for message, *row in zip(answer["error"], *(answer[name] for name in outputs), strict=True):
                yield ImageError(message) if message else read(*row)

        return [answer for batch in _batches(images) for answer in ask(batch)]


def _batches(images: Sequence[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
    size = 0
    for image in images:
        if batch and (len(batch) == MAX_IMAGES_PER_REQUEST or size + len(image) > _MAX_BYTES_PER_REQUEST):
            yield batch
            batch, size = [], 0
        batch.append(image)
        size += len(image)
    if batch:
        yield batch


def check_choice(version: int | None, label: str | None) -> None:
    """Raises a UsageError where a version is named twice."""
    if version is not None and label is not None:
        raise UsageError(f"version {version} and label {label}: both name a version. Give one of them.")


def _in_words(message: str) -> str:
    """A model's error without TensorFlow's names of its operations."""
    first_line = message.partition("\n")[0].strip()
    return _ASSERTION.sub(r"\1", first_line)


def _check_rows(model: str, answer: dict[str, Tensor], outputs: tuple[str, ...], rows: int) -> None:
    for name in outputs:
        if name not in answer:
            raise StatusError(INTERNAL, f"{model}: the answer has no '{name}', but {', '.join(sorted(answer))}")
        if len(answer[name]) != rows:
            raise StatusError(INTERNAL, f"{model}: {len(answer[name])} rows of '{name}' for {rows} pictures")


def _emotion(probabilities: Tensor, class_id: np.int64, label: str) -> Emotion:
    return Emotion(label, int(class_id), dict(zip(EMOTIONS, probabilities.tolist(), strict=True)))


def _keypoints(keypoints: Tensor) -> Keypoints:
    return Keypoints({name: (x, y) for name, (x, y) in zip(POINTS, keypoints.tolist(), strict=True)})
