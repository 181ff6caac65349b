"""The platform file: how its parts add up, what is refused, and how it stands in a package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from components.errors import InputError
from pipeline.on_kubeflow.platform import (
    DEFAULTS_FILE,
    Container,
    add_resources,
    containers,
    kubernetes_config,
    load_platform,
    retry_policy,
)

NODES = {"EmotionTrainer"}, {"EmotionTransform"}, {"EmotionPusher"}


def containers_of(values: dict[str, Any], folder: Path) -> dict[str, Container]:
    file = folder / "platform.yaml"
    file.write_text(yaml.safe_dump(values))
    return containers(load_platform(file, None), *NODES, file)


def test_every_node_gets_what_all_get_and_more_by_its_kind(tmp_path: Path) -> None:
    found = containers_of(
        {
            "all": {"cpu": 0.5, "env": {"A": "1"}},
            "training": {"gpu": {"type": "nvidia.com/gpu", "count": 2}},
            "beam": {"memory_gb": 6},
            "components": {"EmotionTrainer": {"memory_gb": 16, "env": {"B": "2"}}},
        },
        tmp_path,
    )
    trainer, transform, pusher = (found[name] for name in ("EmotionTrainer", "EmotionTransform", "EmotionPusher"))
    assert (trainer.memory_gb, transform.memory_gb, pusher.memory_gb) == (16, 6, 2)
    assert trainer.env == {"A": "1", "B": "2"}
    assert transform.env == {"A": "1"}
    assert trainer.gpu is not None
    assert transform.gpu is None
    assert (trainer.cpu, pusher.cpu) == (4, 0.5)


def test_the_command_line_names_the_image(tmp_path: Path) -> None:
    file = tmp_path / "platform.yaml"
    file.write_text("image: registry.example.org:5000/faces:7")
    assert load_platform(file, None).image == "registry.example.org:5000/faces:7"
    assert load_platform(file, "faces:8").image == "faces:8"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"imgae": "x"}, ["unknown key 'imgae'"]),
        ({"image": "Not An Image"}, ["'image'"]),
        ({"models": "models"}, ["'models'"]),
        ({"all": 3}, ["'all'"]),
        ({"all": {"memory_gb": 0}}, ["'memory_gb'", "found 0"]),
        ({"all": {"memory": "2Gi"}}, ["unknown key 'memory'"]),
        ({"training": {"gpu": {"count": 1}}}, ["'gpu.type'"]),
        ({"all": {"secrets": [{"secret": "s", "key": "k"}]}}, ["'secrets.0.env'"]),
        ({"all": {"volumes": [{"claim": "c", "mount": "data"}]}}, ["'volumes.0.mount'"]),
        ({"components": {"EmotionTuner": {"cpu": 1}}}, ["'components.EmotionTuner': no such node", "EmotionTrainer"]),
        ({"components": {"EmotionTrainer": {"cpus": 1}}}, ["unknown key 'cpus'"]),
    ],
)
def test_what_is_wrong_is_named_with_the_file(values: dict[str, Any], words: list[str], tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        containers_of(values, tmp_path)
    assert str(error.value).startswith(f"{tmp_path / 'platform.yaml'}: ")
    for word in words:
        assert word in str(error.value)
    assert "\n" not in str(error.value)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(InputError, match=r"nowhere\.yaml: no such file\. Check --platform\."):
        load_platform(Path("nowhere.yaml"), None)


def test_a_container_in_the_fields_that_every_release_reads(tmp_path: Path) -> None:
    found = containers_of(
        {
            "training": {
                "cpu": 3.5,
                "gpu": {"type": "nvidia.com/gpu", "count": 1},
                "env": {"TF_XLA_FLAGS": "x", "A": "1"},
                "secrets": [{"secret": "bucket", "key": "accesskey", "env": "AWS_ACCESS_KEY_ID"}],
                "volumes": [{"claim": "faces", "mount": "/data"}],
                "node_selector": {"pool": "gpu"},
                "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
                "retries": 1,
                "backoff_s": 10,
            }
        },
        tmp_path,
    )["EmotionTrainer"]
    container: dict[str, Any] = {"image": "x"}
    add_resources(container, "EmotionTrainer", found)
    assert container == {
        "image": "x",
        "resources": {
            "cpuLimit": 3.5,
            "cpuRequest": 3.5,
            "memoryLimit": 8.0,
            "memoryRequest": 8.0,
            "accelerator": {"type": "nvidia.com/gpu", "count": "1"},
        },
        "env": [
            {"name": "A", "value": "1"},
            {"name": "NODE_ID", "value": "EmotionTrainer"},
            {"name": "TF_XLA_FLAGS", "value": "x"},
        ],
    }
    assert retry_policy(found) == {
        "maxRetryCount": 1,
        "backoffDuration": "10s",
        "backoffFactor": 2.0,
        "backoffMaxDuration": "3600s",
    }
    assert kubernetes_config(found) == {
        "pvcMount": [{"constant": "faces", "mountPath": "/data"}],
        "secretAsEnv": [
            {
                "secretName": "bucket",
                "keyToEnv": [{"secretKey": "accesskey", "envVar": "AWS_ACCESS_KEY_ID"}],
            }
        ],
        "nodeSelector": {"labels": {"pool": "gpu"}},
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
    }


def test_nothing_that_was_not_asked_for(tmp_path: Path) -> None:
    found = containers_of({"all": {"retries": 0, "volumes": []}}, tmp_path)["EmotionPusher"]
    container: dict[str, Any] = {}
    add_resources(container, "EmotionPusher", found)
    assert container.keys() == {"resources", "env"}
    assert retry_policy(found) is None
    assert kubernetes_config(found) == {}


def test_the_default_file_describes_every_key() -> None:
    text = DEFAULTS_FILE.read_text()
    for name in (*Container.model_fields, "image", "data", "models", "beam_args"):
        assert f"{name}:" in text
