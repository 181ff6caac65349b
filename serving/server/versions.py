"""Keeps the versions loaded that the configuration asks for, out of those in the models' folders."""

from __future__ import annotations

import dataclasses
import enum
import os
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from tensorflow_serving.apis import get_model_status_pb2
from tensorflow_serving.config import model_server_config_pb2

from serving.errors import StatusError
from serving.server import codes

_TENSORFLOW = "tensorflow"
# Numbers of versions are int64; folders with larger ones are ignored, as by TensorFlow Serving.
_TOO_LARGE = 2**63
_Proto = get_model_status_pb2.ModelVersionStatus


class State(enum.IntEnum):
    """Of a version; the numbers are GetModelStatus's."""

    START = _Proto.START
    LOADING = _Proto.LOADING
    AVAILABLE = _Proto.AVAILABLE
    UNLOADING = _Proto.UNLOADING
    END = _Proto.END


class Closable(Protocol):
    """What can be loaded."""

    def close(self) -> None:
        """Frees it."""


Loaded = TypeVar("Loaded", bound=Closable)


@dataclasses.dataclass(frozen=True)
class VersionStatus:
    """What GetModelStatus says about a version."""

    version: int
    state: State
    error: StatusError | None


@dataclasses.dataclass(frozen=True)
class Policy:
    """How the versions are kept.

    Attributes:
      poll_s: seconds between looks into the models' folders; 0: only when the configuration changes.
      max_retries: further attempts to load a version.
      retry_s: seconds between them.
      labels_for_unavailable: whether a new label may name a version that is not available yet.
    """

    poll_s: float = 1.0
    max_retries: int = 5
    retry_s: float = 60.0
    labels_for_unavailable: bool = False


class _Version(Generic[Loaded]):
    """A version that has been asked for; kept when it is gone, for GetModelStatus."""

    def __init__(self, number: int, path: Path) -> None:
        self.number = number
        self.path = path
        self.state = State.START
        self.error: StatusError | None = None
        self.loaded: Loaded | None = None
        self.leases = 0
        self.attempts = 0
        self.next_attempt = 0.0
        # Whether it may be tried anew although it could not be loaded: its folder has been away.
        self.was_away = False


class _Model(Generic[Loaded]):
    """A model that is configured, or has been."""

    def __init__(self) -> None:
        self.config: model_server_config_pb2.ModelConfig | None = None
        self.labels: dict[str, int] = {}
        self.versions: dict[int, _Version[Loaded]] = {}
        # What was said last about its folder, so that it is said once.
        self.complaint: str | None = None


class Lease(Generic[Loaded]):
    """The right to use a loaded version, until it is released.

    Attributes:
      version: its number.
      loaded: what has been loaded.
    """

    def __init__(self, version: int, loaded: Loaded, release: Callable[[], None]) -> None:
        self.version = version
        self.loaded = loaded
        self.release = release


