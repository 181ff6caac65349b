"""The version manager with real SavedModels that come, go and are damaged."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2
from tensorflow_serving.config import model_server_config_pb2

from serving.errors import StatusError
from serving.server import codes, loading
from serving.server.metrics import Metrics
from serving.server.servable import Servable, SessionOptions
from serving.server.service import loader
from serving.server.versions import Policy, State, VersionManager
from tests.serving.server.models import save, save_damaged, write_warmup

_DEADLINE_S = 30.0
_NEVER_S = 3600.0


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Factor -> SavedModel."""
    folder = tmp_path_factory.mktemp("saved")
    return {factor: save(folder / str(factor), float(factor), warm_up=True) for factor in (1, 2, 3)}


class Served:
    """A manager, and the folder of its only model, `m`."""

    def __init__(self, base: Path, policy: Policy) -> None:
        self.base = base
        self.log: list[str] = []
        self.manager = VersionManager(loader(SessionOptions(), True, Metrics()), policy, self.log.append)

    def config(self, policy: str = "", **labels: int) -> model_server_config_pb2.ModelServerConfig:
        config = model_server_config_pb2.ModelServerConfig()
        model = config.model_config_list.config.add(
            name="m", base_path=str(self.base), model_platform="tensorflow", version_labels=labels
        )
        if policy == "all":
            model.model_version_policy.all.SetInParent()
        elif policy:
            kind, _, numbers = policy.partition(" ")
            if kind == "latest":
                model.model_version_policy.latest.num_versions = int(numbers)
            else:
                model.model_version_policy.specific.versions.extend(map(int, numbers.split()))
        return config

    def begin(self, policy: str = "", **labels: int) -> None:
        self.manager.start()
        self.manager.wait_until_available(self.manager.apply(self.config(policy, **labels)), _DEADLINE_S)

    def states(self) -> dict[int, str]:
        return {status.version: status.state.name for status in self.manager.statuses("m")}

    def wait_for(self, **states: str) -> None:
        wanted = {int(name[1:]): state for name, state in states.items()}
        _until(lambda: self.states() == wanted, lambda: f"{self.states()}, {self.log}")

    def factor(self, version: int | None = None, label: str | None = None) -> float:
        """Of the model that answers."""
        lease = self.manager.lease("m", version, label)
        try:
            return _factor(lease.loaded)
        finally:
            lease.release()


def _factor(servable: Servable) -> float:
    return float(servable.predict("serving_default", {"x": np.ones((1, 2), np.float32)})["y"][0, 0])


def _until(condition: Callable[[], bool], describe: Callable[[], str]) -> None:
    deadline = time.monotonic() + _DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, describe()
        time.sleep(0.01)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    made: list[Served] = []

    def make_one(max_retries: int = 0, retry_s: float = 0.05, labels_for_unavailable: bool = False) -> Served:
        base = tmp_path / "m"
        base.mkdir(exist_ok=True)
        made.append(Served(base, Policy(0.02, max_retries, retry_s, labels_for_unavailable)))
        return made[-1]

    yield make_one
    for served in made:
        served.manager.stop()


def _add(served: Served, saved: Path, version: int) -> None:
    """As a pusher does it: whole, or not at all."""
    aside = served.base / f".{version}"
    shutil.copytree(saved, aside)
    aside.rename(served.base / str(version))


def test_a_new_version_takes_over_and_the_old_one_goes(make: Callable[..., Served], saved: dict[int, Path]) -> None:
    served = make()
    _add(served, saved[1], 1)
    served.begin()
    assert served.factor() == 1
    _add(served, saved[2], 2)
    served.wait_for(v1="END", v2="AVAILABLE")
    assert served.factor() == 2
    with pytest.raises(StatusError, match=r"Servable not found for request: Specific\(m, 1\)") as raised:
        served.factor(1)
    assert raised.value.code == codes.NOT_FOUND
    shutil.rmtree(served.base / "2")
    served.wait_for(v1="AVAILABLE", v2="END")
    assert served.factor() == 1


def test_what_is_asked_while_the_version_changes_is_always_answered(
    make: Callable[..., Served], saved: dict[int, Path]
) -> None:
    served = make()
    _add(served, saved[1], 1)
    served.begin()
    answers: list[float] = []
    done = threading.Event()

    def ask() -> None:
        while not done.is_set():
            answers.append(served.factor())

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        _add(served, saved[2], 2)
        served.wait_for(v1="END", v2="AVAILABLE")
        time.sleep(0.1)
    finally:
        done.set()
        thread.join()
    assert answers == sorted(answers)
    assert set(answers) == {1, 2}


