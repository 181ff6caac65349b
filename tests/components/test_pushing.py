"""AtomicPusher and BaselineModel on real folders."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tfx import types
from tfx.types import standard_artifacts
from tfx.utils import io_utils

from components import model_versions
from components.atomic_pusher import executor as pusher
from components.atomic_pusher.component import AtomicPusher
from components.baseline_model import executor as baseline
from components.errors import ExplainedError
from components.model_card.artifact import ModelCard
from tests.components.push_faults.pushing import STATISTICS, contents, files, push, saved_model, versions, whole


def test_pushes_a_blessed_model_under_the_time(tmp_path: Path) -> None:
    before = int(time.time())
    pushed = push(tmp_path, saved_model(tmp_path / "a", "a"))
    [version] = versions(tmp_path / "models")
    assert before <= version <= time.time()
    assert pushed.get_string_custom_property("pushed_destination") == str(tmp_path / "models" / str(version))
    assert files(tmp_path / "models" / str(version)) == whole("a")


def test_a_version_says_what_it_learned_from(tmp_path: Path) -> None:
    push(tmp_path, saved_model(tmp_path / "a", "a"), learned_from="these rows")
    [version] = versions(tmp_path / "models")
    path = tmp_path / "models" / str(version) / model_versions.TRAINING_STATISTICS
    assert path.read_text() == "these rows"


def test_versions_grow_even_within_a_second(tmp_path: Path) -> None:
    for content in "abc":
        push(tmp_path, saved_model(tmp_path / content, content))
    assert contents(tmp_path / "models") == ["a", "b", "c"]


def test_the_same_model_is_not_pushed_twice_but_comes_back_if_removed(tmp_path: Path) -> None:
    model = saved_model(tmp_path / "a", "a")
    first = push(tmp_path, model)
    again = push(tmp_path, model)
    assert again.get_int_custom_property(pusher.UNCHANGED_PROPERTY) == 1
    assert again.get_string_custom_property("pushed_version") == first.get_string_custom_property("pushed_version")
    io_utils.delete_dir(str(tmp_path / "models"))
    assert push(tmp_path, model).get_int_custom_property(pusher.UNCHANGED_PROPERTY) == 0
    assert contents(tmp_path / "models") == ["a"]


def test_an_unblessed_model_is_not_pushed(tmp_path: Path) -> None:
    pushed = push(tmp_path, saved_model(tmp_path / "a", "a"), blessed=0)
    assert pushed.get_int_custom_property("pushed") == 0
    assert not (tmp_path / "models").exists()


def test_a_push_that_fails_half_way_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    push(tmp_path, saved_model(tmp_path / "a", "a"))
    before = list((tmp_path / "models").iterdir())

    def disk_full(source: str, destination: str) -> None:
        Path(destination).mkdir(parents=True)
        (Path(destination) / "saved_model.pb").write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pusher.io_utils, "copy_dir", disk_full)
    with pytest.raises(ExplainedError, match=r"models: the disk is full, .*; free some space there"):
        push(tmp_path, saved_model(tmp_path / "b", "b"))
    assert list((tmp_path / "models").iterdir()) == before


def test_keeps_the_newest_versions(tmp_path: Path) -> None:
    for content in "abcd":
        push(tmp_path, saved_model(tmp_path / content, content))
    push(tmp_path, saved_model(tmp_path / "e", "e"), keep_versions=2)
    assert contents(tmp_path / "models") == ["d", "e"]
    push(tmp_path, saved_model(tmp_path / "f", "f"), keep_versions=1)
    assert contents(tmp_path / "models") == ["f"]
    assert not [path for path in (tmp_path / "models").iterdir() if path.name.startswith(".removing")]


def test_keeping_no_version_is_refused() -> None:
    channel = types.Channel(type=standard_artifacts.Model)
    with pytest.raises(ValueError, match="keep_versions is 0"):
        AtomicPusher(channel, channel, channel, "base", "run", keep_versions=0)


def model_card(folder: Path, commit: str) -> ModelCard:
    folder.mkdir()
    card = ModelCard()
    card.uri = str(folder)
    (folder / "model_card.json").write_text(commit)
    (folder / "model_card.html").write_text(f"<p>{commit}")
    return card


def test_the_card_lies_beside_the_model_and_makes_it_no_other(tmp_path: Path) -> None:
    model = saved_model(tmp_path / "a", "a")
    push(tmp_path, model, model_card=model_card(tmp_path / "card", "commit 1"))
    [version] = versions(tmp_path / "models")
    card = {"assets.extra/model_card.json": "commit 1", "assets.extra/model_card.html": "<p>commit 1"}
    assert files(tmp_path / "models" / str(version)) == whole("a") | card
    again = push(tmp_path, model, model_card=model_card(tmp_path / "card 2", "commit 2"))
    assert again.get_int_custom_property(pusher.UNCHANGED_PROPERTY) == 1
    assert push(tmp_path, model, learned_from="others").get_int_custom_property(pusher.UNCHANGED_PROPERTY) == 0


def infra_blessing(folder: Path, blessed: int, has_model: int) -> standard_artifacts.InfraBlessing:
    blessing = standard_artifacts.InfraBlessing()
    blessing.uri = str(folder)
    blessing.set_int_custom_property("blessed", blessed)
    blessing.set_int_custom_property("has_model", has_model)
    if has_model:
        (folder / "stamped_model").mkdir(parents=True)
        (folder / "stamped_model" / "saved_model.pb").write_text("with warm-up")
    return blessing


def test_the_infra_validator_s_model_is_pushed_where_there_is_one(tmp_path: Path) -> None:
    model = saved_model(tmp_path / "a", "a")
    push(tmp_path, model, infra_blessing=infra_blessing(tmp_path / "without", blessed=1, has_model=0))
    assert contents(tmp_path / "models") == ["a"]
    push(tmp_path, model, infra_blessing=infra_blessing(tmp_path / "with", blessed=1, has_model=1))
    newest = tmp_path / "models" / str(versions(tmp_path / "models")[-1])
    assert files(newest) == {"saved_model.pb": "with warm-up", model_versions.TRAINING_STATISTICS: STATISTICS}


def test_a_model_that_cannot_be_served_is_not_pushed(tmp_path: Path) -> None:
    blessing = infra_blessing(tmp_path / "infra", blessed=0, has_model=1)
    pushed = push(tmp_path, saved_model(tmp_path / "a", "a"), infra_blessing=blessing)
    assert pushed.get_int_custom_property("pushed") == 0
    assert not (tmp_path / "models").exists()


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


def withdraw(base: Path, record: str | None) -> Path:
    newest = versions(base)[-1]
    folder = (base / str(newest)).rename(base / f".withdrawn-{newest}")
    if record:
        (folder / "withdrawn.json").write_text(record)
    return folder


@pytest.mark.parametrize(
    ("record", "by_whom"), [('{"who": "Ada", "why": "all Happy"}', " by Ada (all Happy)"), (None, "")]
)
def test_a_withdrawn_model_is_not_pushed_again(tmp_path: Path, record: str | None, by_whom: str) -> None:
    base = tmp_path / "models"
    good, bad = saved_model(tmp_path / "good", "good"), saved_model(tmp_path / "bad", "bad")
    push(tmp_path, good)
    push(tmp_path, bad)
    folder = withdraw(base, record)
    number = folder.name.removeprefix(".withdrawn-")
    pushed = push(tmp_path, bad)
    assert pushed.get_int_custom_property("pushed") == 0
    assert pushed.get_string_custom_property(pusher.NOT_PUSHED_BECAUSE_PROPERTY) == (
        f"the same model was withdrawn as version {number}{by_whom}; to allow it again, delete {folder}"
    )
    assert contents(base) == ["good"]
    [model] = find_baseline(tmp_path)
    assert Path(model.uri, "Format-Serving", "saved_model.pb").read_text() == "good"
    push(tmp_path, saved_model(tmp_path / "better", "better"))
    assert versions(base)[-1] > int(number)


def test_versions_grow_past_a_withdrawn_one_from_the_future(tmp_path: Path) -> None:
    (tmp_path / "models" / ".withdrawn-99999999999").mkdir(parents=True)
    push(tmp_path, saved_model(tmp_path / "a", "a"))
    assert versions(tmp_path / "models") == [100000000000]
