"""A SavedModel whose graph runs in a TensorFlow session, as in TensorFlow Serving."""

from __future__ import annotations

import ctypes
import dataclasses
import gc
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2, meta_graph_pb2

from serving.errors import StatusError
from serving.server import codes

DEFAULT_SIGNATURE = tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY

Array = npt.NDArray[Any]

# TensorFlow's C++ names of types, where they are not NumPy's.
_TYPE_NAMES = {tf.float32: "float", tf.float64: "double", tf.float16: "half"}


def type_name(dtype: tf.DType) -> str:
    """A type as TensorFlow's error messages have it."""
    return str(_TYPE_NAMES.get(dtype, dtype.name))


@dataclasses.dataclass(frozen=True)
class SessionOptions:
    """Threads of a session; 0 leaves the number to TensorFlow."""

    intra_op_threads: int = 0
    inter_op_threads: int = 0


class Signature:
    """One function of a model.

    Attributes:
      method: such as tensorflow/serving/predict.
      inputs: name -> type, in the order in which `run` takes them.
      outputs: names, in the order in which `run` returns them.
      batchable: whether rows of several requests may be put together: all inputs and outputs have a first dimension
        of any size.
    """

    def __init__(
        self, definition: meta_graph_pb2.SignatureDef, session: tf.compat.v1.Session, options: SessionOptions
    ) -> None:
        self.method: str = definition.method_name
        self.inputs = {key: tf.as_dtype(definition.inputs[key].dtype) for key in sorted(definition.inputs)}
        self.outputs = sorted(definition.outputs)
        self.batchable = all(map(_has_batch, [*definition.inputs.values(), *definition.outputs.values()]))
        self._names = frozenset(self.inputs)
        self._numpy_types = [
            np.dtype(object) if dtype == tf.string else np.dtype(dtype.as_numpy_dtype) for dtype in self.inputs.values()
        ]
        self._output_types = [tf.as_dtype(definition.outputs[key].dtype) for key in self.outputs]
        # Two outputs may be one tensor, which a session fetches but once.
        fetched = [definition.outputs[key].name for key in self.outputs]
        unique = list(dict.fromkeys(fetched))
        self._positions = [unique.index(name) for name in fetched]
        # Session.run would compare shapes itself, in Python. TensorFlow Serving leaves that to the graph.
        self._function = session._make_callable_from_options(
            config_pb2.CallableOptions(
                feed=[definition.inputs[key].name for key in self.inputs],
                fetch=unique,
                # One operation at a time: then the calling thread may run them, without handing over to another one.
                run_options=config_pb2.RunOptions(inter_op_thread_pool=-1 if options.inter_op_threads == 1 else 0),
            )
        )

    def arrange(self, inputs: Mapping[str, Array]) -> list[Array]:
        """The values of a request's inputs in the order of `run`.

        Raises:
          StatusError: an input is missing, has another type, or there is no such input.
        """
        if inputs.keys() != self._names:
            raise StatusError(codes.INVALID_ARGUMENT, _mismatch(inputs, self._names))
        values = [inputs[name] for name in self.inputs]
        for number, (value, expected) in enumerate(zip(values, self._numpy_types, strict=True)):
            if value.dtype != expected:
                wanted = type_name(list(self.inputs.values())[number])
                found = "string" if value.dtype == object else type_name(tf.as_dtype(value.dtype))
                raise StatusError(
                    codes.INVALID_ARGUMENT, f"Expects arg[{number}] to be {wanted} but {found} is provided"
                )
        return values

    def run(self, values: Sequence[Array]) -> list[Array]:
        """The outputs' values; strings are arrays of bytes objects.

        Raises:
          StatusError: the graph has ended with an error.
        """
        try:
            fetched = self._function(*values)
        except tf.errors.OpError as error:
            raise StatusError(error.error_code, error.message) from None
        except UnicodeDecodeError:
            # TensorFlow's message quotes what was sent, and Python cannot even make an OpError of that.
            raise StatusError(codes.INVALID_ARGUMENT, "The graph cannot read its inputs.") from None
        return [
            _to_array(fetched[position], dtype)
            for position, dtype in zip(self._positions, self._output_types, strict=True)
        ]


