"""The gRPC services: PredictionService and ModelService."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import grpc
from google.protobuf import message
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    input_pb2,
    model_management_pb2,
    model_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

from serving.errors import StatusError
from serving.server import codes, examples
from serving.server.servable import DEFAULT_SIGNATURE, Array, Servable, Signature
from serving.server.service import Served, Service, Spec
from serving.server.status import status_response
from serving.server.tensors_proto import to_array, to_proto

_SIGNATURES = "signature_def"
# Between looks at whether new models are available.
_LOOK_S = 0.05
_GRPC_CODES = {code.value[0]: code for code in grpc.StatusCode}

_Answer = TypeVar("_Answer")


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Runs models."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def Predict(
        self, request: predict_pb2.PredictRequest, context: grpc.aio.ServicerContext
    ) -> predict_pb2.PredictResponse:
        """Any signature, tensors in, tensors out."""
        return await self._counted(context, request.model_spec, "Predict", self._predict(request))

    async def Classify(
        self, request: classification_pb2.ClassificationRequest, context: grpc.aio.ServicerContext
    ) -> classification_pb2.ClassificationResponse:
        """A signature for classification."""
        return await self._counted(context, request.model_spec, "Classify", self._classify(request))

    async def Regress(
        self, request: regression_pb2.RegressionRequest, context: grpc.aio.ServicerContext
    ) -> regression_pb2.RegressionResponse:
        """A signature for regression."""
        return await self._counted(context, request.model_spec, "Regress", self._regress(request))

    async def MultiInference(
        self, request: inference_pb2.MultiInferenceRequest, context: grpc.aio.ServicerContext
    ) -> inference_pb2.MultiInferenceResponse:
        """Several signatures for the same examples."""
        spec = request.tasks[0].model_spec if request.tasks else model_pb2.ModelSpec()
        return await self._counted(context, spec, "MultiInference", self._multi_inference(request))

    async def GetModelMetadata(
        self, request: get_model_metadata_pb2.GetModelMetadataRequest, context: grpc.aio.ServicerContext
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        """A model's signatures."""
        return await _answered(context, self._metadata(request))

    async def _counted(
        self, context: grpc.aio.ServicerContext, spec: model_pb2.ModelSpec, api: str, answer: Awaitable[_Answer]
    ) -> _Answer:
        started = time.perf_counter()
        code = codes.INTERNAL

        async def counted() -> _Answer:
            nonlocal code
            try:
                answered = await answer
                code = codes.OK
            except StatusError as error:
                code = error.code
                raise
            finally:
                self._service.record(Spec(spec.name), api, "GRPC", code, started)
            return answered

        return await _answered(context, counted())

    async def _predict(self, request: predict_pb2.PredictRequest) -> predict_pb2.PredictResponse:
        _require_spec(request)
        name = request.model_spec.signature_name or DEFAULT_SIGNATURE
        wanted = list(request.output_filter)

        def prepare(servable: Servable) -> tuple[Signature, Mapping[str, Array]]:
            signature = servable.signatures.get(name)
            if signature is None:
                raise StatusError(codes.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.')
            _check_filter(wanted, signature)
            return signature, {key: to_array(key, proto) for key, proto in request.inputs.items()}

        served = await self._service.predict(_spec(request.model_spec), prepare, "Predict")
        response = predict_pb2.PredictResponse(model_spec=_made_by(request.model_spec, name, served))
        for output in wanted or served.outputs:
            response.outputs[output].CopyFrom(to_proto(served.outputs[output]))
        return response

    async def _classify(
        self, request: classification_pb2.ClassificationRequest
    ) -> classification_pb2.ClassificationResponse:
        _require_spec(request)
        spec, result = await self._infer(request.model_spec, request.input, examples.CLASSIFY_METHOD)
        return classification_pb2.ClassificationResponse(model_spec=spec, result=result)

    async def _regress(self, request: regression_pb2.RegressionRequest) -> regression_pb2.RegressionResponse:
        _require_spec(request)
        spec, result = await self._infer(request.model_spec, request.input, examples.REGRESS_METHOD)
        return regression_pb2.RegressionResponse(model_spec=spec, result=result)

    async def _multi_inference(
        self, request: inference_pb2.MultiInferenceRequest
    ) -> inference_pb2.MultiInferenceResponse:
        tasks = request.tasks
        if not tasks:
            raise _invalid("Inference request must have at least one task")
        if len({task.model_spec.name for task in tasks}) > 1:
            raise _invalid("All ModelSpecs in a MultiInferenceRequest must access the same model name.")
        names = [task.model_spec.signature_name or DEFAULT_SIGNATURE for task in tasks]
        if len(set(names)) < len(names):
            raise _invalid("Duplicate evaluation of signature")
        response = inference_pb2.MultiInferenceResponse()
        for task in tasks:
            if task.method_name not in (examples.CLASSIFY_METHOD, examples.REGRESS_METHOD):
                raise StatusError(codes.UNIMPLEMENTED, f"Unsupported signature method_name: {task.method_name}")
            spec, result = await self._infer(task.model_spec, request.input, task.method_name)
            if task.method_name == examples.CLASSIFY_METHOD:
                response.results.add(model_spec=spec, classification_result=result)
            else:
                response.results.add(model_spec=spec, regression_result=result)
        return response

    async def _infer(
        self, model_spec: model_pb2.ModelSpec, request: input_pb2.Input, method: str
    ) -> tuple[model_pb2.ModelSpec, Any]:
        name = model_spec.signature_name or DEFAULT_SIGNATURE
        served, count = await self._service.infer(_spec(model_spec), name, request, method)
        spec = _made_by(model_spec, name, served)
        if method == examples.REGRESS_METHOD:
            regressed = regression_pb2.RegressionResult()
            for value in examples.regressions(served.outputs, count):
                regressed.regressions.add(value=value)
            return spec, regressed
        classified = classification_pb2.ClassificationResult()
        for row in examples.classifications(served.outputs, count):
            classes = classified.classifications.add().classes
            for label, score in row:
                classes.add(label=label, score=score)
        return spec, classified

    async def _metadata(
        self, request: get_model_metadata_pb2.GetModelMetadataRequest
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        _require_spec(request)
        if not request.metadata_field:
            raise _invalid("GetModelMetadataRequest must specify at least one metadata_field")
        for field in request.metadata_field:
            if field != _SIGNATURES:
                raise _invalid(f"Metadata field {field} is not supported")
        spec = _spec(request.model_spec)
        lease = self._service.versions.lease(spec.name, spec.version, spec.label)
        try:
            response = get_model_metadata_pb2.GetModelMetadataResponse()
            response.model_spec.name = spec.name
            response.model_spec.version.value = lease.version
            response.metadata[_SIGNATURES].Pack(
                get_model_metadata_pb2.SignatureDefMap(signature_def=lease.loaded.definitions)
            )
            return response
        finally:
            lease.release()


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """Tells which versions there are, and takes another configuration."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def GetModelStatus(
        self, request: get_model_status_pb2.GetModelStatusRequest, context: grpc.aio.ServicerContext
    ) -> get_model_status_pb2.GetModelStatusResponse:
        """The versions of a model, those that are gone included."""

        async def answer() -> get_model_status_pb2.GetModelStatusResponse:
            _require_spec(request)
            spec = _spec(request.model_spec)
            return status_response(self._service.versions.statuses(spec.name, spec.version, spec.label))

        return await _answered(context, answer())

    async def HandleReloadConfigRequest(
        self, request: model_management_pb2.ReloadConfigRequest, context: grpc.aio.ServicerContext
    ) -> model_management_pb2.ReloadConfigResponse:
        """Replaces the configuration; answers when the models that are new in it are available."""

        async def answer() -> model_management_pb2.ReloadConfigResponse:
            versions = self._service.versions
            new = versions.apply(request.config)
            # Not in a thread: it would go on waiting after a client that has left, and there are but few.
            while not versions.have_settled(new):
                await asyncio.sleep(_LOOK_S)
            versions.wait_until_available(new, timeout_s=0)
            response = model_management_pb2.ReloadConfigResponse()
            response.status.error_code = codes.OK
            return response

        return await _answered(context, answer())


class _Unreadable(grpc.aio.ServerInterceptor):
    """Answers messages that are no protos with INTERNAL, as gRPC in C++; in Python it writes a traceback."""

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler]],
        details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler:
        handler = await continuation(details)
        if handler is None:
            return None

        def deserialize(serialized: bytes) -> message.Message | None:
            try:
                parsed: message.Message = handler.request_deserializer(serialized)
            except message.DecodeError:
                return None
            return parsed

        async def answer(request: message.Message | None, context: grpc.aio.ServicerContext) -> message.Message:
            if request is None:
                await context.abort(grpc.StatusCode.INTERNAL, "The request cannot be parsed.")
            answered: message.Message = await handler.unary_unary(request, context)
            return answered

        return grpc.unary_unary_rpc_method_handler(answer, deserialize, handler.response_serializer)


def make_server(service: Service, addresses: list[str], max_message: int) -> grpc.aio.Server:
    """A server that only needs to be started.

    Args:
      service: answers the requests.
      addresses: to listen at, such as 127.0.0.1:8500 or unix:/tmp/socket.
      max_message: bytes of a message.

    Raises:
      RuntimeError: an address cannot be listened at.
    """
    server = grpc.aio.server(
        interceptors=[_Unreadable()],
        options=[
            ("grpc.max_receive_message_length", max_message),
            ("grpc.max_send_message_length", max_message),
            # Otherwise two servers could listen at one port, each getting some of the requests.
            ("grpc.so_reuseport", 0),
        ],
    )
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(PredictionService(service), server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(ModelService(service), server)
    for address in addresses:
        server.add_insecure_port(address)
    return server


async def _answered(context: grpc.aio.ServicerContext, answer: Awaitable[_Answer]) -> _Answer:
    try:
        return await answer
    except StatusError as error:
        code, text = error.code, error.message
    except Exception as error:  # a bug; gRPC would write a traceback
        code, text = codes.INTERNAL, f"{type(error).__name__}: {error}"
    await context.abort(_GRPC_CODES.get(code, grpc.StatusCode.UNKNOWN), codes.shortened(text))
    raise AssertionError("abort does not return")


def _spec(spec: model_pb2.ModelSpec) -> Spec:
    choice = spec.WhichOneof("version_choice")
    return Spec(
        spec.name,
        spec.version.value if choice == "version" else None,
        spec.version_label if choice == "version_label" else None,
    )


def _require_spec(request: message.Message) -> None:
    if not request.HasField("model_spec"):
        raise _invalid("Missing ModelSpec")


def _made_by(spec: model_pb2.ModelSpec, signature_name: str, served: Served) -> model_pb2.ModelSpec:
    made_by = model_pb2.ModelSpec(name=spec.name, signature_name=signature_name)
    made_by.version.value = served.version
    return made_by


def _check_filter(wanted: list[str], signature: Signature) -> None:
    for number, output in enumerate(wanted):
        if output not in signature.outputs:
            raise _invalid(
                f"output tensor alias not found in signature: {output} Outputs expected to be in the set "
                f"{{{','.join(signature.outputs)}}}."
            )
        if output in wanted[:number]:
            raise _invalid(f"duplicate output tensor alias: {output}")


def _invalid(message: str) -> StatusError:
    return StatusError(codes.INVALID_ARGUMENT, message)
