"""What of a package is uploaded, under which name."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import shutil
from pathlib import Path

from pipeline.on_kubeflow.package import Package, write_package


def without_cache(package: Package) -> Package:
    """The package with caching off for every task.

    Kubeflow's API has no switch for one run: what the package says counts.
    """
    spec = copy.deepcopy(package.spec)
    for component in (spec["root"], *spec.get("components", {}).values()):
        for task in component.get("dag", {}).get("tasks", {}).values():
            task["cachingOptions"] = {}
    return dataclasses.replace(package, spec=spec)


def version_name(package: Package, pipeline: str) -> str:
    """Name of the pipeline's version with this content: the same content never needs a second upload.

    Legal as a name of Kubernetes, in whose store newer releases can keep versions.
    """
    content = json.dumps([package.spec, package.platform], sort_keys=True, ensure_ascii=False)
    return f"{pipeline}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"


def write_upload(package: Package, caching: bool, folder: Path) -> Path:
    """Writes what is uploaded into a folder; the server wants to see .yaml.

    Args:
      package: as it was read, or what `without_cache` made of it.
      caching: whether it is as it was read. Then it goes as it stands, with what only a newer Kubeflow understands.
      folder: to write to.
    """
    path = folder / "package.yaml"
    if caching:
        shutil.copyfile(package.path, path)
    else:
        write_package(path, package.spec, package.platform)
    return path
