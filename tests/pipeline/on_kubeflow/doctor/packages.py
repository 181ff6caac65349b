"""Small packages to be damaged."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from pipeline.on_kubeflow.doctor.examination import examine
from pipeline.on_kubeflow.doctor.nodes import OUR_RUNNER as OURS
from pipeline.on_kubeflow.doctor.nodes import TFX_RUNNER
from pipeline.on_kubeflow.doctor.problem import Problem

__all__ = ["OURS", "TFX_RUNNER", "Damage", "Damaged", "assert_found", "make", "problems_of", "put", "tfx", "write"]

Document = dict[str, Any]

MINIMAL: Document = {
    "pipelineInfo": {"name": "small"},
    "schemaVersion": "2.1.0",
    "sdkVersion": "none",
    "components": {
        "make": {
            "executorLabel": "exec-make",
            "inputDefinitions": {"parameters": {"rows": {"parameterType": "NUMBER_INTEGER"}}},
            "outputDefinitions": {
                "artifacts": {"data": {"artifactType": {"schemaTitle": "system.Dataset"}}},
                "parameters": {"count": {"parameterType": "NUMBER_INTEGER"}},
            },
        },
        "use": {
            "executorLabel": "exec-use",
            "inputDefinitions": {
                "artifacts": {"data": {"artifactType": {"schemaTitle": "system.Dataset"}}},
                "parameters": {
                    "count": {"parameterType": "NUMBER_INTEGER"},
                    "text": {"parameterType": "STRING", "isOptional": True},
                },
            },
        },
    },
    "deploymentSpec": {
        "executors": {
            "exec-make": {"container": {"image": "repo/make:1", "command": ["make"], "args": ["{{$}}"]}},
            "exec-use": {"container": {"image": "repo/use:1", "command": ["use"]}},
        }
    },
    "root": {
        "dag": {
            "tasks": {
                "make": {
                    "taskInfo": {"name": "make"},
                    "componentRef": {"name": "make"},
                    "inputs": {"parameters": {"rows": {"runtimeValue": {"constant": 5}}}},
                },
                "use": {
                    "taskInfo": {"name": "use"},
                    "componentRef": {"name": "use"},
                    "dependentTasks": ["make"],
                    "inputs": {
                        "artifacts": {
                            "data": {"taskOutputArtifact": {"producerTask": "make", "outputArtifactKey": "data"}}
                        },
                        "parameters": {
                            "count": {"taskOutputParameter": {"producerTask": "make", "outputParameterKey": "count"}},
                            "text": {"componentInputParameter": "text"},
                        },
                    },
                },
            }
        },
        "inputDefinitions": {"parameters": {"text": {"parameterType": "STRING", "isOptional": True}}},
    },
}
PLATFORM: Document = {
    "platforms": {
        "kubernetes": {
            "deploymentSpec": {
                "executors": {
                    "exec-use": {
                        "pvcMount": [{"constant": "data", "mountPath": "/data"}],
                        "secretAsEnv": [{"secretName": "tokens", "keyToEnv": [{"secretKey": "key", "envVar": "KEY"}]}],
                    }
                }
            }
        }
    }
}


class Damaged:
    """Parts of a package, to be changed by a test."""

    def __init__(self) -> None:
        self.spec = copy.deepcopy(MINIMAL)
        self.platform = copy.deepcopy(PLATFORM)
        self.tasks = self.spec["root"]["dag"]["tasks"]
        self.components = self.spec["components"]
        self.executors = self.spec["deploymentSpec"]["executors"]
        self.make = self.executors["exec-make"]["container"]
        self.settings = self.platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["exec-use"]

    def make_tfx(self, module: str = OURS, **parameters: Any) -> None:
        """Turns 'make' into a TFX component with the given constants as parameters."""
        self.make["command"] = ["python", "-m", module]
        self.make["args"] = [
            *("--executor_class_path", "components.anomaly_gate.executor.Executor"),
            *("--json_serialized_invocation_args", "{{$}}"),
        ]
        for name, value in parameters.items():
            self.components["make"]["inputDefinitions"]["parameters"][name] = {"parameterType": "STRING"}
            self.tasks["make"]["inputs"]["parameters"][name] = {"runtimeValue": {"constant": value}}

    def make_examples(self) -> None:
        """Lets 'make' output examples, and cache them."""
        self.components["make"]["outputDefinitions"]["artifacts"]["data"] = {
            "artifactType": {"instanceSchema": "title: tfx.Examples\ntype: object\n"}
        }
        self.tasks["make"]["cachingOptions"] = {"enableCache": True}


Damage = Callable[[Damaged], object]


def put(where: Callable[[Damaged], Document], **values: Any) -> Damage:
    """A damage that sets keys of a part of the package."""
    return lambda package: where(package).update(values)


def make(package: Damaged) -> Document:
    """The container of 'make'."""
    return package.make


def tfx(**parameters: Any) -> Damage:
    """A damage that turns 'make' into a TFX component."""
    return lambda package: package.make_tfx(**parameters)


def assert_found(damage: Damage, severity: str, node: str, words: str, folder: Path) -> None:
    """Asserts that the doctor says the words of a node, and what to do."""
    found = problems_of(damage, folder)
    assert any(
        (problem.severity, problem.node) == (severity, node) and words in problem.what and problem.remedy
        for problem in found
    ), found


def problems_of(damage: Damage, folder: Path) -> list[Problem]:
    """What the doctor says of a damaged package."""
    package = Damaged()
    damage(package)
    return examine(write(package, folder / "package.yaml"))


def write(package: Damaged, path: Path) -> Path:
    """A package as a file, which no check of our own has seen."""
    path.write_text(yaml.dump_all([package.spec, package.platform], Dumper=yaml.CSafeDumper), encoding="utf-8")
    return path
