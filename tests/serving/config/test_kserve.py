"""The InferenceServices, against the fields of KServe's v1beta1 API (as of 0.21) and the pods' own schema."""

from __future__ import annotations

import copy
from typing import Any

import jsonschema
import kubernetes_validate
import pytest

from tests.serving.config.shipped import CONTAINER, INFERENCE_SERVICES, MODELS, of_kind

# Of KServe's own fields those that are used; every other field is one of a pod or a container.
MODEL = {
    "modelFormat": {
        "type": "object",
        "properties": {"name": {"type": "string"}, "version": {"type": "string"}},
        "required": ["name"],
        "additionalProperties": False,
    },
    "runtime": {"type": "string"},
    "runtimeVersion": {"type": "string"},
    "protocolVersion": {"enum": ["v1", "v2", "grpc-v1", "grpc-v2"]},
    "storageUri": {"type": "string", "pattern": "^pvc://[a-z0-9-]+/[a-z0-9_]+$"},
}
PREDICTOR = {
    "minReplicas": {"type": "integer", "minimum": 0},
    "maxReplicas": {"type": "integer", "minimum": 0},
    "scaleTarget": {"type": "integer"},
    "scaleMetric": {"enum": ["cpu", "memory", "concurrency", "rps"]},
    "model": {"type": "object", "properties": MODEL, "required": ["modelFormat"]},
}
SCHEMA = {
    "type": "object",
    "properties": {
        "apiVersion": {"const": "serving.kserve.io/v1beta1"},
        "kind": {"const": "InferenceService"},
        "metadata": {"type": "object"},
        "spec": {
            "type": "object",
            "properties": {"predictor": {"type": "object", "properties": PREDICTOR, "required": ["model"]}},
            "required": ["predictor"],
            "additionalProperties": False,
        },
    },
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "additionalProperties": False,
}


def without(fields: dict[str, Any], names: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name not in names}


def check(service: dict[str, Any]) -> None:
    jsonschema.validate(service, SCHEMA)
    predictor = service["spec"]["predictor"]
    container = {"name": "kserve-container", **without(predictor["model"], MODEL)}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": service["metadata"],
        "spec": {**without(predictor, PREDICTOR), "containers": [container]},
    }
    kubernetes_validate.validate(pod, "1.32.0", strict=True)


@pytest.mark.parametrize("service", INFERENCE_SERVICES, ids=lambda service: service["metadata"]["name"])
def test_kserve_knows_every_field(service: dict[str, Any]) -> None:
    check(service)


@pytest.mark.parametrize("path", [["spec"], ["spec", "predictor"], ["spec", "predictor", "model"]], ids="/".join)
def test_an_unknown_field_would_be_found(path: list[str]) -> None:
    service = copy.deepcopy(INFERENCE_SERVICES[0])
    place = service
    for name in path:
        place = place[name]
    place["replicas"] = 3
    with pytest.raises((jsonschema.ValidationError, kubernetes_validate.ValidationError), match="replicas"):
        check(service)


@pytest.mark.parametrize(("service", "name"), zip(INFERENCE_SERVICES, MODELS, strict=True))
def test_it_serves_a_model_of_the_claim_under_its_own_name(service: dict[str, Any], name: str) -> None:
    model = service["spec"]["predictor"]["model"]
    assert model["storageUri"] == f"pvc://{of_kind('PersistentVolumeClaim')['metadata']['name']}/{name}"
    assert model["args"][0] == f"--model_name={name}"
    assert model["readinessProbe"]["httpGet"]["path"] == f"/v1/models/{name}/metadata"
    assert service["metadata"]["namespace"] == of_kind("Namespace")["metadata"]["name"]


def test_both_are_alike_and_like_the_deployment() -> None:
    first, second = (str(service["spec"]) for service in INFERENCE_SERVICES)
    assert first.replace("emotion_ai", "facial_keypoints") == second
    model = INFERENCE_SERVICES[0]["spec"]["predictor"]["model"]
    assert f"tensorflow/serving:{model['runtimeVersion']}" == CONTAINER["image"]
    assert model["resources"] == CONTAINER["resources"]
    assert model["lifecycle"] == CONTAINER["lifecycle"]
