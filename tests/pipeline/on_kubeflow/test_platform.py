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
        ({"image": "Not An Image"}, ["'image': expected registry/name:tag"]),
        ({"models": "models"}, ["'models': expected an absolute path"]),
        ({"models": "/other"}, ["'models': no volume is mounted at /other"]),
        ({"checkpoints": "/other"}, ["'checkpoints': no volume is mounted at /other"]),
        ({"beam_args": ["runner"]}, ["'beam_args.0': expected an option that begins with --"]),
        ({"all": 3}, ["'all'"]),
        ({"all": {"cpu": True}}, ["'all.cpu'", "found True"]),
        ({"all": {"memory_gb": 0}}, ["'all.memory_gb'", "found 0"]),
        ({"all": {"memory_gb": float("inf")}}, ["'all.memory_gb'", "found inf"]),
        ({"all": {"cpu": float("nan")}}, ["'all.cpu'", "found nan"]),
        ({"all": {"memory": "2Gi"}}, ["unknown key 'all.memory'"]),
        ({"all": {"retries": 1 << 31}}, ["'all.retries'"]),
        ({"all": {"env": {"1A": "x"}}}, ["'all.env.1A", "no digit first"]),
        ({"all": {"env": {"A": 1}}}, ["'all.env.A'", "found 1", "need quotes"]),
        ({"all": {"env": {"A": "\0"}}}, ["'all.env.A'", "without NUL"]),
        ({"all": {"env": {"NODE_ID": "x"}}}, ["'all': the variable NODE_ID is given twice", "once by us"]),
        ({"training": {"gpu": {"count": 1}}}, ["'training.gpu.type'"]),
        ({"training": {"gpu": {"type": "nvidia-l4", "count": 1}}}, ["'training.gpu.type'", "nvidia.com/gpu"]),
        ({"beam": {"cpu": -1}}, ["'beam.cpu'"]),
        ({"all": {"secrets": [{"secret": "s", "key": "k"}]}}, ["'all.secrets.0.env'"]),
        ({"all": {"secrets": [{"secret": "S", "key": "k", "env": "E"}]}}, ["'all.secrets.0.secret'", "found 'S'"]),
        ({"all": {"secrets": [{"secret": "s", "key": "k/k", "env": "E"}]}}, ["'all.secrets.0.key'"]),
        (
            {"all": {"env": {"E": "x"}, "secrets": [{"secret": "s", "key": "k", "env": "E"}]}},
            ["'all': the variable E is given twice in env and secrets."],
        ),
        ({"all": {"volumes": [{"claim": "c", "mount": "data"}]}}, ["'all.volumes.0.mount'"]),
        ({"all": {"volumes": [{"claim": "a.b", "mount": "/data"}]}}, ["'all.volumes.0.claim'", "found 'a.b'"]),
        (
            {"all": {"volumes": [{"claim": "a", "mount": "/data"}, {"claim": "b", "mount": "/data/"}]}},
            ["'all': two volumes are mounted at /data"],
        ),
        ({"all": {"volumes": [{"claim": "a", "mount": "/app"}]}}, ["'all': a volume at /app hides"]),
        ({"all": {"node_selector": {"a b": "c"}}}, ["'all.node_selector.a b"]),
        ({"all": {"node_selector": {"a": "c d"}}}, ["'all.node_selector.a'", "found 'c d'"]),
        ({"all": {"tolerations": [{"key": "a b"}]}}, ["'all.tolerations.0.key'"]),
        (
            {"all": {"tolerations": [{"key": "a", "operator": "Exists", "value": "x"}]}},
            ["'all.tolerations.0': the operator Exists has no value"],
        ),
        ({"components": {"EmotionTuner": {"cpu": 1}}}, ["'components.EmotionTuner': no such node", "EmotionTrainer"]),
        ({"components": {"EmotionTrainer": {"cpus": 1}}}, ["unknown key 'components.EmotionTrainer.cpus'"]),
    ],
)
def test_what_is_wrong_is_named_with_the_file(values: dict[str, Any], words: list[str], tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        containers_of(values, tmp_path)
    assert str(error.value).startswith(f"{tmp_path / 'platform.yaml'}: ")
    for word in words:
        assert word in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("image", ["", "Faces:1", "faces:1:2", "faces@sha256:12"])
def test_a_wrong_image_of_the_command_line_is_said_to_be_there(image: str) -> None:
    with pytest.raises(InputError, match=r"^--image: 'image': expected registry/name:tag"):
        load_platform(None, image)


@pytest.mark.parametrize("image", ["Host:5000/faces:V7-GPU", f"faces@sha256:{'a' * 64}", f"faces:1@sha256:{'a' * 64}"])
def test_every_form_of_an_image_s_name_is_taken(image: str) -> None:
    assert load_platform(None, image).image == image


@pytest.mark.parametrize("file", sorted((DEFAULTS_FILE.parent / "examples").glob("*.yaml")), ids=lambda file: file.stem)
def test_the_examples_are_right(file: Path) -> None:
    assert containers(load_platform(file, None), *NODES, file)


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
    add_resources(container, "EmotionTrainer", found, {"CHECKPOINTS": "/models/.checkpoints"})
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
            {"name": "CHECKPOINTS", "value": "/models/.checkpoints"},
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
    models = {"volumes": [{"claim": "models", "mount": "/models"}]}
    nothing = {"retries": 0, "volumes": []}
    found = containers_of({"all": nothing, "components": {"EmotionTrainer": models}}, tmp_path)["EmotionPusher"]
    container: dict[str, Any] = {}
    add_resources(container, "EmotionPusher", found, {})
    assert container.keys() == {"resources", "env"}
    assert retry_policy(found) is None
    assert kubernetes_config(found) == {}


def test_the_default_file_describes_every_key() -> None:
    text = DEFAULTS_FILE.read_text()
    for name in (*Container.model_fields, "image", "data", "models", "checkpoints", "beam_args"):
        assert f"{name}:" in text
