"""Small SavedModels for the server: one with signatures of every kind, and one that cannot be loaded."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow_serving.apis import prediction_log_pb2

from serving.server.loading import WARMUP_FILE

_METHODS = {"classify": tf.saved_model.CLASSIFY_METHOD_NAME, "regress": tf.saved_model.REGRESS_METHOD_NAME}


def save(path: Path, factor: float = 1.0, warm_up: bool = False) -> Path:
    """Writes a SavedModel whose answers tell its `factor`.

    Its signatures: serving_default x [n, 2] -> y = factor * x, an error where a value is negative; sum a, b [n] ->
    total, difference; text s [n] -> upper, raw_bytes; integers i [n] -> i; half; no_batch x [n] -> total []; flags;
    classify and regress of Examples with the feature x.
    """
    module = tf.Module()
    module.factor = tf.Variable(factor)

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float32, "x")])
    def serving_default(x: tf.Tensor) -> dict[str, tf.Tensor]:
        x = tf.ensure_shape(x, [None, 2])
        with tf.control_dependencies([tf.debugging.assert_non_negative(x, "negative")]):
            return {"y": x * module.factor}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "a"), tf.TensorSpec([None], tf.float32, "b")])
    def total(a: tf.Tensor, b: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"total": a + b, "difference": a - b}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "s")])
    def text(s: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"upper": tf.strings.upper(s), "raw_bytes": s}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.uint8, "i")])
    def integers(i: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"i": tf.cast(i, tf.int64) + 1}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
    def no_batch(x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"total": tf.reduce_sum(x)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
    def logarithm(x: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"y": tf.math.log(x)}

    def feature(examples: tf.Tensor) -> tf.Tensor:
        return tf.io.parse_example(examples, {"x": tf.io.FixedLenFeature([], tf.float32)})["x"]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "inputs")])
    def classify(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        x = feature(inputs)
        classes = tf.tile(tf.constant([["low", "high"]]), [tf.shape(x)[0], 1])
        return {"classes": classes, "scores": tf.stack([1 - x, x], axis=1)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "inputs")])
    def regress(inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        return {"outputs": feature(inputs) * module.factor}

    signatures = {
        "serving_default": serving_default,
        "sum": total,
        "text": text,
        "integers": integers,
        "no_batch": no_batch,
        "logarithm": logarithm,
        "classify": classify,
        "regress": regress,
    }
    tf.saved_model.save(module, str(path), signatures=signatures)
    _set_methods(path / "saved_model.pb")
    if warm_up:
        log = prediction_log_pb2.PredictionLog()
        log.predict_log.request.inputs["x"].CopyFrom(tf.make_tensor_proto([[1.0, 2.0]]))
        write_warmup(path, [log])
    return path


def write_warmup(path: Path, logs: list[prediction_log_pb2.PredictionLog]) -> None:
    file = path / WARMUP_FILE
    file.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(file)) as writer:
        for log in logs:
            writer.write(log.SerializeToString())


def save_damaged(path: Path) -> Path:
    path.mkdir(parents=True)
    (path / "saved_model.pb").write_bytes(b"This is no SavedModel.")
    return path


def _set_methods(file: Path) -> None:
    """tf.saved_model.save makes every signature one for predict."""
    model = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    for name, method in _METHODS.items():
        model.meta_graphs[0].signature_def[name].method_name = method
    file.write_bytes(model.SerializeToString())
