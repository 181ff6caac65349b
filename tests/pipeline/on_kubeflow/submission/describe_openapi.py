"""Prints Kubeflow's OpenAPI as JSON, read from the generated client; runs in the client's environment."""

from __future__ import annotations

import inspect
import json
import re
from typing import Any

import kfp_server_api
from kfp_server_api import models


def main() -> None:
    operations = []
    for name in dir(kfp_server_api):
        if name.endswith("ServiceApi"):
            service = getattr(kfp_server_api, name)
            operations += [
                _operation(inspect.getsource(getattr(service, method)))
                for method in dir(service)
                if method.endswith("_with_http_info")
            ]
    described = {
        name: _model(getattr(models, name)) for name in dir(models) if hasattr(getattr(models, name), "openapi_types")
    }
    print(json.dumps({"operations": operations, "models": described}))


def _operation(source: str) -> dict[str, Any]:
    types = dict(re.findall(r":type (\w+): ([^\n]+?)(?:, optional)?\n", source))
    path, method = re.search(r"'(/apis/[^']+)', '(\w+)',", source).groups()  # type: ignore[union-attr]
    body = re.search(r"body_params = local_var_params\['(\w+)'\]", source)
    return {
        "path": path,
        "method": method,
        "query": {
            wire: types[name]
            for wire, name in re.findall(r"query_params\.append\(\('([^']+)', local_var_params\['(\w+)'\]", source)
        },
        "body": types[body[1]] if body else None,
        "files": re.findall(r"local_var_files\['(\w+)'\]", source),
    }


def _model(model: Any) -> dict[str, Any]:
    fields = {model.attribute_map[name]: kind for name, kind in model.openapi_types.items()}
    return {"fields": fields, "values": getattr(model, "allowable_values", None)}


if __name__ == "__main__":
    main()
