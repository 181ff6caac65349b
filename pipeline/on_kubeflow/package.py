"""Reads and writes packages: a PipelineSpec and, as a second YAML document, what Kubernetes shall do for its nodes."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from components.errors import InputError
from pipeline.on_kubeflow.go_yaml import dump, line_of, load
from pipeline.on_kubeflow.package_fields import Violation, checked
from pipeline.output_files import written_whole

# Kubeflow cannot run one of a quarter of this.
_MAX_BYTES = 8 << 20
_MAX_VALUES = 500_000
_MAX_DEPTH = 60
_REMEDY = "Compile it again, or correct the file."


@dataclasses.dataclass(frozen=True)
class Package:
    """A package, its fields under their JSON names.

    Attributes:
      path: where it was read.
      spec: the PipelineSpec; `deploymentSpec` has the fields of PipelineDeploymentConfig.
      platform: the PlatformSpec; executors have the fields of KubernetesExecutorConfig. {} where there is none.
      job: what a PipelineJob says beside its PipelineSpec; None for anything else.
      unknown: unknown fields of executors. Those of `spec` begin with 'deploymentSpec', of `platform` with 'platforms'.
      size: of the file, in bytes.
    """

    path: Path
    spec: dict[str, Any]
    platform: dict[str, Any]
    job: dict[str, Any] | None
    unknown: tuple[Violation, ...]
    size: int

    @property
    def components(self) -> dict[str, dict[str, Any]]:
        """Component name -> ComponentSpec."""
        components: dict[str, dict[str, Any]] = self.spec.get("components", {})
        return components

    @property
    def root(self) -> dict[str, Any]:
        """The ComponentSpec of the pipeline itself."""
        root: dict[str, Any] = self.spec["root"]
        return root

    @property
    def executors(self) -> dict[str, dict[str, Any]]:
        """Executor label -> ExecutorSpec."""
        executors: dict[str, dict[str, Any]] = self.spec.get("deploymentSpec", {}).get("executors", {})
        return executors

    @property
    def kubernetes(self) -> dict[str, dict[str, Any]]:
        """Executor label -> KubernetesExecutorConfig."""
        platform = self.platform.get("platforms", {}).get("kubernetes", {})
        executors: dict[str, dict[str, Any]] = platform.get("deploymentSpec", {}).get("executors", {})
        return executors


def read_package(path: Path) -> Package:
    """Reads a package, or a PipelineJob in JSON as TFX writes it if not told otherwise.

    Raises:
      InputError: it cannot be read, or Kubeflow could not.
    """
    text = _text(path)
    documents = _documents(text, path)
    specs, platforms, jobs = [], [], []
    for number, document in enumerate(documents):
        keys = {key.replace("_", "").lower() for key in document}
        if "pipelinespec" in keys:
            jobs.append(number)
        elif "platforms" in keys:
            platforms.append(number)
        elif keys & {"pipelineinfo", "root", "deploymentspec"}:
            specs.append(number)
        else:
            raise InputError(
                f"{path}: document {number + 1} is neither a PipelineSpec (pipelineInfo, root) nor a platform document "
                f"(platforms). {_REMEDY}"
            )
    if len(specs) + len(jobs) != 1 or len(platforms) > 1:
        raise InputError(
            f"{path}: expected one PipelineSpec and at most one platform document, found {len(specs) + len(jobs)} and "
            f"{len(platforms)}. {_REMEDY}"
        )
    reader = _Reader(path, text)
    job = None
    if jobs:
        job = reader.read(documents[jobs[0]], "PipelineJob", jobs[0])
        spec = reader.read(job.pop("pipelineSpec", {}), "PipelineSpec", jobs[0], ("pipelineSpec",))
    else:
        spec = reader.read(documents[specs[0]], "PipelineSpec", specs[0])
    platform = reader.read(documents[platforms[0]], "PlatformSpec", platforms[0]) if platforms else {}
    for name, present in (("pipelineInfo.name", spec.get("pipelineInfo", {}).get("name")), ("root", spec.get("root"))):
        if not present:
            raise InputError(f"{path}: {name} is missing. {_REMEDY}")
    return Package(path, spec, platform, job, tuple(reader.unknown), len(text.encode()))


def write_package(path: Path, spec: dict[str, Any], platform: dict[str, Any]) -> None:
    """Writes a package, whole or not at all, so that two of them can be compared line by line.

    Args:
      path: of the option --out.
      spec: a PipelineSpec, as in Package.
      platform: a PlatformSpec, as in Package; {} for none.

    Raises:
      InputError: it cannot be written, or Kubeflow could not read it.
    """
    for document, message in ((spec, "PipelineSpec"), (platform, "PlatformSpec")):
        for violation in checked(document, message)[1]:
            raise InputError(f"{path}: {violation.dotted}: {violation.what}.")
    with written_whole(path) as file:
        file.writelines(f"# {line}\n" for line in _header(spec))
        dump([spec, platform] if platform else [spec], file)


def _header(spec: dict[str, Any]) -> Iterator[str]:
    """What a person wants to know first."""
    info = spec.get("pipelineInfo", {})
    description = " ".join(info.get("description", "").split())
    yield f"{info.get('name', '')}, a package for Kubeflow Pipelines 2. {description}".rstrip()
    for name, parameter in sorted(spec.get("root", {}).get("inputDefinitions", {}).get("parameters", {}).items()):
        default = json.dumps(parameter["defaultValue"]) if "defaultValue" in parameter else "no default"
        yield f"  {name}: {parameter.get('parameterType', '')}, {default}"


class _Reader:
    """Checks documents of one file."""

    def __init__(self, path: Path, text: str) -> None:
        self.unknown: list[Violation] = []
        self._path = path
        self._text = text

    def read(self, document: Any, message: str, number: int, prefix: tuple[str, ...] = ()) -> dict[str, Any]:
        """The document with its fields' JSON names; of several errors the first is raised."""
        result, violations = checked(document, message)
        for violation in violations:
            if violation.fatal:
                place = (*prefix, *violation.place)
                line = line_of(self._text, number, place)
                where = ".".join(map(str, place)) or f"document {number + 1}"
                raise InputError(
                    f"{self._path}, line {line}: {where}: {violation.what}. Kubeflow refuses the package. {_REMEDY}"
                )
        self.unknown.extend(violations)
        return result


