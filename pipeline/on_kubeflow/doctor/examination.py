"""All that the doctor looks at."""

from __future__ import annotations

from pathlib import Path

from pipeline.on_kubeflow.doctor.artifacts import check_artifacts
from pipeline.on_kubeflow.doctor.containers import check_containers
from pipeline.on_kubeflow.doctor.flow import (
    check_conditions,
    check_cycles,
    check_importers,
    check_loops_and_exits,
    check_references,
)
from pipeline.on_kubeflow.doctor.form import check_form, check_names, check_shared_containers, check_sizes
from pipeline.on_kubeflow.doctor.imports import check_imports
from pipeline.on_kubeflow.doctor.inputs import check_inputs, check_pipeline_parameters
from pipeline.on_kubeflow.doctor.kubernetes_settings import check_platform
from pipeline.on_kubeflow.doctor.problem import Problem
from pipeline.on_kubeflow.doctor.values import check_data_versions, check_paths, check_root
from pipeline.on_kubeflow.package import read_package

_CHECKS = (
    check_form,
    check_root,
    check_names,
    check_sizes,
    check_references,
    check_cycles,
    check_inputs,
    check_conditions,
    check_loops_and_exits,
    check_importers,
    check_pipeline_parameters,
    check_containers,
    check_shared_containers,
    check_platform,
    check_artifacts,
    check_imports,
    check_paths,
    check_data_versions,
)


def examine(path: Path) -> list[Problem]:
    """What open-source Kubeflow refuses or ignores of a package, errors first.

    Args:
      path: of any TFX or KFP package.

    Raises:
      InputError: it cannot be read.
    """
    package = read_package(path)
    # A component that several tasks use gives the same problem more than once.
    found = list(dict.fromkeys(problem for check in _CHECKS for problem in check(package)))
    return sorted(found, key=lambda problem: problem.severity == "warning")