def test_a_version_that_is_in_use_is_not_unloaded(make: Callable[..., Served], saved: dict[int, Path]) -> None:
    served = make()
    _add(served, saved[1], 1)
    served.begin()
    lease = served.manager.lease("m")
    _add(served, saved[2], 2)
    served.wait_for(v1="UNLOADING", v2="AVAILABLE")
    assert served.factor() == 2
    time.sleep(0.1)
    assert _factor(lease.loaded) == 1
    assert served.states()[1] == "UNLOADING"
    lease.release()
    served.wait_for(v1="END", v2="AVAILABLE")


def test_a_damaged_version_never_takes_the_good_one_away(make: Callable[..., Served], saved: dict[int, Path]) -> None:
    served = make(max_retries=2)
    _add(served, saved[1], 1)
    served.begin()
    save_damaged(served.base / "2")
    served.wait_for(v1="AVAILABLE", v2="END")
    assert served.factor() == 1
    [status] = served.manager.statuses("m", 2)
    assert status.error is not None
    assert sum("version 2 does not load" in line for line in served.log) == 3
    assert "given up" in served.log[-1]
    # Put right under the same number: tried again when the folder has been away for a moment.
    shutil.rmtree(served.base / "2")
    time.sleep(0.2)
    _add(served, saved[2], 2)
    served.wait_for(v1="END", v2="AVAILABLE")
    assert served.factor() == 2
    assert served.manager.statuses("m", 2)[0].error is None


def test_the_next_attempt_waits(make: Callable[..., Served], saved: dict[int, Path]) -> None:
    served = make(max_retries=1, retry_s=_NEVER_S)
    save_damaged(served.base / "2")
    served.manager.apply(served.config())
    served.manager.start()
    _until(lambda: bool(served.log), lambda: "nothing has happened")
    assert served.states() == {2: "LOADING"}
    # A later version does not wait for it.
    _add(served, saved[3], 3)
    served.wait_for(v2="END", v3="AVAILABLE")


@pytest.mark.parametrize("damage", ["variables", "warm-up answer", "warm-up file"])
def test_every_kind_of_damage_is_an_error_of_that_version(
    make: Callable[..., Served], saved: dict[int, Path], damage: str
) -> None:
    served = make()
    _add(served, saved[1], 1)
    served.begin()
    aside = served.base / ".2"
    shutil.copytree(saved[2], aside)
    if damage == "variables":
        for file in (aside / "variables").glob("*.data*"):
            os.truncate(file, 1)
    elif damage == "warm-up answer":
        log = prediction_log_pb2.PredictionLog()
        log.predict_log.request.inputs["x"].CopyFrom(tf.make_tensor_proto([[-1.0, 2.0]]))
        write_warmup(aside, [log])
    else:
        (aside / loading.WARMUP_FILE).write_bytes(b"x" * 100)
    aside.rename(served.base / "2")
    served.wait_for(v1="AVAILABLE", v2="END")
    assert served.manager.statuses("m", 2)[0].error is not None
    assert served.factor() == 1


def test_the_policies_choose_the_versions(make: Callable[..., Served], saved: dict[int, Path]) -> None:
    served = make()
    for version in (1, 2, 3):
        _add(served, saved[version], version)
    (served.base / "withdrawn-4").mkdir()
    (served.base / "5").write_text("no folder")
    (served.base / f"{2**63}").mkdir()
    served.begin()
    served.wait_for(v3="AVAILABLE")
    served.manager.apply(served.config("latest 2"))
    served.wait_for(v2="AVAILABLE", v3="AVAILABLE")
    served.manager.apply(served.config("all"))
    served.wait_for(v1="AVAILABLE", v2="AVAILABLE", v3="AVAILABLE")
    assert served.factor() == 3
    assert served.factor(2) == 2
    served.manager.apply(served.config("specific 1 7"))
    served.wait_for(v1="AVAILABLE", v2="END", v3="END")
    assert served.factor() == 1


def test_labels_name_available_versions(make: Callable[..., Served], saved: dict[int, Path]) -> None:
    served = make()
    for version in (1, 2):
        _add(served, saved[version], version)
    with pytest.raises(StatusError, match="Request to assign label to version 1 of model m, which is not currently"):
        served.manager.apply(served.config("all", stable=1))
    served.begin("all")
    served.wait_for(v1="AVAILABLE", v2="AVAILABLE")
    served.manager.apply(served.config("all", stable=1, canary=2))
    assert (served.factor(label="stable"), served.factor(label="canary")) == (1, 2)
    served.manager.apply(served.config("all", stable=2))
    assert served.factor(label="stable") == 2
    with pytest.raises(StatusError, match="Unrecognized servable version label: canary") as raised:
        served.factor(label="canary")
    assert raised.value.code == codes.INVALID_ARGUMENT
    with pytest.raises(StatusError, match="version 3") as raised:
        served.manager.apply(served.config("all", stable=3))
    assert raised.value.code == codes.FAILED_PRECONDITION
    assert served.factor(label="stable") == 2


