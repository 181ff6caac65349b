"""compose.yaml: the Compose specification takes it, what it mounts is there, and it is closed to the outside."""

from __future__ import annotations

import copy
import json
import re
from importlib import resources
from typing import Any

import jsonschema
import pytest

from tests.serving.config.shipped import COMPOSE, CONTAINER, FOLDER, INFERENCE_SERVICES

SERVICES = COMPOSE["services"]
EACH_SERVICE = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)


@pytest.fixture(scope="module")
def validator() -> jsonschema.protocols.Validator:
    pytest.importorskip("check_jsonschema", reason="check-jsonschema, which ships the Compose schema, is not installed")
    schemas = resources.files("check_jsonschema") / "builtin_schemas" / "vendor"
    schema = json.loads((schemas / "compose-spec.json").read_text())
    return jsonschema.validators.validator_for(schema)(schema)


def test_the_specification_knows_every_field(validator: jsonschema.protocols.Validator) -> None:
    validator.validate(COMPOSE)
    wrong = copy.deepcopy(COMPOSE)
    wrong["services"]["grafana"]["readonly"] = True
    with pytest.raises(jsonschema.ValidationError, match="readonly"):
        validator.validate(wrong)


def sources(service: dict[str, Any]) -> list[str]:
    """Of each mount of a service its place on this machine; named volumes have none."""
    mounts = [mount if isinstance(mount, str) else mount["source"] for mount in service["volumes"]]
    return [mount.split(":")[0] for mount in mounts if mount.startswith(".")]


@EACH_SERVICE
def test_what_is_mounted_exists(service: dict[str, Any]) -> None:
    assert sources(service)
    assert all((FOLDER / source).exists() for source in sources(service))


@EACH_SERVICE
def test_a_service_may_do_nothing_but_serve(service: dict[str, Any]) -> None:
    assert re.fullmatch(r"[1-9]\d*:\d+", service["user"])
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"cpus", "mem_limit", "pids_limit"} <= set(service)
    assert not {"privileged", "network_mode", "pid", "ipc", "devices", "cap_add"} & set(service)
    for mount in service["volumes"]:
        read_only = mount.endswith(":ro") if isinstance(mount, str) else mount["read_only"]
        assert read_only or mount.split(":")[0] in COMPOSE["volumes"]


@EACH_SERVICE
def test_ports_are_open_on_the_loopback_only(service: dict[str, Any]) -> None:
    assert service["ports"]
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in service["ports"])


def test_images_are_pinned() -> None:
    images = [service["image"] for service in SERVICES.values()] + [CONTAINER["image"]]
    tags = [image.split(":")[1] for image in images]
    tags += [service["spec"]["predictor"]["model"]["runtimeVersion"] for service in INFERENCE_SERVICES]
    assert all(re.fullmatch(r"v?\d+\.\d+\.\d+", tag) for tag in tags)


def test_there_are_no_passwords() -> None:
    for service in SERVICES.values():
        assert not [name for name in service.get("environment", {}) if re.search("PASSWORD|TOKEN|SECRET", name)]
    grafana = SERVICES["grafana"]["environment"]
    # No account with a password that everybody knows: nobody can log in at all.
    assert grafana["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "true"
    assert grafana["GF_AUTH_BASIC_ENABLED"] == "false"
    assert grafana["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