def _text(path: Path) -> str:
    try:
        # A pipe or a device may never end.
        if path.exists() and not path.is_file() and not path.is_dir():
            raise InputError(f"{path}: no file. Name the package itself.")
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f"{path}: larger than {_MAX_BYTES >> 20} MiB, not a package. Check the path.")
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file. Check the path, or write it with `emotion-ai compile`.") from None
    except IsADirectoryError:
        raise InputError(f"{path}: is a folder. Name the package in it.") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}). Check the path.") from None
    except UnicodeDecodeError:
        raise InputError(
            f"{path}: not a text file. Unpack it if it is an archive (.zip, .tar.gz), and name the YAML file in it."
        ) from None
    if not text.strip():
        raise InputError(f"{path}: empty. {_REMEDY}")
    return text


def _documents(text: str, path: Path) -> list[dict[str, Any]]:
    try:
        documents = load(text)
        counter = iter(range(_MAX_VALUES))
        for document in documents:
            _count(document, counter, 0)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or "not valid"
        raise InputError(f"{path}{line}: not the YAML that Kubeflow reads: {problem}. {_REMEDY}") from None
    except (ValueError, RecursionError) as error:
        detail = {RecursionError: "too deep", UnicodeEncodeError: "half a character"}.get(type(error), str(error))
        raise InputError(f"{path}: not the YAML that Kubeflow reads: {detail}. {_REMEDY}") from None
    if not documents or not all(isinstance(document, dict) for document in documents):
        raise InputError(f"{path}: not a package, which begins with keys such as pipelineInfo. Check the path.")
    return documents


def _count(value: Any, counter: Iterator[int], depth: int) -> None:
    """Stops at what grows without end when its aliases are followed.

    Raises:
      ValueError: more, or deeper, than any package is; or half a character, which JSON can write.
    """
    if isinstance(value, str):
        value.encode()
    if next(counter, None) is None or depth > _MAX_DEPTH:
        raise ValueError("more values, or deeper ones, than a package has")
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in items:
        _count(item, counter, depth + 1)