class VersionManager(Generic[Loaded]):
    """Loads and unloads in a thread of its own; everybody else may ask at any time."""

    def __init__(self, load: Callable[[str, Path], Loaded], policy: Policy, log: Callable[[str], None]) -> None:
        """Nothing happens before `apply` and `start`.

        Args:
          load: (model name, folder of a version) -> what is then leased; raises StatusError where it cannot be loaded.
          policy: how the versions are kept.
          log: told of all that happens, a line each.
        """
        self._load = load
        self._policy = policy
        self._log = log
        self._models: dict[str, _Model[Loaded]] = {}
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._manage, name="versions", daemon=True)

    def start(self) -> None:
        """Begins to load."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread; what is loaded stays so."""
        with self._lock:
            self._stopping = True
            self._changed.notify_all()
        self._wake.set()

    def apply(self, config: model_server_config_pb2.ModelServerConfig) -> list[str]:
        """Takes a new configuration for the old one; the versions follow in a while.

        Returns:
          The models that are new.

        Raises:
          StatusError: it cannot be taken, the old one stays.
        """
        if config.WhichOneof("config") != "model_config_list":
            raise StatusError(
                codes.INVALID_ARGUMENT,
                "ServerModelConfig type not supported by HandleReloadConfigRequest. Only ModelConfigList is currently "
                "supported",
            )
        configs = list(config.model_config_list.config)
        _check(configs)
        with self._lock:
            labels = {model.name: self._checked_labels(model) for model in configs}
            new = [model.name for model in configs if not self._is_configured(model.name)]
            for model in self._models.values():
                model.config = None
                model.labels = {}
            for model_config in configs:
                model = self._models.setdefault(model_config.name, _Model())
                model.config = model_config
                model.labels = labels[model_config.name]
        self._wake.set()
        return new

    def have_settled(self, names: Iterable[str]) -> bool:
        """Whether `wait_until_available` would not have to wait."""
        with self._lock:
            return all(map(self._has_settled, names))

    def wait_until_available(self, names: Iterable[str], timeout_s: float | None = None) -> None:
        """Returns when each model has an available version, or `stop` is called.

        Args:
          names: of the models.
          timeout_s: for all of them; None for as long as it takes.

        Raises:
          StatusError: one cannot be loaded (UNKNOWN), or it has taken too long (DEADLINE_EXCEEDED).
        """
        names = list(names)
        with self._lock:
            ready = self._changed.wait_for(
                lambda: self._stopping or all(map(self._has_settled, names)), timeout=timeout_s
            )
            if self._stopping:
                return
            failed = [name for name in names if not self._available(name)]
            reasons = "".join(f"{{{self._reasons(name)}}}, " for name in failed)
        if not ready:
            raise StatusError(codes.DEADLINE_EXCEEDED, f"Model(s) did not become available in time: {{{reasons}}}")
        if failed:
            raise StatusError(codes.UNKNOWN, f"{len(failed)} model(s) did not become available: {{{reasons}}}")

    def is_configured(self, name: str) -> bool:
        """Whether the configuration has the model."""
        with self._lock:
            return self._is_configured(name)

    def lease(self, name: str, version: int | None = None, label: str | None = None) -> Lease[Loaded]:
        """An available version, which stays loaded until the lease is released.

        Args:
          name: of the model.
          version: its number; None for the highest that is available.
          label: of the version; instead of its number.

        Raises:
          StatusError: there is none.
        """
        if not name:
            raise StatusError(codes.INVALID_ARGUMENT, "ModelSpec has no name specified.")
        with self._lock:
            if label is not None:
                version = self._labelled(name, label)
            available = self._available(name)
            found = max(available, default=None) if version is None else version
            if found is None or found not in available:
                wanted = f"Latest({name})" if version is None else f"Specific({name}, {version})"
                raise StatusError(codes.NOT_FOUND, f"Servable not found for request: {wanted}")
            chosen = available[found]
            chosen.leases += 1
            assert chosen.loaded is not None, "it is available"
            return Lease(found, chosen.loaded, lambda: self._release(chosen))

    def statuses(self, name: str, version: int | None = None, label: str | None = None) -> list[VersionStatus]:
        """What is known about a model's versions, highest first; those that are gone included.

        Args:
          name: of the model.
          version: only this one.
          label: only the one with this label.

        Raises:
          StatusError: there is nothing.
        """
        with self._lock:
            if label is not None:
                version = self._labelled(name, label)
            model = self._models.get(name)
            versions = {} if model is None else model.versions
            found = sorted(versions.values(), key=lambda known: -known.number)
            if version is not None:
                found = [known for known in found if known.number == version]
                if not found:
                    raise StatusError(codes.NOT_FOUND, f"Could not find version {version} of model {name}")
            if not found:
                raise StatusError(codes.NOT_FOUND, f"Could not find any versions of model {name}")
            return [VersionStatus(known.number, known.state, known.error) for known in found]

    def _is_configured(self, name: str) -> bool:
        return name in self._models and self._models[name].config is not None

    def _available(self, name: str) -> dict[int, _Version[Loaded]]:
        if name not in self._models:
            return {}
        versions = self._models[name].versions
        return {number: version for number, version in versions.items() if version.state == State.AVAILABLE}

    def _labelled(self, name: str, label: str) -> int:
        labels = self._models[name].labels if name in self._models else {}
        if label not in labels:
            raise StatusError(codes.INVALID_ARGUMENT, f"Unrecognized servable version label: {label}")
        return labels[label]

    def _checked_labels(self, config: model_server_config_pb2.ModelConfig) -> dict[str, int]:
        model = self._models.get(config.name)
        before = model.labels if model is not None else {}
        available = self._available(config.name)
        for label, version in config.version_labels.items():
            may_wait = self._policy.labels_for_unavailable and before.get(label, version) == version
            if version not in available and not may_wait:
                raise StatusError(
                    codes.FAILED_PRECONDITION,
                    f"Request to assign label to version {version} of model {config.name}, which is not currently "
                    f"available for inference",
                )
        return dict(config.version_labels)

    def _has_settled(self, name: str) -> bool:
        """Whether the model is available, or will not be so."""
        model = self._models.get(name)
        if model is None or model.config is None:
            return True
        states = [version.state for version in model.versions.values()]
        return State.AVAILABLE in states or (
            any(version.error for version in model.versions.values()) and all(state == State.END for state in states)
        )

    def _reasons(self, name: str) -> str:
        model = self._models.get(name)
        errors = [] if model is None else [version for version in model.versions.values() if version.error is not None]
        if not errors:
            return f"{{name: {name}}} due to error: {(model and model.complaint) or 'it is not configured any more'}"
        return ", ".join(
            f"{{name: {name} version: {version.number}}} due to error: "
            f"{codes.name(version.error.code)}: {version.error.message}"
            for version in errors
            if version.error is not None
        )

    def _release(self, version: _Version[Loaded]) -> None:
        with self._lock:
            version.leases -= 1
            drained = version.state == State.UNLOADING and version.leases == 0
        if drained:
            self._wake.set()

    def _manage(self) -> None:
        while not self._stopping:
            self._wake.clear()
            for name in list(self._models):
                self._follow(name)
            self._wake.wait(self._pause_s())

    def _pause_s(self) -> float | None:
        """Seconds until something is to be done without anybody asking for it."""
        now = time.monotonic()
        with self._lock:
            attempts = [
                max(version.next_attempt - now, 0.01)
                for model in self._models.values()
                for version in model.versions.values()
                if version.state == State.LOADING
            ]
        return min([*attempts, *([self._policy.poll_s] if self._policy.poll_s else [])], default=None)

    def _follow(self, name: str) -> None:
        """Brings one model nearer to what its configuration asks for."""
        with self._lock:
            model = self._models[name]
            config = model.config
        wanted = {} if config is None else self._wanted(model, config)
        if wanted is not None:
            self._set_wanted(name, model, wanted)
        else:
            wanted = {number: version.path for number, version in model.versions.items() if _is_live(version)}
        # The newest first: it is what most requests are for.
        for number in sorted(wanted, reverse=True):
            version = model.versions[number]
            if version.state in (State.START, State.LOADING) and version.next_attempt <= time.monotonic():
                self._attempt(name, version)
        self._unload(name, model, wanted)

    def _wanted(self, model: _Model[Loaded], config: model_server_config_pb2.ModelConfig) -> dict[int, Path] | None:
        """Number -> folder of the versions that should be available; None where the folder cannot be looked into."""
        try:
            with os.scandir(config.base_path) as entries:
                found = {
                    int(entry.name): Path(entry.path)
                    for entry in entries
                    if entry.name.isascii()
                    and entry.name.isdecimal()
                    and int(entry.name) < _TOO_LARGE
                    and entry.is_dir()
                }
        except OSError as error:
            self._complain(
                model, f"Could not find base path {config.base_path} for servable {config.name}: {error.strerror}"
            )
            return None
        chosen = _choose(found, config.model_version_policy)
        if not chosen:
            self._complain(model, f"No versions of servable {config.name} found under base path {config.base_path}")
            return chosen
        model.complaint = None
        return chosen

    def _complain(self, model: _Model[Loaded], complaint: str) -> None:
        if model.complaint != complaint:
            model.complaint = complaint
            self._log(complaint)

    def _set_wanted(self, name: str, model: _Model[Loaded], wanted: dict[int, Path]) -> None:
        with self._lock:
            for number, path in wanted.items():
                known = model.versions.get(number)
                if known is None or (known.state == State.END and (known.error is None or known.was_away)):
                    model.versions[number] = _Version(number, path)
            for number, version in model.versions.items():
                if number in wanted:
                    continue
                version.was_away = True
                if version.state in (State.START, State.LOADING):
                    version.state = State.END
            self._changed.notify_all()

    def _attempt(self, name: str, version: _Version[Loaded]) -> None:
        with self._lock:
            version.state = State.LOADING
        started = time.monotonic()
        try:
            loaded = self._load(name, version.path)
        except StatusError as error:
            self._failed(name, version, error)
            return
        except Exception as error:  # whatever it is, the other models must go on
            self._failed(name, version, StatusError(codes.INTERNAL, f"{type(error).__name__}: {error}"))
            return
        with self._lock:
            version.loaded, version.error, version.state = loaded, None, State.AVAILABLE
            self._changed.notify_all()
        self._log(f"{name}: version {version.number} loaded, {time.monotonic() - started:.1f} s")

    def _failed(self, name: str, version: _Version[Loaded], error: StatusError) -> None:
        first_line = error.message.partition("\n")[0]
        text = f"{name}: version {version.number} does not load: {codes.name(error.code)}: {first_line}"
        with self._lock:
            version.attempts += 1
            version.error = error
            if version.attempts > self._policy.max_retries:
                version.state = State.END
                text += "; given up"
            else:
                version.next_attempt = time.monotonic() + self._policy.retry_s
                text += f"; next attempt in {self._policy.retry_s:g} s"
            self._changed.notify_all()
        self._log(text)

    def _unload(self, name: str, model: _Model[Loaded], wanted: dict[int, Path]) -> None:
        """Unloads what is not wanted, as soon as something that is wanted can answer instead."""
        with self._lock:
            available = self._available(name)
            can_answer = not wanted or any(number in available for number in wanted)
            for number, version in available.items():
                if number not in wanted and can_answer:
                    version.state = State.UNLOADING
            drained = [
                version
                for version in model.versions.values()
                if version.state == State.UNLOADING and not version.leases
            ]
        for version in drained:
            loaded, version.loaded = version.loaded, None
            assert loaded is not None, "it was available"
            loaded.close()
            del loaded
            with self._lock:
                version.state = State.END
                self._changed.notify_all()
            self._log(f"{name}: version {version.number} unloaded")


