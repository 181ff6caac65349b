"""Whatever a package holds, the doctor answers, or says in one line why it cannot."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.errors import InputError
from pipeline.on_kubeflow.doctor.examination import examine
from tests.pipeline.on_kubeflow.doctor.packages import MINIMAL, PLATFORM

_KFP_SDK = Path(__file__).with_name("hello-world.yaml")
_QUICK = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["make", "/home/x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def _places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place, *(deeper for key, item in items for deeper in _places(item, (*place, key)))]


_DOCUMENTS = [MINIMAL, PLATFORM]
_PLACES = [place for place in _places(_DOCUMENTS) if len(place) > 1]


def _examined(path: Path) -> None:
    try:
        for problem in examine(path):
            assert problem.what
            assert problem.remedy
    except InputError as error:
        assert str(error).startswith(str(path))
        assert "\n" not in str(error)


@_QUICK
@given(place=st.sampled_from(_PLACES), value=_VALUES, remove=st.booleans())
def test_any_value_anywhere(tmp_path: Path, place: tuple[Any, ...], value: Any, remove: bool) -> None:
    documents: Any = copy.deepcopy(_DOCUMENTS)
    parent = documents
    for key in place[:-1]:
        parent = parent[key]
    if remove:
        del parent[place[-1]]
    else:
        parent[place[-1]] = value
    path = tmp_path / "package.yaml"
    path.write_text(yaml.dump_all(documents, Dumper=yaml.CSafeDumper), encoding="utf-8")
    _examined(path)


@_QUICK
@given(data=st.data())
def test_any_damage_to_the_text(tmp_path: Path, data: st.DataObject) -> None:
    text = _KFP_SDK.read_bytes()
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 200)))
    path = tmp_path / "package.yaml"
    path.write_bytes(text[:start] + data.draw(st.binary(max_size=12)) + text[end:])
    _examined(path)


@_QUICK
@given(text=st.text(alphabet=" \n-:{}[]&*!|>'\"%@`#,?ax1.~", max_size=60))
def test_any_text(tmp_path: Path, text: str) -> None:
    path = tmp_path / "package.yaml"
    path.write_text(f"pipelineInfo: {{name: x}}\nroot: {text}", encoding="utf-8")
    _examined(path)


@pytest.mark.parametrize(
    "tag", ["!!bool x", "!!int x", "!!float x", "!!timestamp x", "!!binary x", "!!set {a}", "!!null x"]
)
def test_any_tag(tmp_path: Path, tag: str) -> None:
    path = tmp_path / "package.yaml"
    path.write_text(f"pipelineInfo: {{name: x}}\nroot: {tag}", encoding="utf-8")
    with pytest.raises(InputError, match="not the YAML that Kubeflow reads"):
        examine(path)
