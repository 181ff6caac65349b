"""What a package asks of the cluster: one file of settings, and how they stand in the package."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, Optional, TypeVar

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveFloat, PositiveInt, ValidationError

from components.errors import InputError
from pipeline.yaml_files import describe_problem, merged, read_yaml

DEFAULTS_FILE = Path(__file__).resolve().parent.parent.parent / "kubeflow" / "platform.yaml"

_Path = Annotated[str, Field(pattern=r"^/")]
_Name = Annotated[str, Field(min_length=1)]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


_Model = TypeVar("_Model", bound=_Settings)


class Gpu(_Settings):
    """Accelerators of a container; the type is the resource's name on the cluster."""

    type: _Name
    count: PositiveInt


class SecretKey(_Settings):
    """A key of a Kubernetes secret that becomes an environment variable."""

    secret: _Name
    key: _Name
    env: _Name


class Volume(_Settings):
    """A persistent volume claim and where it is mounted."""

    claim: _Name
    mount: _Path


class Toleration(_Settings):
    """Of a node's taint, as Kubernetes has it."""

    key: _Name
    operator: Literal["Equal", "Exists"] = "Equal"
    value: str = ""
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = ""


class Container(_Settings):
    """What one container gets; see kubeflow/platform.yaml."""

    cpu: PositiveFloat
    memory_gb: PositiveFloat
    gpu: Optional[Gpu] = None
    retries: NonNegativeInt
    backoff_s: NonNegativeInt
    env: dict[str, str]
    secrets: list[SecretKey]
    volumes: list[Volume]
    node_selector: dict[str, str]
    tolerations: list[Toleration]


class Platform(_Settings):
    """All settings of a platform file; the parts of `all`, `training`, `beam` and `components` add up to Containers."""

    image: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._/:@-]*$")]
    data: _Path
    models: _Path
    beam_args: list[str]
    all: dict[str, Any]
    training: dict[str, Any]
    beam: dict[str, Any]
    components: dict[str, dict[str, Any]]


def load_platform(path: Path | None, image: str | None) -> Platform:
    """The default platform, overridden by a YAML file, overridden by the command line.

    Args:
      path: a YAML file with any part of the keys of kubeflow/platform.yaml, or None.
      image: of the command line, or None.

    Raises:
      InputError: the file cannot be read, or holds an unknown key or a wrong value.
    """
    values = read_yaml(DEFAULTS_FILE, "the installation")
    if path is not None:
        values = merged(values, read_yaml(path, "--platform"))
    if image is not None:
        values["image"] = image
    return _validated(Platform, values, path or DEFAULTS_FILE)


def containers(
    platform: Platform, trainers: set[str], beam: set[str], others: set[str], file: Path
) -> dict[str, Container]:
    """What each node's container gets, by node id.

    Args:
      platform: the settings.
      trainers: ids of the nodes that train.
      beam: ids of the nodes that run Beam.
      others: ids of all other nodes.
      file: what the settings were read from, for messages.

    Raises:
      InputError: an unknown node, an unknown key, or a wrong value.
    """
    nodes = sorted(trainers | beam | others)
    for node in platform.components:
        if node not in nodes:
            raise InputError(f"{file}: 'components.{node}': no such node; there are {', '.join(nodes)}.")
    found = {}
    for node in nodes:
        group = platform.training if node in trainers else platform.beam if node in beam else {}
        values = merged(merged(platform.all, group), platform.components.get(node, {}))
        found[node] = _validated(Container, values, file)
    return found


def add_resources(container: dict[str, Any], node: str, wanted: Container) -> None:
    """Puts CPU, memory, accelerators and environment variables into a node's PipelineContainerSpec.

    As the numbers that all releases of Kubeflow Pipelines 2 read: cores, and GB of 10^9 bytes. The node's name makes
    containers differ: of two equal ones Kubeflow's compiler gives both nodes the outputs of the first (argocompiler's
    hashComponentContainer).
    """
    resources: dict[str, Any] = {
        "cpuLimit": wanted.cpu,
        "cpuRequest": wanted.cpu,
        "memoryLimit": wanted.memory_gb,
        "memoryRequest": wanted.memory_gb,
    }
    if wanted.gpu:
        # A 64-bit integer, which JSON of a proto has as text.
        resources["accelerator"] = {"type": wanted.gpu.type, "count": str(wanted.gpu.count)}
    container["resources"] = resources
    env = {"NODE_ID": node, **wanted.env}
    container["env"] = [{"name": name, "value": value} for name, value in sorted(env.items())]


def retry_policy(wanted: Container) -> dict[str, Any] | None:
    """The RetryPolicy of a task; None where it is tried once."""
    if not wanted.retries:
        return None
    return {
        "maxRetryCount": wanted.retries,
        "backoffDuration": f"{wanted.backoff_s}s",
        "backoffFactor": 2.0,
        "backoffMaxDuration": "3600s",
    }


def kubernetes_config(wanted: Container) -> dict[str, Any]:
    """The KubernetesExecutorConfig of a container, in the fields that all releases read."""
    config: dict[str, Any] = {}
    if wanted.volumes:
        config["pvcMount"] = [{"constant": volume.claim, "mountPath": volume.mount} for volume in wanted.volumes]
    if wanted.secrets:
        config["secretAsEnv"] = [
            {"secretName": secret.secret, "keyToEnv": [{"secretKey": secret.key, "envVar": secret.env}]}
            for secret in wanted.secrets
        ]
    if wanted.node_selector:
        config["nodeSelector"] = {"labels": wanted.node_selector}
    if wanted.tolerations:
        config["tolerations"] = [
            {name: value for name, value in toleration.model_dump().items() if value}
            for toleration in wanted.tolerations
        ]
    return config


def _validated(kind: type[_Model], values: dict[str, Any], file: Path) -> _Model:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(describe_problem(problem) for problem in error.errors())
        raise InputError(f"{file}: {problems}. Every key is described in {DEFAULTS_FILE}.") from None
