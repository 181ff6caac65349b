"""AtomicPusher and BaselineModel on real folders."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tfx.types import standard_artifacts
from tfx.utils import io_utils

from components import model_versions
from components.atomic_pusher import executor as pusher
from components.baseline_model import executor as baseline


def saved_model(folder: Path, content: str) -> standard_artifacts.Model:
    serving = folder / "Format-Serving"
    (serving / "variables").mkdir(parents=True)
    (serving / "saved_model.pb").write_text(content)
    (serving / "variables" / "variables.index").write_text("index")
    model = standard_artifacts.Model()
    model.uri = str(folder)
    return model


def push(
    tmp_path: Path, model: standard_artifacts.Model, blessed: int = 1, learned_from: str = "statistics"
) -> standard_artifacts.PushedModel:
    blessing, pushed = standard_artifacts.ModelBlessing(), standard_artifacts.PushedModel()
    statistics = standard_artifacts.ExampleStatistics()
    statistics.uri, statistics.split_names = str(tmp_path / "statistics"), '["train"]'
    (tmp_path / "statistics" / "Split-train").mkdir(parents=True, exist_ok=True)
    (tmp_path / "statistics" / "Split-train" / "FeatureStats.pb").write_text(learned_from)
    blessing.set_int_custom_property("blessed", blessed)
    blessing.uri = str(tmp_path / "blessing")
    pusher.Executor().Do(
        {"model": [model], "model_blessing": [blessing], "statistics": [statistics]},
        {"pushed_model": [pushed]},
        {"model_base_path": str(tmp_path / "models"), "run_id": "1"},
    )
    return pushed


def versions(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "models").iterdir())


def test_pushes_a_blessed_model_under_the_time(tmp_path: Path) -> None:
    before = int(time.time())
    pushed = push(tmp_path, saved_model(tmp_path / "a", "a"))
    [version] = versions(tmp_path)
    assert before <= int(version) <= time.time()
    assert pushed.get_string_custom_property("pushed_destination") == str(tmp_path / "models" / version)
    assert (tmp_path / "models" / version / "variables" / "variables.index").read_text() == "index"


def test_a_version_says_what_it_learned_from(tmp_path: Path) -> None:
    push(tmp_path, saved_model(tmp_path / "a", "a"), learned_from="these rows")
    [version] = versions(tmp_path)
    path = tmp_path / "models" / version / model_versions.TRAINING_STATISTICS
    assert path.read_text() == "these rows"


def test_versions_grow_even_within_a_second(tmp_path: Path) -> None:
    for content in "abc":
        push(tmp_path, saved_model(tmp_path / content, content))
    found = versions(tmp_path)
    assert len(found) == 3
    newest = model_versions.latest_version(str(tmp_path / "models"))
    assert (tmp_path / "models" / str(newest) / "saved_model.pb").read_text() == "c"


def test_the_same_model_is_not_pushed_twice_but_comes_back_if_removed(tmp_path: Path) -> None:
    model = saved_model(tmp_path / "a", "a")
    first = push(tmp_path, model)
    again = push(tmp_path, model)
    assert again.get_int_custom_property(pusher.UNCHANGED_PROPERTY) == 1
    assert again.get_string_custom_property("pushed_version") == first.get_string_custom_property("pushed_version")
    io_utils.delete_dir(str(tmp_path / "models"))
    assert push(tmp_path, model).get_int_custom_property(pusher.UNCHANGED_PROPERTY) == 0
    assert len(versions(tmp_path)) == 1


def test_an_unblessed_model_is_not_pushed(tmp_path: Path) -> None:
    pushed = push(tmp_path, saved_model(tmp_path / "a", "a"), blessed=0)
    assert pushed.get_int_custom_property("pushed") == 0
    assert not (tmp_path / "models").exists()


def test_a_push_that_fails_half_way_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    push(tmp_path, saved_model(tmp_path / "a", "a"))
    before = versions(tmp_path)

    def disk_full(source: str, destination: str) -> None:
        Path(destination).mkdir(parents=True)
        (Path(destination) / "saved_model.pb").write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pusher.io_utils, "copy_dir", disk_full)
    with pytest.raises(OSError, match="No space left"):
        push(tmp_path, saved_model(tmp_path / "b", "b"))
    assert versions(tmp_path) == before


def find_baseline(tmp_path: Path) -> list[standard_artifacts.Model]:
    model = standard_artifacts.Model()
    model.uri = str(tmp_path / "baseline")
    outputs = {"baseline": [model]}
    baseline.Executor().Do({"candidate": []}, outputs, {"model_base_path": str(tmp_path / "models")})
    return outputs["baseline"]


def test_no_baseline_before_the_first_push(tmp_path: Path) -> None:
    assert find_baseline(tmp_path) == []


def test_baseline_is_a_copy_of_the_newest_version(tmp_path: Path) -> None:
    for content in "ab":
        push(tmp_path, saved_model(tmp_path / content, content))
    (tmp_path / "models" / ".pushing-left-behind").mkdir()
    [model] = find_baseline(tmp_path)
    assert model.get_int_custom_property("version") == model_versions.latest_version(str(tmp_path / "models"))
    assert Path(model.uri, "Format-Serving", "saved_model.pb").read_text() == "b"


def test_digest_sees_names_and_contents(tmp_path: Path) -> None:
    digests = set()
    for name, content in (("a", "xy"), ("a", "xz"), ("b", "xy")):
        folder = tmp_path / f"{name}{content}"
        folder.mkdir()
        (folder / name).write_text(content)
        digests.add(model_versions.content_digest(str(folder)))
    assert len(digests) == 3
