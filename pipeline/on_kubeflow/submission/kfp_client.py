"""Talks to Kubeflow Pipelines; runs in the client's own environment, as a process of `connection.Connection`.

It reads JSON lines and answers each with one. Nothing of this project can be imported here.

Calls go to the API client that kfp itself is built on, not to `kfp.Client`: that one reads settings from the home
folder and from environment variables, asks for a login in the browser, and waits for a server without limit.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import kfp_server_api
import urllib3
from google.protobuf import json_format


def main() -> None:
    """Answers until the input ends."""
    answers = sys.stdout
    # Whatever a library prints must not come between the answers.
    sys.stdout = sys.stderr
    settings = json.loads(sys.stdin.readline())
    configuration = kfp_server_api.Configuration(host=settings["host"])
    configuration.ssl_ca_cert = settings["ca_file"]
    # Whether a call may be repeated is decided by who asks for it.
    configuration.retries = False
    client = kfp_server_api.ApiClient(configuration)
    for line in sys.stdin:
        request = json.loads(line)
        answer = _check(*request["check"]) if "check" in request else _call(client, request)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _call(client: Any, request: dict[str, Any]) -> dict[str, Any]:
    """The server's answer as {status, text}, or what kept it from answering as {failure, detail}."""
    client.configuration.api_key = {"authorization": request["token"]} if request["token"] else {}
    client.configuration.api_key_prefix = {"authorization": "Bearer"}
    method = getattr(getattr(kfp_server_api, request["service"])(client), request["method"])
    try:
        # As it is: the generated classes refuse what a newer or older server adds.
        response = method(**request["arguments"], _preload_content=False, _request_timeout=request["timeout_s"])
        return {"status": response.status, "text": response.data.decode("utf-8", "replace")}
    except kfp_server_api.ApiException as error:
        return {"status": error.status, "text": error.body or "", "location": (error.headers or {}).get("location")}
    except AttributeError as error:
        # The generated code stumbles over its own report of a TLS failure, which has no body.
        if not isinstance(error.__context__, kfp_server_api.ApiException):
            raise
        return {"failure": "tls", "detail": str(error.__context__.reason)}
    except urllib3.exceptions.NameResolutionError as error:
        return {"failure": "name", "detail": str(error)}
    except urllib3.exceptions.NewConnectionError as error:
        # Also where it is at once: for urllib3 it is a kind of time-out.
        return {"failure": "connection", "detail": str(error)}
    except urllib3.exceptions.TimeoutError as error:
        return {"failure": "timeout", "detail": str(error)}
    except (urllib3.exceptions.HTTPError, OSError) as error:
        return {"failure": "connection", "detail": str(error)}


def _check(spec: dict[str, Any], platform: dict[str, Any]) -> dict[str, Any]:
    """What is wrong with a package's documents by the newest form of packages, as {problem}."""
    # Slower to import than all the rest, and needed once.
    from kfp.kubernetes import kubernetes_executor_config_pb2
    from kfp.pipeline_spec import pipeline_spec_pb2

    try:
        json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
        # In the spec its type is that of any JSON.
        json_format.ParseDict(spec.get("deploymentSpec", {}), pipeline_spec_pb2.PipelineDeploymentConfig())
        message = json_format.ParseDict(platform, pipeline_spec_pb2.PlatformSpec())
        for config in message.platforms["kubernetes"].deployment_spec.executors.values():
            values = json_format.MessageToDict(config)
            json_format.ParseDict(values, kubernetes_executor_config_pb2.KubernetesExecutorConfig())
    except json_format.ParseError as error:
        return {"problem": str(error)}
    return {"problem": None}


if __name__ == "__main__":
    main()
