"""What a package asks of the cluster: one file of settings, and how they stand in the package."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, Optional, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PositiveInt, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from components.errors import InputError
from pipeline.deployment import CHECKPOINTS_VARIABLE
from pipeline.on_kubeflow import kubernetes_names as names
from pipeline.on_kubeflow.runtime.invocation import NODE_VARIABLE
from pipeline.yaml_files import describe_problem, merged, read_yaml

DEFAULTS_FILE = Path(__file__).resolve().parent.parent.parent / "kubeflow" / "platform.yaml"

_MAX_BACKOFF_S = 3600
_FOLDERS_OF_IMAGE = ("/", "/app")
_OUR_VARIABLES = (NODE_VARIABLE, CHECKPOINTS_VARIABLE)


def _name(form: names.Form) -> AfterValidator:
    def check(text: str) -> str:
        if not form.fits(text):
            raise PydanticCustomError("name", "expected {words}", {"words": form.words})
        return text

    return AfterValidator(check)


_Path = Annotated[str, _name(names.Form(re.compile(r"/[^\0:]*"), "an absolute path without ':'"))]
_Variable = Annotated[str, _name(names.VARIABLE)]
_Text = Annotated[str, _name(names.Form(re.compile(r"[^\0]*"), "a text without NUL"))]
_Option = Annotated[str, _name(names.Form(re.compile(r"--[^\0]+"), "an option that begins with --"))]


class _Settings(BaseModel):
    # Strict: `true` is no number of CPUs.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


_Model = TypeVar("_Model", bound=_Settings)


class Gpu(_Settings):
    """Accelerators of a container; the type is the resource's name on the cluster."""

    type: Annotated[str, _name(names.RESOURCE)]
    count: PositiveInt


class SecretKey(_Settings):
    """A key of a Kubernetes secret that becomes an environment variable."""

    secret: Annotated[str, _name(names.OBJECT)]
    key: Annotated[str, _name(names.KEY)]
    env: _Variable


class Volume(_Settings):
    """A persistent volume claim and where it is mounted."""

    claim: Annotated[str, _name(names.VOLUME)]
    mount: _Path


class Toleration(_Settings):
    """Of a node's taint, as Kubernetes has it."""

    key: Annotated[str, _name(names.LABEL)]
    operator: Literal["Equal", "Exists"] = "Equal"
    value: Annotated[str, _name(names.LABEL_VALUE)] = ""
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = ""

    @model_validator(mode="after")
    def _exists_has_no_value(self) -> Toleration:
        if self.operator == "Exists" and self.value:
            raise PydanticCustomError("value", "the operator Exists has no value")
        return self


class Container(_Settings):
    """What one container gets; see kubeflow/platform.yaml."""

    cpu: Annotated[float, Field(ge=0.001, le=1000)]
    # Kubeflow writes smaller numbers in a way that Kubernetes does not read.
    memory_gb: Annotated[float, Field(ge=0.001, le=names.MAX_MEMORY_GB)]
    gpu: Optional[Gpu] = None
    retries: Annotated[int, Field(ge=0, le=100)]
    backoff_s: Annotated[int, Field(ge=0, le=_MAX_BACKOFF_S)]
    env: dict[_Variable, _Text]
    secrets: list[SecretKey]
    volumes: list[Volume]
    node_selector: dict[Annotated[str, _name(names.LABEL)], Annotated[str, _name(names.LABEL_VALUE)]]
    tolerations: list[Toleration]

    def keeps(self, folder: str) -> bool:
        """Whether what is written to a folder outlives the container."""
        return any(PurePosixPath(folder).is_relative_to(volume.mount) for volume in self.volumes)

    @model_validator(mode="after")
    def _one_of_each(self) -> Container:
        variables = [*_OUR_VARIABLES, *self.env, *(secret.env for secret in self.secrets)]
        for variable in variables:
            if variables.count(variable) > 1:
                ours = ", once by us" if variable in _OUR_VARIABLES else ""
                raise PydanticCustomError(
                    "twice", "the variable {name} is given twice in env and secrets" + ours, {"name": variable}
                )
        mounts = [posixpath.normpath(volume.mount) for volume in self.volumes]
        for mount in mounts:
            if mounts.count(mount) > 1:
                raise PydanticCustomError("twice", "two volumes are mounted at {mount}", {"mount": mount})
            if mount in _FOLDERS_OF_IMAGE:
                raise PydanticCustomError("hidden", "a volume at {mount} hides the image's files", {"mount": mount})
        return self