def test_labels_may_come_before_the_versions(make: Callable[..., Served], saved: dict[int, Path]) -> None:
    served = make(labels_for_unavailable=True)
    _add(served, saved[1], 1)
    served.begin(stable=1)
    assert served.factor(label="stable") == 1
    # But not be moved away from one that answers.
    with pytest.raises(StatusError, match="not currently available"):
        served.manager.apply(served.config("all", stable=2))


def test_a_folder_that_is_not_there_is_waited_for(make: Callable[..., Served], saved: dict[int, Path]) -> None:
    served = make()
    shutil.rmtree(served.base)
    new = served.manager.apply(served.config())
    served.manager.start()
    with pytest.raises(StatusError, match="Could not find base path") as raised:
        served.manager.wait_until_available(new, 0.2)
    assert raised.value.code == codes.DEADLINE_EXCEEDED
    assert len(served.log) == 1, "it is said once"
    served.base.mkdir()
    _add(served, saved[1], 1)
    served.manager.wait_until_available(new, _DEADLINE_S)
    assert served.factor() == 1
    # Away again, for instance as a network drive is: what is loaded stays.
    served.base.rename(served.base.with_name("away"))
    time.sleep(0.1)
    assert served.factor() == 1


def test_a_model_that_leaves_the_configuration_is_unloaded(make: Callable[..., Served], saved: dict[int, Path]) -> None:
    served = make()
    _add(served, saved[1], 1)
    served.begin()
    other = served.config()
    other.model_config_list.config[0].name = "other"
    assert served.manager.apply(other) == ["other"]
    served.manager.wait_until_available(["other"], _DEADLINE_S)
    served.wait_for(v1="END")
    assert not served.manager.is_configured("m")
    served.manager.apply(served.config())
    served.wait_for(v1="AVAILABLE")


def test_a_first_version_that_does_not_load_is_told(make: Callable[..., Served]) -> None:
    served = make()
    save_damaged(served.base / "7")
    with pytest.raises(StatusError, match=r"1 model\(s\) did not become available: .*name: m version: 7") as raised:
        served.begin()
    assert raised.value.code == codes.UNKNOWN


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"base_path": "relative"}, "absolute path"),
        ({"name": ""}, "without a name"),
        ({"model_platform": "pytorch"}, "no entry for platform pytorch"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused(
    make: Callable[..., Served], change: dict[str, str], message: str
) -> None:
    served = make()
    config = served.config()
    for field, value in change.items():
        setattr(config.model_config_list.config[0], field, value)
    with pytest.raises(StatusError, match=message):
        served.manager.apply(config)
    double = served.config()
    double.model_config_list.config.extend(served.config().model_config_list.config)
    with pytest.raises(StatusError, match="multiple times"):
        served.manager.apply(double)
    with pytest.raises(StatusError, match="Only ModelConfigList"):
        served.manager.apply(model_server_config_pb2.ModelServerConfig())


def test_nothing_is_known_of_other_models(make: Callable[..., Served]) -> None:
    served = make()
    with pytest.raises(StatusError, match="Could not find any versions of model x") as raised:
        served.manager.statuses("x")
    assert raised.value.code == codes.NOT_FOUND
    with pytest.raises(StatusError, match=r"Servable not found for request: Latest\(x\)"):
        served.manager.lease("x")
    with pytest.raises(StatusError, match="no name"):
        served.manager.lease("")


def test_versions_that_come_and_go_leave_no_memory_behind(make: Callable[..., Served], tmp_path: Path) -> None:
    served = make()
    # 4 MB in variables each.
    module = tf.Module()
    module.weights = tf.Variable(tf.random.normal([1000, 1000]))
    module.predict = tf.function(
        lambda x: {"y": x @ module.weights}, input_signature=[tf.TensorSpec([None, 1000], tf.float32, "x")]
    )
    tf.saved_model.save(module, str(tmp_path / "large"), signatures=module.predict)
    _add(served, tmp_path / "large", 1)
    served.begin()

    def change(version: int) -> float:
        (served.base / str(version)).symlink_to(tmp_path / "large")
        _until(lambda: served.states().get(version - 1) == State.END.name, lambda: str(served.log[-3:]))
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6

    sizes = [change(version) for version in range(2, 14)]
    assert sizes[-1] - sizes[2] < 15, "megabytes; 36 in variables alone have come and gone"
