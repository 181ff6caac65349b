"""Parses a package as Kubeflow does, without tolerance; runs in the client's environment. Prints what is wrong."""

from __future__ import annotations

import sys
from pathlib import Path

import yaml
from google.protobuf import json_format
from kfp.kubernetes import kubernetes_executor_config_pb2
from kfp.pipeline_spec import pipeline_spec_pb2


def main() -> None:
    documents = list(yaml.load_all(Path(sys.argv[1]).read_text(encoding="utf-8"), Loader=yaml.CSafeLoader))
    specs = [document for document in documents if "platforms" not in document]
    platforms = [document for document in documents if "platforms" in document]
    if len(specs) != 1 or len(platforms) > 1:
        print("invalid v2 pipeline spec: multiple pipeline specs provided")
        return
    try:
        spec = json_format.ParseDict(specs[0], pipeline_spec_pb2.PipelineSpec())
        # Its type in the spec is that of any JSON, so the parse above has not looked into it.
        json_format.ParseDict(specs[0]["deploymentSpec"], pipeline_spec_pb2.PipelineDeploymentConfig())
        for document in platforms:
            json_format.ParseDict(document, pipeline_spec_pb2.PlatformSpec())
            for config in document["platforms"]["kubernetes"]["deploymentSpec"]["executors"].values():
                json_format.ParseDict(config, kubernetes_executor_config_pb2.KubernetesExecutorConfig())
    except json_format.ParseError as error:
        print(f"invalid v2 pipeline spec: {error}")
        return
    if spec.schema_version != "2.1.0":
        print(f"KFP only supports schema version 2.1.0, but the pipeline spec has version {spec.schema_version}")


if __name__ == "__main__":
    main()
