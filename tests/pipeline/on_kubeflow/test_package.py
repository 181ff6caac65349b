"""Tests of reading and writing packages."""

from __future__ import annotations

import copy
import json
import os
from pathlib import Path

import pytest

from components.errors import InputError
from pipeline.on_kubeflow.package import read_package, write_package
from tests.pipeline.on_kubeflow.doctor.packages import MINIMAL, PLATFORM


def _read(text: str, tmp_path: Path) -> str:
    """Message of the error that reading a text ends with."""
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as raised:
        read_package(path)
    message = str(raised.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message.removeprefix(str(path))


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    write_package(path, MINIMAL, PLATFORM)
    package = read_package(path)
    assert package.spec == MINIMAL
    assert package.platform == PLATFORM
    assert package.job is None
    assert package.unknown == ()
    assert package.executors["exec-make"]["container"]["image"] == "repo/make:1"
    assert package.kubernetes["exec-use"]["pvcMount"] == [{"constant": "data", "mountPath": "/data"}]


def test_the_same_package_is_written_in_the_same_way(tmp_path: Path) -> None:
    write_package(tmp_path / "a.yaml", MINIMAL, PLATFORM)
    other_way_round = dict(reversed(MINIMAL.items()))
    write_package(tmp_path / "b.yaml", other_way_round, PLATFORM)
    assert (tmp_path / "a.yaml").read_bytes() == (tmp_path / "b.yaml").read_bytes()


@pytest.mark.parametrize(
    "text",
    ["12e45678", "1e3", "0o17", "1:30", "yes", "no", "null", "0x1f", "1_000", ".5", "2026-11-22", "=", "é", " x "],
)
def test_texts_stay_texts_for_every_yaml(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    spec = {**MINIMAL, "sdkVersion": text}
    write_package(path, spec, {})
    assert read_package(path).spec["sdkVersion"] == text
    line = next(line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("sdkVersion"))
    # Go's YAML takes some words for numbers that PyYAML does not, and the other way round.
    assert text == "é" or line == f"sdkVersion: '{text}'"


def test_an_unquoted_fingerprint_is_the_number_that_go_reads(tmp_path: Path) -> None:
    assert ", line 2: sdkVersion: expected a text; put a number or true/false in quotes" in _read(
        "pipelineInfo: {name: x}\nsdkVersion: 12e5\nroot: {dag: {}}\n", tmp_path
    )


@pytest.mark.parametrize(
    ("written", "read"),
    [
        *(("12e5", 12e5), ("1_000", 1000), ("0o17", 15), ("017", 15), ("-0x1f", -31), ("089", 89), (".5", 0.5)),
        *(("1_0.5", 10.5), (".INF", float("inf")), ("true", True), ("yes", "yes"), ("1:30", "1:30"), ("~", None)),
        *(("12e45678", "12e45678"), ("._", "._"), ("2026-11-22", "2026-11-22"), ("0b", "0b"), ("1e", "1e")),
    ],
)
def test_plain_words_are_what_go_makes_of_them(written: str, read: object, tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    text = "pipelineInfo: {name: x}\nroot: {inputDefinitions: {parameters: {p: {literals: [%s]}}}}\n"
    path.write_text(text % written, encoding="utf-8")
    value = read_package(path).root["inputDefinitions"]["parameters"]["p"]["literals"][0]
    assert value == read
    assert type(value) is type(read)


def test_long_texts_are_written_line_by_line_and_unfolded(tmp_path: Path) -> None:
    spec = copy.deepcopy(MINIMAL)
    spec["deploymentSpec"]["executors"]["exec-make"]["container"]["args"] = ["{\n  1\n}\n", "word " * 60 + "end"]
    path = tmp_path / "x.yaml"
    write_package(path, spec, {})
    text = path.read_text(encoding="utf-8")
    assert "- |\n          {\n            1\n          }\n" in text
    assert f"- {'word ' * 60}end\n" in text
    assert read_package(path).spec == spec


def test_the_parameters_stand_on_top(tmp_path: Path) -> None:
    spec = copy.deepcopy(MINIMAL)
    spec["pipelineInfo"]["description"] = "Two\nlines."
    spec["root"]["inputDefinitions"]["parameters"]["text"]["defaultValue"] = "a\nb"
    path = tmp_path / "x.yaml"
    write_package(path, spec, {})
    assert path.read_text(encoding="utf-8").splitlines()[:2] == [
        "# small, a package for Kubeflow Pipelines 2. Two lines.",
        '#   text: STRING, "a\\nb"',
    ]


def test_what_may_never_end_is_not_read(tmp_path: Path) -> None:
    pipe = tmp_path / "x.yaml"
    os.mkfifo(pipe)
    for path in (pipe, Path("/dev/zero")):
        with pytest.raises(InputError, match=f"^{path}: no file"):
            read_package(path)


def test_what_kubeflow_could_not_read_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text("before", encoding="utf-8")
    with pytest.raises(InputError, match=r"root\.dag\.tasks\.make\.inputz: no such field"):
        spec = copy.deepcopy(MINIMAL)
        spec["root"]["dag"]["tasks"]["make"]["inputz"] = {}
        write_package(path, spec, {})
    # Kubeflow skips such a field; whoever writes it means something by it.
    with pytest.raises(InputError, match=r"executors\.exec-use\.pvcMounts: no such field"):
        platform = copy.deepcopy(PLATFORM)
        platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["exec-use"]["pvcMounts"] = []
        write_package(path, MINIMAL, platform)
    assert path.read_text(encoding="utf-8") == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_fields_that_the_installed_protos_lack_are_known(tmp_path: Path) -> None:
    spec = copy.deepcopy(MINIMAL)
    spec["deploymentSpec"]["executors"]["exec-make"]["container"]["resources"] = {
        "resourceCpuLimit": "2",
        "accelerator": {"resourceType": "nvidia.com/gpu", "resourceCount": "1"},
    }
    spec["root"]["dag"]["tasks"]["make"]["cachingOptions"] = {"enableCache": True, "cacheKey": "x"}
    spec["root"]["dag"]["tasks"]["make"]["retryPolicy"] = {"maxRetryCount": 2, "backoffDuration": "30s"}
    spec["components"]["make"]["inputDefinitions"]["parameters"]["rows"]["literals"] = [1, 2]
    platform = copy.deepcopy(PLATFORM)
    platform["platforms"]["kubernetes"]["pipelineConfig"] = {"workspace": {"size": "1Gi"}}
    path = tmp_path / "x.yaml"
    write_package(path, spec, platform)
    package = read_package(path)
    assert (package.spec, package.platform, package.unknown) == (spec, platform, ())


def test_names_of_protos_are_read_as_names_of_json(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(
        "pipeline_info: {name: x}\nroot: {dag: {tasks: {a_b: {component_ref: {name: c}}}}}\n", encoding="utf-8"
    )
    assert read_package(path).spec == {
        "pipelineInfo": {"name": "x"},
        "root": {"dag": {"tasks": {"a_b": {"componentRef": {"name": "c"}}}}},
    }


def test_a_pipeline_job_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    job = {"pipelineSpec": MINIMAL, "runtimeConfig": {"gcsOutputDirectory": "gs://b/é"}, "displayName": "\U0001f600"}
    path.write_text(json.dumps(job), encoding="utf-8")
    package = read_package(path)
    assert package.spec == MINIMAL
    assert package.job == {"runtimeConfig": {"gcsOutputDirectory": "gs://b/é"}, "displayName": "\U0001f600"}


def test_unknown_fields_of_executors_are_kept_for_the_doctor(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(
        "pipelineInfo: {name: x}\nroot: {dag: {}}\ndeploymentSpec: {executors: {e: {container: {imgae: x}}}}\n",
        encoding="utf-8",
    )
    package = read_package(path)
    assert [violation.dotted for violation in package.unknown] == ["deploymentSpec.executors.e.container.imgae"]
    assert package.executors == {"e": {"container": {}}}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("\n# nothing\n", "not a package"),
        ("just words", "not a package"),
        ("a: [1, 2", "line 2: not the YAML"),
        ("a: 1\na: 2\n", "line 2: not the YAML that Kubeflow reads: key 'a' is given twice"),
        ('{"a": 1, "a": 2}', "a key is given twice"),
        ("1: 2\n", "key 1 is not a text"),
        ("a: &a [*a]\n", "recursive"),
        ('{"pipelineInfo": {"name": "\\ud800"}, "root": {"dag": {}}}', "half a character"),
        ("apiVersion: v1\nkind: ConfigMap\n", "document 1 is neither a PipelineSpec"),
        ("pipelineInfo: {name: x}\nroot: {dag: {}}\n---\nplatfroms: {}\n", "document 2 is neither a PipelineSpec"),
        ("platforms: {}\n", "found 0 and 1"),
        ("pipelineInfo: {name: x}\nroot: {dag: {}}\n---\npipelineInfo: {name: y}\n", "found 2 and 0"),
        ("pipelineInfo: {}\nroot: {dag: {}}\n", "pipelineInfo.name is missing"),
        ("pipelineInfo: {name: x}\nroot:\n", "root is missing"),
        ("pipelineSpec:\n", "pipelineInfo.name is missing"),
        (
            '{\t"pipelineInfo": {"name": 5}, "displayName": "\\ud83d\\ude00"}',
            "line 1: pipelineInfo.name: expected a text",
        ),
        ("pipelineSpec: 5\n", "line 1: pipelineSpec: expected keys and values"),
        (
            "pipelineInfo:\n  name: x\nroot:\n  dag:\n    tasks:\n      a: 5\n",
            "line 6: root.dag.tasks.a: expected keys",
        ),
        (
            "pipelineInfo: {name: x}\nroot:\n  dag: {}\n  executorLabel: x\n",
            "line 2: root: only one of dag and executorLabel",
        ),
        (
            "pipelineInfo: {name: x}\nroot: {dag: {}}\ncomponent: {}\n",
            "line 3: component: no such field; there are comp",
        ),
        ("pipelineInfo: {name: x, name_: y}\nroot: {}\n", "pipelineInfo.name_: no such field"),
        ("pipelineInfo: {name: x, displayName: y, display_name: z}\nroot: {}\n", "given twice, in two spellings"),
        (
            "pipelineInfo: {name: x}\nroot: {dag: {}}\n---\n# Kubernetes\nplatforms:\n  kubernetes:\n"
            "    deploymentSpec:\n      executors:\n        e:\n          pvcMount:\n            mountPath: /data\n",
            "line 10: platforms.kubernetes.deploymentSpec.executors.e.pvcMount: expected a list",
        ),
        ("[" * 200 + "]" * 200, "deeper"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(text: str, words: str, tmp_path: Path) -> None:
    assert words in _read(text, tmp_path)


def test_aliases_that_grow_without_end(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert "more values" in _read("\n".join(lines), tmp_path)


def test_files_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(b"PK\x03\x04\xff\xfe")
    for wrong, words in ((path, "Unpack it"), (tmp_path, "is a folder"), (tmp_path / "gone.yaml", "no such file")):
        with pytest.raises(InputError, match=words):
            read_package(wrong)


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(b"#" * ((8 << 20) + 1))
    with pytest.raises(InputError, match="larger than 8 MiB"):
        read_package(path)