class Servable:
    """A loaded SavedModel; `load` in loading.py makes one that is warmed up, too.

    Attributes:
      definitions: name -> SignatureDef of all of the model's signatures, as GetModelMetadata returns them.
      signatures: name -> those that can be run.
    """

    def __init__(self, path: str, options: SessionOptions) -> None:
        """Loads the model.

        Raises:
          StatusError: there is no SavedModel, or it cannot be loaded.
        """
        self._session = tf.compat.v1.Session(
            graph=tf.Graph(),
            config=config_pb2.ConfigProto(
                intra_op_parallelism_threads=options.intra_op_threads,
                inter_op_parallelism_threads=options.inter_op_threads,
            ),
        )
        self.signatures: dict[str, Signature] = {}
        try:
            with self._session.graph.as_default():
                graph: meta_graph_pb2.MetaGraphDef = tf.compat.v1.saved_model.load(
                    self._session, [tf.saved_model.SERVING], path
                )
            self.definitions = dict(graph.signature_def)
            self.signatures = {
                name: Signature(definition, self._session, options)
                for name, definition in self.definitions.items()
                if _can_run(definition)
            }
        except tf.errors.OpError as error:
            self.close()
            raise StatusError(error.error_code, error.message) from None
        except Exception as error:  # a damaged file can make the loader raise anything
            self.close()
            code = codes.NOT_FOUND if isinstance(error, OSError) else codes.UNKNOWN
            raise StatusError(code, f"{path}: cannot be loaded: {error}") from None

    def predict(self, signature: str, inputs: Mapping[str, Array]) -> dict[str, Array]:
        """Name -> value of a signature's outputs.

        Args:
          signature: its name.
          inputs: name -> value of its inputs.

        Raises:
          StatusError: there is no such signature, an input is wrong, or the graph has ended with an error.
        """
        if signature not in self.signatures:
            raise StatusError(codes.FAILED_PRECONDITION, f'Serving signature key "{signature}" not found.')
        function = self.signatures[signature]
        return dict(zip(function.outputs, function.run(function.arrange(inputs)), strict=True))

    def close(self) -> None:
        """Frees the model; nothing may be running any more."""
        # The functions refer to the session, and the graph's objects to each other.
        self.signatures.clear()
        self._session.close()
        del self._session
        gc.collect()
        # Without this the memory stays with the process, and every new version adds to it.
        ctypes.CDLL(None).malloc_trim(0)


def _has_batch(tensor: meta_graph_pb2.TensorInfo) -> bool:
    shape = tensor.tensor_shape
    return not shape.unknown_rank and len(shape.dim) > 0 and shape.dim[0].size < 0


def _can_run(definition: meta_graph_pb2.SignatureDef) -> bool:
    # Sparse and composite tensors have no name, the operation that initializes the model has no outputs' values.
    tensors = [*definition.inputs.values(), *definition.outputs.values()]
    return bool(definition.outputs) and bool(definition.method_name) and all(tensor.name for tensor in tensors)


def _to_array(value: Any, dtype: tf.DType) -> Array:
    if isinstance(value, np.ndarray):
        return value
    array = np.empty((), object if dtype == tf.string else dtype.as_numpy_dtype)
    array[()] = value
    return array


def _mismatch(inputs: Mapping[str, Array], expected: frozenset[str]) -> str:
    given = frozenset(inputs)

    def joined(names: frozenset[str]) -> str:
        return ",".join(sorted(names))

    return (
        f"input size does not match signature: {len(given)}!={len(expected)} len({{{joined(given)}}}) != "
        f"len({{{joined(expected)}}}). Sent extra: {{{joined(given - expected)}}}. "
        f"Missing but required: {{{joined(expected - given)}}}."
    )