def _is_live(version: _Version[Loaded]) -> bool:
    return version.state in (State.START, State.LOADING, State.AVAILABLE) or version.error is not None


def _check(configs: list[model_server_config_pb2.ModelConfig]) -> None:
    seen = set()
    for config in configs:
        if config.name in seen:
            raise StatusError(
                codes.INVALID_ARGUMENT, f"Illegal to list model {config.name} multiple times in config list"
            )
        seen.add(config.name)
        if not config.name:
            raise StatusError(codes.INVALID_ARGUMENT, "Illegal to list a model without a name in config list")
        if not config.base_path.startswith("/"):
            raise StatusError(
                codes.INVALID_ARGUMENT,
                f"Expected model {config.name} to have an absolute path or URI; got base_path()={config.base_path}",
            )
        is_tensorflow = config.model_platform == _TENSORFLOW or config.model_type == model_server_config_pb2.TENSORFLOW
        if not is_tensorflow:
            raise StatusError(
                codes.FAILED_PRECONDITION, f"PlatformConfigMap has no entry for platform {config.model_platform}"
            )


def _choose(found: dict[int, Path], policy: Any) -> dict[int, Path]:
    kind = policy.WhichOneof("policy_choice")
    if kind == "all":
        return found
    if kind == "specific":
        return {number: found[number] for number in policy.specific.versions if number in found}
    count = policy.latest.num_versions or 1
    return {number: found[number] for number in sorted(found)[-count:]}
