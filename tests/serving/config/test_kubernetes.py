"""The Kubernetes manifests: the API takes them, they fit together, and they give nothing away."""

from __future__ import annotations

import copy
import shutil
import subprocess
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.serving.config.shipped import CONTAINER, FOLDER, INFERENCE_SERVICES, POD, documents, of_kind

MANIFESTS = documents("kubernetes")
# The oldest release with everything that is used, and the newest that is known here.
VERSIONS = ["1.29.0", kubernetes_validate.latest_version()]


@pytest.fixture(scope="module")
def built() -> list[dict[str, Any]]:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    output = subprocess.run(
        ["kubectl", "kustomize", str(FOLDER)], capture_output=True, text=True, timeout=60, check=True
    ).stdout
    return list(yaml.safe_load_all(output))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda manifest: manifest["kind"])
def test_the_api_knows_every_field(manifest: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(manifest, version, strict=True)


def test_an_unknown_field_would_be_found() -> None:
    manifest = copy.deepcopy(of_kind("Deployment"))
    manifest["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="readynessProbe"):
        kubernetes_validate.validate(manifest, VERSIONS[0], strict=True)


def test_kustomize_builds_all_of_it(built: list[dict[str, Any]]) -> None:
    for manifest in built:
        kubernetes_validate.validate(manifest, VERSIONS[-1], strict=True)
    kinds = sorted(manifest["kind"] for manifest in built)
    assert kinds == sorted([*(manifest["kind"] for manifest in MANIFESTS), "ConfigMap", "ConfigMap"])
    assert {manifest["metadata"].get("namespace", manifest["metadata"]["name"]) for manifest in built} == {"emotion-ai"}


def test_the_pods_get_the_shipped_files(built: list[dict[str, Any]]) -> None:
    maps = {manifest["metadata"]["name"]: manifest["data"] for manifest in built if manifest["kind"] == "ConfigMap"}
    [deployment] = [manifest for manifest in built if manifest["kind"] == "Deployment"]
    [config] = [
        volume["projected"]["sources"]
        for volume in deployment["spec"]["template"]["spec"]["volumes"]
        if volume["name"] == "config"
    ]
    mounted = [maps[source["configMap"]["name"]] for source in config]
    files = {name: text for data in mounted for name, text in data.items()}
    assert files == {path.name: path.read_text() for path in [*FOLDER.glob("*.config"), FOLDER / "available.sh"]}
    # Polled by the server: under a new name it would restart everything instead.
    assert list(maps["models-config"]) == ["models.config"]
    assert "server-config" not in maps


def test_selectors_ports_and_names_fit_together() -> None:
    labels = of_kind("Deployment")["spec"]["template"]["metadata"]["labels"]
    selectors = [
        of_kind("Deployment")["spec"]["selector"]["matchLabels"],
        of_kind("Service")["spec"]["selector"],
        of_kind("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        of_kind("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
        *(spread["labelSelector"]["matchLabels"] for spread in POD["topologySpreadConstraints"]),
    ]
    assert all(selector == labels for selector in selectors)
    ports = {port["name"]: port["containerPort"] for port in CONTAINER["ports"]}
    assert ports == {"grpc": 8500, "rest": 8501}
    assert {port["targetPort"]: port["port"] for port in of_kind("Service")["spec"]["ports"]} == ports
    assert (
        of_kind("HorizontalPodAutoscaler")["spec"]["scaleTargetRef"]["name"]
        == of_kind("Deployment")["metadata"]["name"]
    )
    assert POD["serviceAccountName"] == of_kind("ServiceAccount")["metadata"]["name"]
    claims = {
        volume["persistentVolumeClaim"]["claimName"] for volume in POD["volumes"] if "persistentVolumeClaim" in volume
    }
    assert claims == {of_kind("PersistentVolumeClaim")["metadata"]["name"]}


def test_the_autoscaler_alone_sets_the_number_of_pods() -> None:
    assert "replicas" not in of_kind("Deployment")["spec"]
    assert of_kind("HorizontalPodAutoscaler")["spec"]["minReplicas"] >= 2


def test_start_and_readiness_ask_for_the_models_and_liveness_does_not() -> None:
    assert CONTAINER["startupProbe"]["exec"] == CONTAINER["readinessProbe"]["exec"]
    assert CONTAINER["livenessProbe"]["httpGet"] == {"path": "/monitoring/prometheus/metrics", "port": "rest"}


def containers() -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    predictors = [service["spec"]["predictor"] for service in INFERENCE_SERVICES]
    return [("deployment", POD, CONTAINER), *((p["model"]["storageUri"], p, p["model"]) for p in predictors)]


@pytest.mark.parametrize(("pod", "container"), [pytest.param(p, c, id=name) for name, p, c in containers()])
def test_a_pod_may_do_nothing_but_serve(pod: dict[str, Any], container: dict[str, Any]) -> None:
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
    assert not any("hostPath" in volume for volume in pod["volumes"])
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["limits"].keys() == container["resources"]["requests"].keys() == {"cpu", "memory"}
    writable = [mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")]
    assert writable == ["/tmp"]


def test_only_labelled_clients_and_prometheus_reach_the_pods_and_they_reach_nobody() -> None:
    policy = of_kind("NetworkPolicy")["spec"]
    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert policy["egress"] == []
    assert len(policy["ingress"]) == 2
    assert all(peer for rule in policy["ingress"] for peer in rule["from"])
    assert of_kind("Service")["spec"]["type"] == "ClusterIP"


def test_the_namespace_refuses_pods_with_more_rights() -> None:
    assert of_kind("Namespace")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


def test_there_are_no_secrets() -> None:
    assert not [manifest for manifest in MANIFESTS if manifest["kind"] == "Secret"]
    assert not any("env" in container or "envFrom" in container for _, _, container in containers())
