"""Packages for tests: small ones written by hand, and parts of the real one."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import yaml
from kfp.pipeline_spec import pipeline_spec_pb2

from tests.kubeflow.platform.package import Package, load_package


@dataclasses.dataclass
class Step:
    """A task whose container runs Python code, with `given` (the ExecutorInput) and `save(output)` at hand.

    Attributes:
      code: to run.
      inputs: input key -> "<task>.<output key>".
      outputs: output key -> title of its type.
      parameters: name -> constant, or "$name" of a parameter of the root.
      fields: further ones of the task.
      container: further ones of the container.
      config: KubernetesExecutorConfig.
    """

    code: str = "save({})"
    inputs: dict[str, str] = dataclasses.field(default_factory=dict)
    outputs: dict[str, str] = dataclasses.field(default_factory=dict)
    parameters: dict[str, Any] = dataclasses.field(default_factory=dict)
    fields: dict[str, Any] = dataclasses.field(default_factory=dict)
    container: dict[str, Any] = dataclasses.field(default_factory=dict)
    config: dict[str, Any] = dataclasses.field(default_factory=dict)


_PRELUDE = """
import json, os, pathlib, sys
given = json.loads(sys.argv[1])
def path(place, key):
    scheme, rest = given[place]["artifacts"][key]["artifacts"][0]["uri"].split("://")
    return pathlib.Path({"minio": "/minio", "s3": "/s3", "gs": "/gcs"}[scheme], rest)
def save(output):
    file = pathlib.Path(given["outputs"]["outputFile"])
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(output if isinstance(output, str) else json.dumps(output))
"""


def documents(
    steps: dict[str, Step], parameters: dict[str, Any] | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The two documents of a package of such steps; `parameters` are specifications of the root's."""
    spec: dict[str, Any] = {
        "pipelineInfo": {"name": "small"},
        "schemaVersion": "2.1.0",
        "sdkVersion": "none",
        "root": {"dag": {"tasks": {}}, "inputDefinitions": {"parameters": parameters or {}}},
        "components": {},
        "deploymentSpec": {"executors": {}},
    }
    for name, step in steps.items():
        spec["root"]["dag"]["tasks"][name] = {
            "taskInfo": {"name": name},
            "componentRef": {"name": name},
            "inputs": {
                "artifacts": {
                    key: {
                        "taskOutputArtifact": dict(
                            zip(("producerTask", "outputArtifactKey"), source.split("."), strict=True)
                        )
                    }
                    for key, source in step.inputs.items()
                },
                "parameters": {
                    key: {"componentInputParameter": value[1:]}
                    if str(value).startswith("$")
                    else {"runtimeValue": {"constant": value}}
                    for key, value in step.parameters.items()
                },
            },
            **step.fields,
        }
        spec["components"][name] = {
            "executorLabel": f"exec-{name}",
            "inputDefinitions": {
                "artifacts": {key: {"artifactType": {"schemaTitle": "system.Artifact"}} for key in step.inputs},
                "parameters": {key: {"parameterType": "STRING"} for key in step.parameters},
            },
            "outputDefinitions": {
                "artifacts": {
                    key: {"artifactType": {"instanceSchema": f"title: {title}\ntype: object\n"}}
                    for key, title in step.outputs.items()
                }
            },
        }
        spec["deploymentSpec"]["executors"][f"exec-{name}"] = {
            "container": {
                "image": "small:1",
                # With its name, so that no two containers are equal.
                "command": ["python", "-c", f"# {name}\n{_PRELUDE}{step.code}"],
                "args": ["{{$}}"],
                **step.container,
            }
        }
    configs = {f"exec-{name}": step.config for name, step in steps.items() if step.config}
    return spec, {"platforms": {"kubernetes": {"deploymentSpec": {"executors": configs}}}}


def write(path: Path, *parts: dict[str, Any]) -> Path:
    """Writes documents into one file."""
    path.write_text(yaml.safe_dump_all(parts))
    return path


def small_package(folder: Path, steps: dict[str, Step], parameters: dict[str, Any] | None = None) -> Package:
    """A package of such steps, as Kubeflow takes it."""
    return load_package(write(folder / "small.yaml", *documents(steps, parameters)))


def part_of(package: Package, *tasks: str) -> Package:
    """Some tasks of a package, and all that must run before them."""
    wanted = set(tasks)
    while True:
        before = set().union(*(package.dependencies(task) for task in wanted)) - wanted
        if not before:
            break
        wanted |= before
    spec = pipeline_spec_pb2.PipelineSpec()
    spec.CopyFrom(package.spec)
    for task in package.tasks.keys() - wanted:
        del spec.root.dag.tasks[task]
    return dataclasses.replace(package, spec=spec)


def with_retries(package: Package, retries: int) -> Package:
    """A package whose tasks are tried again so many times."""
    spec = pipeline_spec_pb2.PipelineSpec()
    spec.CopyFrom(package.spec)
    for task in spec.root.dag.tasks.values():
        task.retry_policy.max_retry_count = retries
    return dataclasses.replace(package, spec=spec)
