"""Two of TensorFlow Serving's messages that its Python package leaves out, declared here by their fields.

They are only ever read as text, where a field's name and type count. They live in a pool of their own, so that no
other package that brings the same messages can clash with them.
"""

from __future__ import annotations

from typing import TypeAlias

from google.protobuf import descriptor_pb2, descriptor_pool, message, message_factory, wrappers_pb2

_Field: TypeAlias = descriptor_pb2.FieldDescriptorProto
_INT64_VALUE, _STRING_VALUE, _BOOL_VALUE = (f".google.protobuf.{kind}Value" for kind in ("Int64", "String", "Bool"))


def _field(name: str, number: int, kind: int | str, repeated: bool = False) -> _Field:
    """A field of a scalar type, or of a message, which is given by its name."""
    label = _Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL
    if isinstance(kind, str):
        return _Field(name=name, number=number, label=label, type=_Field.TYPE_MESSAGE, type_name=kind)
    return _Field(name=name, number=number, label=label, type=kind)


def _pool() -> descriptor_pool.DescriptorPool:
    file = descriptor_pb2.FileDescriptorProto(
        name="serving/config/messages.proto",
        package="tensorflow.serving",
        syntax="proto3",
        dependency=[wrappers_pb2.DESCRIPTOR.name],
    )
    # tensorflow_serving/servables/tensorflow/session_bundle_config.proto
    file.message_type.add(
        name="BatchingParameters",
        field=[
            _field("max_batch_size", 1, _INT64_VALUE),
            _field("batch_timeout_micros", 2, _INT64_VALUE),
            _field("max_enqueued_batches", 3, _INT64_VALUE),
            _field("num_batch_threads", 4, _INT64_VALUE),
            _field("thread_pool_name", 5, _STRING_VALUE),
            _field("allowed_batch_sizes", 6, _Field.TYPE_INT64, repeated=True),
            _field("pad_variable_length_inputs", 7, _Field.TYPE_BOOL),
            _field("enable_large_batch_splitting", 8, _BOOL_VALUE),
            _field("max_execution_batch_size", 9, _INT64_VALUE),
        ],
    )
    # tensorflow_serving/config/monitoring_config.proto
    file.message_type.add(
        name="PrometheusConfig",
        field=[_field("enable", 1, _Field.TYPE_BOOL), _field("path", 2, _Field.TYPE_STRING)],
    )
    file.message_type.add(
        name="MonitoringConfig", field=[_field("prometheus_config", 1, ".tensorflow.serving.PrometheusConfig")]
    )
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    return pool


_POOL = _pool()


def _message(name: str) -> type[message.Message]:
    factory = message_factory.MessageFactory(_POOL)
    return factory.GetPrototype(_POOL.FindMessageTypeByName(f"tensorflow.serving.{name}"))  # type: ignore[no-any-return]


BatchingParameters = _message("BatchingParameters")
MonitoringConfig = _message("MonitoringConfig")
