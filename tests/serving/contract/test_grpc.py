"""The same models over gRPC."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework import types_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    predict_pb2,
    regression_pb2,
)

from tests.serving.contract.clients import (
    ALL_SIGNATURES,
    CLASSES,
    EMOTION,
    KEYPOINTS,
    MODELS,
    NUMBERS,
    NUMBERS_SHAPE,
    OUTPUTS,
    SAME,
    SIZES,
    TIMEOUT_S,
    Grpc,
    Rest,
    choose,
    json_value,
    signatures,
    tensor,
)
from tests.serving.pictures import encoded, example, picture

STATE = get_model_status_pb2.ModelVersionStatus.State
UNKNOWN_VERSION = 987654321
IMAGES = tensor([picture(48, 1)], "serving_tensor")


def assert_error(code: grpc.StatusCode, call: Callable[[], object], *words: str) -> None:
    """Checks that a call ends with the code and a message that has one of the words, if there are any."""
    with pytest.raises(grpc.RpcError) as error:
        call()
    assert error.value.code() == code, error.value.details()
    assert not words or any(word.lower() in error.value.details().lower() for word in words), error.value.details()


@pytest.mark.parametrize(("model", "signature"), ALL_SIGNATURES)
def test_predict(rpc: Grpc, versions: dict[str, list[int]], model: str, signature: str) -> None:
    name = signatures(model)[signature].input
    pictures = tensor([picture(SIZES[model], seed) for seed in range(3)], signature)
    response = rpc.predict(model, {name: pictures}, signature=signature)
    assert response.model_spec.name == model
    assert response.model_spec.version.value == versions[model][-1]
    assert response.model_spec.signature_name == signature
    outputs = OUTPUTS[model] | ({"error": "DT_STRING"} if signature == "serving_default" else {})
    assert {key: types_pb2.DataType.Name(value.dtype) for key, value in response.outputs.items()} == outputs
    assert tf.make_ndarray(response.outputs[NUMBERS[model]]).shape == (3, *NUMBERS_SHAPE[model])


@pytest.mark.parametrize(("model", "signature"), ALL_SIGNATURES)
def test_rest_and_grpc_give_the_same_numbers(rest: Rest, rpc: Grpc, model: str, signature: str) -> None:
    pictures = [picture(SIZES[model], seed) for seed in range(3)]
    rows = rest.rows(model, [json_value(pixels, signature) for pixels in pictures], signature=signature)
    for name, values in rpc.outputs(model, pictures, signature).items():
        from_rest = [row[name] for row in rows]
        if values.dtype == object:
            assert [value.decode() for value in values] == from_rest
        else:
            np.testing.assert_allclose(from_rest, values, rtol=1e-6, atol=1e-6)


def test_the_default_signature(rpc: Grpc) -> None:
    images = {"image_bytes": tensor([picture(48, 1)], "serving_default")}
    answers = [rpc.predict(EMOTION, images, signature=signature) for signature in ("", "serving_default")]
    assert [answer.model_spec.signature_name for answer in answers] == ["serving_default"] * 2
    first, second = (tf.make_ndarray(answer.outputs["probabilities"]) for answer in answers)
    np.testing.assert_allclose(first, second, **SAME)


@pytest.mark.parametrize("model", MODELS)
def test_a_version_is_chosen_by_number(rpc: Grpc, two_versions: dict[str, list[int]], model: str) -> None:
    pictures = [picture(SIZES[model], 1)]
    numbers = []
    for version in two_versions[model][-2:]:
        name = signatures(model)["serving_tensor"].input
        response = rpc.predict(
            model, {name: tensor(pictures, "serving_tensor")}, signature="serving_tensor", version=version
        )
        assert response.model_spec.version.value == version
        numbers.append(tf.make_ndarray(response.outputs[NUMBERS[model]]))
    assert np.abs(numbers[0] - numbers[1]).max() > 1e-3


@pytest.mark.parametrize("model", MODELS)
def test_a_version_is_chosen_by_label(rpc: Grpc, labels: dict[str, dict[str, int]], model: str) -> None:
    images = {"images": tensor([picture(SIZES[model], 1)], "serving_tensor")}
    for label, version in labels[model].items():
        response = rpc.predict(model, images, signature="serving_tensor", version=label)
        assert response.model_spec.version.value == version


def test_only_the_outputs_that_are_asked_for(rpc: Grpc) -> None:
    for only in (("label",), ("class_id", "probabilities")):
        response = rpc.predict(EMOTION, {"images": IMAGES}, signature="serving_tensor", only=only)
        assert set(response.outputs) == set(only)


def test_tensors_as_lists_of_values(rpc: Grpc) -> None:
    """A client may fill float_val or int_val instead of tensor_content."""
    answers = []
    for signature, field, dtype in (
        ("serving_tensor", "float_val", types_pb2.DT_FLOAT),
        ("serving_tensor_uint8", "int_val", types_pb2.DT_UINT8),
    ):
        request = predict_pb2.PredictRequest()
        choose(request.model_spec, EMOTION, signature)
        proto = request.inputs["images"]
        proto.dtype = dtype
        proto.tensor_shape.CopyFrom(tf.TensorShape(IMAGES.shape).as_proto())
        getattr(proto, field).extend(picture(48, 1).ravel().tolist())
        answers.append(tf.make_ndarray(rpc.predictions.Predict(request, timeout=TIMEOUT_S).outputs["probabilities"]))
    expected = rpc.outputs(EMOTION, [picture(48, 1)], "serving_tensor")["probabilities"]
    np.testing.assert_allclose(answers, [expected] * 2, **SAME)


def test_one_value_stands_for_all(rpc: Grpc) -> None:
    request = predict_pb2.PredictRequest()
    choose(request.model_spec, EMOTION, "serving_tensor")
    request.inputs["images"].CopyFrom(tf.make_tensor_proto(7.0, shape=[2, 48, 48]))
    assert len(request.inputs["images"].float_val) == 1
    answer = tf.make_ndarray(rpc.predictions.Predict(request, timeout=TIMEOUT_S).outputs["probabilities"])
    flat = rpc.outputs(EMOTION, [np.full((48, 48), 7, np.uint8)] * 2, "serving_tensor")
    np.testing.assert_allclose(answer, flat["probabilities"], **SAME)


def test_a_message_of_more_than_four_megabytes(rpc: Grpc) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (2200, 2200), np.uint8)
    file = encoded(noise)
    assert len(file) > 4 * 2**20
    response = rpc.predict(EMOTION, {"image_bytes": np.array([file], object)})
    assert tf.make_ndarray(response.outputs["error"]).tolist() == [b""]


@pytest.mark.parametrize("model", MODELS)
def test_a_bad_image_does_not_touch_its_neighbours(rpc: Grpc, model: str) -> None:
    good = tensor([picture(70, seed) for seed in range(2)], "serving_default")
    files = np.array([good[0], b"no image", good[1]], object)
    response = rpc.predict(model, {"image_bytes": files})
    errors = tf.make_ndarray(response.outputs["error"])
    assert (errors[0], errors[2]) == (b"", b"") and errors[1]
    alone = tf.make_ndarray(rpc.predict(model, {"image_bytes": good}).outputs[NUMBERS[model]])
    together = tf.make_ndarray(response.outputs[NUMBERS[model]])
    np.testing.assert_allclose(together[[0, 2]], alone, **SAME)
    assert (together[1] == -1).all()


NOT_FOUND, INVALID = grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT
GOOD = {"model": EMOTION, "inputs": {"images": IMAGES}, "signature": "serving_tensor"}
# What it is -> what is other than in the good request, the code, and words of which one must stand in the message.
MISTAKES: dict[str, tuple[dict[str, Any], grpc.StatusCode, tuple[str, ...]]] = {
    "an unknown model": ({"model": "no_such"}, NOT_FOUND, ("Servable not found for request: Latest(no_such)",)),
    "an unknown version": (
        {"version": UNKNOWN_VERSION},
        NOT_FOUND,
        (f"Servable not found for request: Specific({EMOTION}, {UNKNOWN_VERSION})",),
    ),
    "an unknown label": ({"version": "no_such"}, INVALID, ("Unrecognized servable version label: no_such",)),
    "no model name": ({"model": ""}, INVALID, ("no name specified",)),
    "an unknown signature": (
        {"signature": "no_such"},
        grpc.StatusCode.FAILED_PRECONDITION,
        ('Serving signature key "no_such" not found',),
    ),
    "no input": ({"inputs": {}}, INVALID, ("input size does not match signature", "Missing")),
    "an unknown input": ({"inputs": {"pictures": IMAGES}}, INVALID, ("pictures",)),
    "an input too many": ({"inputs": {"images": IMAGES, "more": IMAGES}}, INVALID, ("more",)),
    "a wrong dtype": ({"inputs": {"images": IMAGES.astype(np.float64)}}, INVALID, ("double", "DT_DOUBLE")),
    "bytes for floats": ({"inputs": {"images": IMAGES.astype(np.uint8)}}, INVALID, ("uint8",)),
    "text for floats": ({"inputs": {"images": np.array([b"a"], object)}}, INVALID, ("string",)),
    "floats for files": ({"signature": "serving_default", "inputs": {"image_bytes": IMAGES}}, INVALID, ("float",)),
    "a picture that is too low": ({"inputs": {"images": IMAGES[:, 1:]}}, INVALID, ()),
    "a picture without a batch": ({"inputs": {"images": IMAGES[0]}}, INVALID, ()),
    "a picture with channels": ({"inputs": {"images": IMAGES[..., np.newaxis]}}, INVALID, ()),
    "one number": ({"inputs": {"images": np.float32(1)}}, INVALID, ()),
    "a file without a batch": (
        {"signature": "serving_default", "inputs": {"image_bytes": np.array(b"a", object)}},
        INVALID,
        (),
    ),
    "a file that is no image": (
        {"signature": "serving_default", "inputs": {"image_bytes": np.array([b"a"], object)}},
        INVALID,
        (),
    ),
    "an Example that is none": (
        {"signature": "serving_examples", "inputs": {"examples": np.array([b"a"], object)}},
        INVALID,
        (),
    ),
    "an unknown output": ({"only": ("no_such",)}, INVALID, ("output tensor alias not found in signature: no_such",)),
    "an output twice": ({"only": ("label", "label")}, INVALID, ("duplicate output tensor alias: label",)),
}


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_is_the_clients(rpc: Grpc, what: str) -> None:
    other, code, words = MISTAKES[what]
    request = GOOD | other
    assert_error(code, lambda: rpc.predict(request.pop("model"), request.pop("inputs"), **request), *words)


def test_a_request_without_a_model(rpc: Grpc) -> None:
    requests = (
        (rpc.predictions.Predict, predict_pb2.PredictRequest()),
        (rpc.predictions.Classify, classification_pb2.ClassificationRequest()),
        (rpc.predictions.GetModelMetadata, get_model_metadata_pb2.GetModelMetadataRequest()),
        (rpc.models.GetModelStatus, get_model_status_pb2.GetModelStatusRequest()),
    )
    for call, request in requests:
        assert_error(INVALID, lambda call=call, request=request: call(request, timeout=TIMEOUT_S), "Missing ModelSpec")


@pytest.mark.parametrize(
    "what", ["a tensor with too few bytes", "a tensor with a negative length", "a tensor of no type"]
)
def test_a_tensor_that_is_none(rpc: Grpc, what: str) -> None:
    request = predict_pb2.PredictRequest()
    choose(request.model_spec, EMOTION, "serving_tensor")
    proto = request.inputs["images"]
    proto.CopyFrom(tf.make_tensor_proto(IMAGES))
    if what == "a tensor with too few bytes":
        proto.tensor_content = proto.tensor_content[:-1]
    elif what == "a tensor with a negative length":
        proto.tensor_shape.dim[0].size = -1
    else:
        proto.dtype = types_pb2.DT_INVALID
    assert_error(INVALID, lambda: rpc.predictions.Predict(request, timeout=TIMEOUT_S), "tensor parsing error: images")


def metadata(
    rpc: Grpc, model: str, version: int | str | None = None, fields: tuple[str, ...] = ("signature_def",)
) -> Any:
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=fields)
    choose(request.model_spec, model, version=version)
    return rpc.predictions.GetModelMetadata(request, timeout=TIMEOUT_S)


@pytest.mark.parametrize("model", MODELS)
def test_metadata(rpc: Grpc, versions: dict[str, list[int]], model: str) -> None:
    for version in (None, *versions[model]):
        response = metadata(rpc, model, version)
        assert response.model_spec.name == model
        assert response.model_spec.version.value == (version or versions[model][-1])
        assert list(response.metadata) == ["signature_def"]
        found = get_model_metadata_pb2.SignatureDefMap()
        assert response.metadata["signature_def"].Unpack(found)
        assert set(signatures(model)) <= set(found.signature_def)


def test_metadata_by_label(rpc: Grpc, labels: dict[str, dict[str, int]]) -> None:
    for label, version in labels[KEYPOINTS].items():
        assert metadata(rpc, KEYPOINTS, label).model_spec.version.value == version


def test_metadata_that_there_is_none_of(rpc: Grpc) -> None:
    assert_error(NOT_FOUND, lambda: metadata(rpc, "no_such"), "Servable not found")
    assert_error(NOT_FOUND, lambda: metadata(rpc, EMOTION, UNKNOWN_VERSION), "Servable not found")
    assert_error(INVALID, lambda: metadata(rpc, EMOTION, "no_such"), "Unrecognized servable version label")
    assert_error(INVALID, lambda: metadata(rpc, EMOTION, fields=()), "at least one metadata_field")
    assert_error(INVALID, lambda: metadata(rpc, EMOTION, fields=("weights",)), "not supported")


def status(rpc: Grpc, model: str, version: int | None = None) -> Any:
    request = get_model_status_pb2.GetModelStatusRequest()
    choose(request.model_spec, model, version=version)
    return rpc.models.GetModelStatus(request, timeout=TIMEOUT_S).model_version_status


@pytest.mark.parametrize("model", MODELS)
def test_status(rpc: Grpc, versions: dict[str, list[int]], model: str) -> None:
    found = {each.version: each for each in status(rpc, model)}
    for version in versions[model]:
        [alone] = status(rpc, model, version)
        assert alone == found[version]
        assert (alone.state, alone.status.error_code) == (STATE.AVAILABLE, 0)


def test_status_that_there_is_none_of(rpc: Grpc) -> None:
    assert_error(NOT_FOUND, lambda: status(rpc, "no_such"), "Could not find any versions of model no_such")
    words = f"Could not find version {UNKNOWN_VERSION} of model {EMOTION}"
    assert_error(NOT_FOUND, lambda: status(rpc, EMOTION, UNKNOWN_VERSION), words)


def classification(*examples: bytes, signature: str = "classify", model: str = EMOTION) -> Any:
    request = classification_pb2.ClassificationRequest()
    choose(request.model_spec, model, signature)
    request.input.example_list.examples.extend(map(tf.train.Example.FromString, examples))
    return request


def scores(response: Any) -> np.ndarray:
    return np.array([[each.score for each in row.classes] for row in response.result.classifications])


def test_classify(rpc: Grpc, versions: dict[str, list[int]]) -> None:
    pictures = [picture(48, seed) for seed in range(3)]
    response = rpc.predictions.Classify(classification(*map(example, pictures)), timeout=TIMEOUT_S)
    assert response.model_spec.name == EMOTION
    assert response.model_spec.version.value == versions[EMOTION][-1]
    assert response.model_spec.signature_name == "classify"
    for row in response.result.classifications:
        assert tuple(each.label for each in row.classes) == CLASSES
    expected = rpc.outputs(EMOTION, pictures, "serving_examples")["probabilities"]
    np.testing.assert_allclose(scores(response), expected, **SAME)


def test_classify_with_a_context(rpc: Grpc) -> None:
    alone = classification(example(picture(48, 1)))
    request = classification_pb2.ClassificationRequest()
    choose(request.model_spec, EMOTION, "classify")
    request.input.example_list_with_context.context.CopyFrom(alone.input.example_list.examples[0])
    request.input.example_list_with_context.examples.add()
    request.input.example_list_with_context.examples.add()
    expected = scores(rpc.predictions.Classify(alone, timeout=TIMEOUT_S))
    answer = scores(rpc.predictions.Classify(request, timeout=TIMEOUT_S))
    np.testing.assert_allclose(answer, np.repeat(expected, 2, axis=0), **SAME)


def test_mistakes_of_classify(rpc: Grpc) -> None:
    good = example(picture(48, 1))
    for request, code, words in (
        (classification(), INVALID, "Input is empty"),
        (classification(b""), INVALID, "image"),
        (classification(good, signature=""), INVALID, "classif"),
        (classification(good, signature="no_such"), INVALID, "no_such"),
        (classification(good, model=KEYPOINTS), INVALID, "classify"),
        (classification(good, model="no_such"), NOT_FOUND, "Servable not found"),
    ):
        assert_error(code, lambda request=request: rpc.predictions.Classify(request, timeout=TIMEOUT_S), words)


def test_no_signature_is_a_regression(rpc: Grpc) -> None:
    request = regression_pb2.RegressionRequest()
    choose(request.model_spec, EMOTION, "classify")
    request.input.example_list.examples.append(tf.train.Example.FromString(example(picture(48, 1))))
    assert_error(INVALID, lambda: rpc.predictions.Regress(request, timeout=TIMEOUT_S), "regress")
