"""kubeflow/manifests: the APIs take them, they fit together and to the platform file, and give nothing away."""

from __future__ import annotations

import copy
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

from pipeline.on_kubeflow.platform import load_platform
from tests.image.dockerfile import ROOT
from tests.serving.config.shipped import documents as serving_documents
from tests.serving.config.shipped import of_kind as serving_of_kind
from tests.serving.config.test_kubernetes import VERSIONS

KUBEFLOW = ROOT / "kubeflow"
MANIFESTS = KUBEFLOW / "manifests"
KUSTOMIZED = sorted(path.parent for path in MANIFESTS.rglob("kustomization.yaml"))
OURS = [
    (path, document)
    for path in sorted(MANIFESTS.rglob("*.yaml"))
    if path.name != "kustomization.yaml"
    for document in yaml.safe_load_all(path.read_text())
]
EACH = pytest.mark.parametrize(
    ("path", "manifest"), OURS, ids=[f"{path.parent.name}/{document['kind']}" for path, document in OURS]
)

# Of each API that is not Kubernetes' own the fields that are used.
_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 1}


def _closed(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


_FLINK_RESOURCE = _closed(
    {"cpu": {"type": "number"}, "memory": {"type": "string", "pattern": r"^\d+[mg]$"}}, ["memory"]
)
_ANYTHING = {"type": "object"}
SPECS = {
    # flink.apache.org, operator 1.10
    "FlinkDeployment": _closed(
        {
            "image": _TEXT,
            "flinkVersion": {"enum": ["v1_17", "v1_18", "v1_19", "v1_20"]},
            "serviceAccount": _TEXT,
            "flinkConfiguration": {"type": "object", "additionalProperties": _TEXT},
            "jobManager": _closed({"replicas": _COUNT, "resource": _FLINK_RESOURCE}, ["resource"]),
            "taskManager": _closed(
                {"replicas": _COUNT, "resource": _FLINK_RESOURCE, "podTemplate": _ANYTHING}, ["resource"]
            ),
        },
        ["image", "flinkVersion", "serviceAccount", "jobManager", "taskManager"],
    ),
    # kubeflow.org, profile controller
    "Profile": _closed(
        {
            "owner": _closed({"kind": {"enum": ["User", "Group"]}, "name": _TEXT}, ["kind", "name"]),
            "resourceQuotaSpec": _ANYTHING,
        },
        ["owner"],
    ),
    # kubeflow.org, Training Operator 1.x
    "TFJob": _closed(
        {
            "runPolicy": _closed(
                {
                    "cleanPodPolicy": {"enum": ["All", "Running", "None"]},
                    "activeDeadlineSeconds": _COUNT,
                    "ttlSecondsAfterFinished": _COUNT,
                },
                [],
            ),
            "tfReplicaSpecs": _closed(
                {
                    job: _closed(
                        {"replicas": _COUNT, "restartPolicy": {"enum": ["Never", "OnFailure"]}, "template": _ANYTHING},
                        ["replicas", "template"],
                    )
                    for job in ("Chief", "Worker")
                },
                ["Chief", "Worker"],
            ),
        },
        ["tfReplicaSpecs"],
    ),
}
_VERSION_OF = {"FlinkDeployment": "flink.apache.org/v1beta1", "Profile": "kubeflow.org/v1", "TFJob": "kubeflow.org/v1"}


def core(kind: str, version: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "inner"}, "spec": spec}


