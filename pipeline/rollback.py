"""Withdraws the newest version of a model, so that the one before it is served again.

Free of TensorFlow and TFX: whoever needs this is in a hurry.
"""

from __future__ import annotations

import dataclasses
import getpass
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, TextIO

from ml_metadata import MetadataStore
from ml_metadata.proto import metadata_store_pb2 as mlmd

from components.atomic_pusher.layout import WITHDRAWAL_FILE, WITHDRAWN_PREFIX, numbers
from components.atomic_pusher.local_disk import exclusive, sync
from components.errors import InputError
from pipeline.workspace import Workspace

EXECUTION_TYPE = "Rollback"


@dataclasses.dataclass(frozen=True)
class Rollback:
    """What is written down about a rollback; `when` is UTC, as in 2030-01-31T12:00:00Z."""

    model_name: str
    from_version: int
    to_version: int
    who: str
    why: str
    when: str


def roll_back(workspace: Workspace, model_name: str, why: str, who: str | None, terminal: TextIO) -> None:
    """Withdraws the newest version and says so.

    A rollback of the same version that was killed half-way is finished instead.

    Args:
      workspace: with models/ and the metadata.
      model_name: folder below models/.
      why: for the record.
      who: for the record; None for the login name.
      terminal: to print to.

    Raises:
      InputError: there is no such model or no version before its newest one, or nobody and no reason is named.
    """
    who, why = (_login_name() if who is None else who).strip(), why.strip()
    if not why or not who:
        raise InputError(f"{'--who' if why else '--why'} is empty; it is for those who ask later.")
    models = sorted(path.name for path in workspace.models.iterdir() if path.is_dir())
    if model_name not in models:
        raise InputError(f"{workspace.models}: no model {model_name}; there are {', '.join(models) or 'none yet'}.")
    base = workspace.models / model_name
    with exclusive(str(base)):
        records = _Records(workspace.metadata_file, model_name)
        rollback = _finish_interrupted(records, base) or _withdraw(records, base, model_name, why, who)
    terminal.write(
        f"{model_name}: version {rollback.from_version} is withdrawn, {rollback.to_version} is the newest again "
        f"({rollback.who}: {rollback.why}).\n"
        f"The same model is not pushed again, unless {_withdrawn(base, rollback.from_version)} is deleted.\n"
    )


def _withdraw(records: _Records, base: Path, model_name: str, why: str, who: str) -> Rollback:
    versions = _versions(base)
    if len(versions) < 2:
        raise InputError(
            f"{base}: there is no version before {versions[0] if versions else 'the first'} to go back to."
        )
    when = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    rollback = Rollback(model_name, versions[-1], versions[-2], who, why, when)
    # The metadata first: of whatever is withdrawn, it is known by whom and why, and what was begun can be finished.
    execution = records.begin(rollback)
    (base / str(rollback.from_version)).rename(_withdrawn(base, rollback.from_version))
    sync(str(base))
    _finish(records, execution, rollback, base)
    return rollback


def _finish_interrupted(records: _Records, base: Path) -> Rollback | None:
    """Finishes what killed rollbacks have begun; gives the one that this call may be the repetition of."""
    repeated = None
    for execution, rollback in records.begun():
        if not _withdrawn(base, rollback.from_version).is_dir():
            records.end(execution, mlmd.Execution.CANCELED)
            continue
        _finish(records, execution, rollback, base)
        # Of a version that came later, the caller wants to get rid as well.
        if _versions(base)[-1:] == [rollback.to_version]:
            repeated = rollback
    return repeated


def _finish(records: _Records, execution: mlmd.Execution, rollback: Rollback, base: Path) -> None:
    folder = _withdrawn(base, rollback.from_version)
    # Written outside: a half file inside would make the model another one to AtomicPusher.
    aside = base / f".{WITHDRAWAL_FILE}"
    aside.write_text(json.dumps(dataclasses.asdict(rollback), indent=2) + "\n", encoding="utf-8")
    sync(str(aside))
    aside.rename(folder / WITHDRAWAL_FILE)
    sync(str(folder))
    records.end(execution, mlmd.Execution.COMPLETE)


class _Records:
    """The rollbacks of one model in ML Metadata, as executions: RUNNING until all is done."""

    def __init__(self, metadata_file: Path, model_name: str) -> None:
        connection = mlmd.ConnectionConfig()
        connection.sqlite.filename_uri = str(metadata_file)
        connection.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
        self._store = MetadataStore(connection)
        self._model_name = model_name

    def begin(self, rollback: Rollback) -> mlmd.Execution:
        """Writes the rollback down, with the artifact of the push that it takes back."""
        values = dataclasses.asdict(rollback)
        execution_type = mlmd.ExecutionType(name=EXECUTION_TYPE)
        for name, value in values.items():
            execution_type.properties[name] = mlmd.INT if isinstance(value, int) else mlmd.STRING
        execution = mlmd.Execution(
            type_id=self._store.put_execution_type(execution_type), last_known_state=mlmd.Execution.RUNNING
        )
        for name, value in values.items():
            setattr(execution.properties[name], "int_value" if isinstance(value, int) else "string_value", value)
        event = mlmd.Event(type=mlmd.Event.INPUT)
        event.path.steps.add().key = "pushed_model"
        pushes = [(push, event) for push in self._pushes(rollback.from_version)]
        execution_id, _, _ = self._store.put_execution(execution, pushes[:1], [])
        [stored] = self._store.get_executions_by_id([execution_id])
        return stored

    def begun(self) -> list[tuple[mlmd.Execution, Rollback]]:
        """The rollbacks that have not ended."""
        found = []
        for execution in self._store.get_executions_by_type(EXECUTION_TYPE):
            values: dict[str, Any] = {
                name: value.int_value if value.HasField("int_value") else value.string_value
                for name, value in execution.properties.items()
            }
            rollback = Rollback(**values)
            if execution.last_known_state == mlmd.Execution.RUNNING and rollback.model_name == self._model_name:
                found.append((execution, rollback))
        return found

    def end(self, execution: mlmd.Execution, state: mlmd.Execution.State) -> None:
        """Writes down that a rollback is over."""
        execution.last_known_state = state
        self._store.put_executions([execution])

    def _pushes(self, version: int) -> list[mlmd.Artifact]:
        """The PushedModels of a version, first the one that it came with; later runs have only found it there."""

        def destination(artifact: mlmd.Artifact) -> tuple[str, ...]:
            # Its end only: the workspace may have been moved.
            return Path(artifact.custom_properties["pushed_destination"].string_value).parts[-2:]

        artifacts = self._store.get_artifacts_by_type("PushedModel")
        found = [artifact for artifact in artifacts if destination(artifact) == (self._model_name, str(version))]
        return sorted(found, key=lambda artifact: artifact.id)


def _versions(base: Path) -> list[int]:
    return numbers(path.name for path in base.iterdir())


def _withdrawn(base: Path, version: int) -> Path:
    return base / f"{WITHDRAWN_PREFIX}{version}"


def _login_name() -> str:
    try:
        return getpass.getuser()
    except KeyError:
        raise InputError("this user has no login name; name yourself with --who.") from None