class _Image(_Settings):
    image: Annotated[str, _name(names.IMAGE)]


class Platform(_Image):
    """All settings of a platform file; the parts of `all`, `training`, `beam` and `components` add up to Containers."""

    data: _Path
    models: _Path
    checkpoints: Optional[_Path]
    beam_args: list[_Option]
    all: dict[str, Any]
    training: dict[str, Any]
    beam: dict[str, Any]
    components: dict[str, dict[str, Any]]

    @property
    def checkpoint_folder(self) -> str:
        """Where a retried Trainer finds what it had learned."""
        return self.checkpoints or posixpath.join(self.models, ".checkpoints")


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
        _validated(_Image, {"image": image}, "--image")
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
    _validated(Container, platform.all, file, "all")
    nodes = sorted(trainers | beam | others)
    for node in platform.components:
        if node not in nodes:
            raise InputError(f"{file}: 'components.{node}': no such node; there are {', '.join(nodes)}.")
    found = {}
    for node in nodes:
        group = "training" if node in trainers else "beam" if node in beam else ""
        values = merged(platform.all, getattr(platform, group) if group else {})
        found[node] = _validated(Container, values, file, group)
        if node in platform.components:
            values = merged(values, platform.components[node])
            found[node] = _validated(Container, values, file, "components", node)
    for setting, folder, using in (
        ("models", platform.models, found),
        ("checkpoints", platform.checkpoints, trainers),
    ):
        if folder and not any(found[node].keeps(folder) for node in using):
            raise InputError(
                f"{file}: '{setting}': no volume is mounted at {folder}, so that {setting} would be lost. Mount one in "
                "'all.volumes', or correct the folder."
            )
    return found


def add_resources(container: dict[str, Any], node: str, wanted: Container, env: Mapping[str, str]) -> None:
    """Puts CPU, memory, accelerators and environment variables into a node's PipelineContainerSpec.

    As the numbers that all releases of Kubeflow Pipelines 2 read: cores, and GB of 10^9 bytes. The node's name makes
    containers differ: of two equal ones Kubeflow's compiler gives both nodes the outputs of the first (argocompiler's
    hashComponentContainer).

    Args:
      container: the node's, changed in place.
      node: its id.
      wanted: what it gets.
      env: further variables of ours.
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
    variables = {NODE_VARIABLE: node, **env, **wanted.env}
    container["env"] = [{"name": name, "value": value} for name, value in sorted(variables.items())]


def retry_policy(wanted: Container) -> dict[str, Any] | None:
    """The RetryPolicy of a task; None where it is tried once."""
    if not wanted.retries:
        return None
    return {
        "maxRetryCount": wanted.retries,
        "backoffDuration": f"{wanted.backoff_s}s",
        "backoffFactor": 2.0,
        "backoffMaxDuration": f"{_MAX_BACKOFF_S}s",
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


def _validated(kind: type[_Model], values: dict[str, Any], source: Path | str, *section: str) -> _Model:
    """The settings of a section, which `source` names.

    Raises:
      InputError: a key or value is wrong; those of earlier sections are right.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        problems = [{**problem, "loc": (*filter(None, section), *problem["loc"])} for problem in error.errors()]
        described = "; ".join(map(describe_problem, problems))
        quotes = " Texts such as 1 or true need quotes." if any(p["type"] == "string_type" for p in problems) else ""
        raise InputError(f"{source}: {described}.{quotes} Every key is described in {DEFAULTS_FILE}.") from None