def inner(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """What a resource of another API holds of Kubernetes' own."""
    spec = manifest["spec"]
    if manifest["kind"] == "FlinkDeployment":
        return [spec["taskManager"]["podTemplate"]]
    if manifest["kind"] == "TFJob":
        return [core("Pod", "v1", job["template"]["spec"]) for job in spec["tfReplicaSpecs"].values()]
    return [core("ResourceQuota", "v1", spec["resourceQuotaSpec"])]


def check(manifest: dict[str, Any], version: str) -> None:
    kind = manifest["kind"]
    if kind not in SPECS:
        kubernetes_validate.validate(manifest, version, strict=True)
        return
    assert manifest["apiVersion"] == _VERSION_OF[kind]
    assert set(manifest) == {"apiVersion", "kind", "metadata", "spec"}
    jsonschema.validate(manifest["spec"], SPECS[kind])
    for part in inner(manifest):
        kubernetes_validate.validate(part, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
@EACH
def test_the_api_knows_every_field(path: Path, manifest: dict[str, Any], version: str) -> None:
    check(manifest, version)


@pytest.mark.parametrize("kind", ["Pod", "Role", "FlinkDeployment", "Profile", "TFJob"])
def test_an_unknown_field_would_be_found(kind: str) -> None:
    manifest = copy.deepcopy(next(document for _, document in OURS if document["kind"] == kind))
    place = manifest["rules"][0] if kind == "Role" else manifest["spec"]
    place["replicaz"] = 3
    with pytest.raises((kubernetes_validate.ValidationError, jsonschema.ValidationError), match="replicaz"):
        check(manifest, VERSIONS[0])


def pods() -> list[Any]:
    found = []
    for path, document in OURS:
        kind, spec = document["kind"], document.get("spec")
        pod = {
            "Pod": lambda spec: [spec],
            "Deployment": lambda spec: [spec["template"]["spec"]],
            "TFJob": lambda spec: [job["template"]["spec"] for job in spec["tfReplicaSpecs"].values()],
        }.get(kind)
        if pod:
            found += [pytest.param(spec, id=f"{path.parent.name}/{kind}") for spec in pod(spec)]
    return found


@pytest.mark.parametrize("pod", pods())
def test_a_pod_has_no_more_rights_than_it_needs(pod: dict[str, Any]) -> None:
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] == 65532
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert container["resources"]["limits"].keys() == container["resources"]["requests"].keys() == {"cpu", "memory"}
        assert re.fullmatch(r".+:[\w.-]*\d[\w.-]*", container["image"])


def test_the_runner_may_look_and_report_but_change_nothing() -> None:
    [role] = [document for _, document in OURS if document["kind"] == "Role"]
    granted = {(resource, verb) for rule in role["rules"] for resource in rule["resources"] for verb in rule["verbs"]}
    assert not any("*" in pair for pair in granted)
    assert {resource for resource, verb in granted if verb not in ("get", "list", "watch")} == {
        "workflowtaskresults",
        "workflowtasksets/status",
    }
    secrets = [rule for rule in role["rules"] if "secrets" in rule["resources"]]
    assert all(rule["resourceNames"] for rule in secrets)
    names = {document["metadata"]["name"] for path, document in OURS if path.name == "runner.yaml"}
    [binding] = [document for _, document in OURS if document["kind"] == "RoleBinding"]
    assert {binding["roleRef"]["name"], binding["subjects"][0]["name"]} == names


def test_claims_are_those_of_the_platform_file_and_of_the_server() -> None:
    claims = {document["metadata"]["name"] for _, document in OURS if document["kind"] == "PersistentVolumeClaim"}
    platform = load_platform(None, None)
    mounts = {volume["claim"]: volume["mount"] for volume in platform.all["volumes"]}
    assert claims == set(mounts)
    assert mounts == {"emotion-ai-data": platform.data, "models": platform.models}
    assert serving_of_kind("PersistentVolumeClaim")["metadata"]["name"] in claims
    used = set(re.findall(r"claimName: ([\w-]+)", "".join(path.read_text() for path, _ in OURS)))
    assert used <= claims


def test_no_secret_is_written_down() -> None:
    assert not [document for _, document in OURS if document["kind"] == "Secret"]
    example = (MANIFESTS / "object-store" / "object-store.env.example").read_text()
    assert all(line.endswith("=") for line in example.split())
    assert "object-store.env" in (MANIFESTS / "object-store" / ".gitignore").read_text().split()
    [launcher] = [document for path, document in OURS if path.name == "launcher.yaml"]
    reference = yaml.safe_load(launcher["data"]["providers"])["s3"]["default"]["credentials"]["secretRef"]
    kustomization = yaml.safe_load((MANIFESTS / "object-store" / "kustomization.yaml").read_text())
    [generator] = kustomization["secretGenerator"]
    assert reference["secretName"] == generator["name"]
    assert {reference["accessKeyKey"], reference["secretKeyKey"]} == {line.rstrip("=") for line in example.split()}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """Folder -> what Kustomize makes of it."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    copied = tmp_path_factory.mktemp("checkout")
    shutil.copytree(MANIFESTS, copied / "kubeflow" / "manifests")
    shutil.copytree(ROOT / "serving_config", copied / "serving_config")
    store = copied / "kubeflow" / "manifests" / "object-store"
    shutil.copyfile(store / "object-store.env.example", store / "object-store.env")
    result = {}
    for folder in KUSTOMIZED:
        place = copied / folder.relative_to(ROOT)
        done = subprocess.run(["kubectl", "kustomize", str(place)], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        result[folder.name] = list(yaml.safe_load_all(done.stdout))
    return result


def test_kustomize_builds_each_folder(built: dict[str, list[dict[str, Any]]]) -> None:
    assert set(built) == {"manifests", "serving", "object-store", "profile", "network", "flink"}
    for folder, manifests in built.items():
        for manifest in manifests:
            check(manifest, VERSIONS[-1])
        namespaces = {manifest["metadata"].get("namespace", "") for manifest in manifests}
        assert namespaces == ({"", "emotion-ai"} if folder == "profile" else {"kubeflow"}), folder


def test_the_server_moves_beside_the_pipeline_with_all_it_has(built: dict[str, list[dict[str, Any]]]) -> None:
    kinds = sorted(manifest["kind"] for manifest in built["serving"])
    shipped = [manifest["kind"] for manifest in serving_documents("kubernetes")]
    left = [kind for kind in shipped if kind not in ("Namespace", "PersistentVolumeClaim")]
    assert kinds == sorted([*left, "ConfigMap", "ConfigMap"])


def test_flinks_workers_run_the_image_of_the_pipeline(built: dict[str, list[dict[str, Any]]]) -> None:
    [flink] = [manifest for manifest in built["flink"] if manifest["kind"] == "FlinkDeployment"]
    [workers] = flink["spec"]["taskManager"]["podTemplate"]["spec"]["containers"]
    assert re.fullmatch(r"registry.example/emotion-ai:[\d.]+", workers["image"])
    assert workers["securityContext"]["readOnlyRootFilesystem"] is True


@pytest.mark.parametrize("path", sorted((KUBEFLOW / "examples").glob("*.yaml")), ids=lambda path: path.stem)
def test_an_example_is_a_platform_file(path: Path) -> None:
    platform = load_platform(path, None)
    assert f"--platform {path.relative_to(ROOT)}" in path.read_text()
    remote = not any("fn_api_runner" in argument for argument in platform.beam_args)
    # What a remote worker writes it writes itself, and TFX knows no other buckets.
    assert not remote or "--pipeline-root gs://" in path.read_text()


def test_beam_asks_for_what_the_manifests_offer() -> None:
    arguments = dict(
        argument.removeprefix("--").split("=", 1)
        for argument in load_platform(KUBEFLOW / "examples" / "flink.yaml", None).beam_args
    )
    [service] = [
        document for path, document in OURS if path.name == "job-server.yaml" and document["kind"] == "Service"
    ]
    ports = {port["name"]: port["port"] for port in service["spec"]["ports"]}
    name = service["metadata"]["name"]
    assert arguments["job_endpoint"] == f"{name}:{ports['jobs']}"
    assert arguments["artifact_endpoint"] == f"{name}:{ports['artifacts']}"
    [flink] = [document for _, document in OURS if document["kind"] == "FlinkDeployment"]
    [workers] = flink["spec"]["taskManager"]["podTemplate"]["spec"]["containers"]
    port = arguments["environment_config"].removeprefix("localhost:")
    assert f"--service_port={port}" in workers["command"]


def test_beam_and_flink_are_the_versions_of_the_lock() -> None:
    lock = (ROOT / "constraints" / "image-cpu.txt").read_text()
    [beam] = re.findall(r"^apache-beam==(\S+)$", lock, re.MULTILINE)
    texts = [path.read_text() for path in (*MANIFESTS.rglob("*.yaml"), *(KUBEFLOW / "examples").iterdir())]
    tags = re.findall(r"apache/beam_\S+:([\d.]+)", "".join(texts))
    assert set(tags) == {beam}
    from apache_beam.options.pipeline_options import FlinkRunnerOptions

    [flink] = [document for _, document in OURS if document["kind"] == "FlinkDeployment"]
    newest = FlinkRunnerOptions.PUBLISHED_FLINK_VERSIONS[-1]
    assert flink["spec"]["image"].startswith(f"flink:{newest}.")
    assert flink["spec"]["flinkVersion"] == f"v{newest.replace('.', '_')}"
