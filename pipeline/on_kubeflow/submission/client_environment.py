"""The environment of Kubeflow's current client.

It needs protobuf 6 where TFX 1.16 needs protobuf 3, so the two never share one. It is made when it is first needed,
in the user's cache folder, and anew when its lock changes.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TextIO

from components.errors import ExplainedError, InputError
from pipeline.terminal import new_console

LOCK = Path(__file__).resolve().parents[3] / "constraints" / "kfp-client.txt"


def client_python(terminal: TextIO, lock: Path = LOCK) -> Path:
    """The Python of the client's environment, which is made where it is missing.

    Args:
      terminal: is told that it takes a while.
      lock: name==version lines.

    Raises:
      InputError: the cache folder cannot be written.
      ExplainedError: the packages cannot be installed.
    """
    try:
        content = lock.read_bytes()
    except OSError as error:
        raise ExplainedError(
            f"{lock}: cannot be read ({error.strerror}); it lists what Kubeflow's client needs. "
            "Take the whole checkout (the image needs the folder constraints/)."
        ) from None
    identity = content + f"{platform.python_version()} {platform.machine()}".encode()
    folder = _cache() / f"kfp-client-{hashlib.sha256(identity).hexdigest()[:12]}"
    python = folder / "bin" / "python"
    if python.exists():
        return python
    with _one_at_a_time(folder, terminal) as guard:
        if not python.exists():
            _make(folder, lock, guard, terminal)
    return python


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "emotion-ai"


@contextmanager
def _one_at_a_time(folder: Path, terminal: TextIO) -> Iterator[int]:
    """Within the context no other process makes the folder.

    Yields:
      A file descriptor. The system lets the next one in when the last process that holds it has ended.
    """
    guard = folder.with_name(f"{folder.name}.guard")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        handle = guard.open("w")
    except OSError as error:
        raise InputError(
            f"{folder.parent}: cannot be written ({error.strerror}); Kubeflow's client is kept there. "
            "Name another folder with XDG_CACHE_HOME."
        ) from None
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            terminal.write("Another process installs Kubeflow's client; waiting for it ...\n")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle.fileno()


def _make(folder: Path, lock: Path, guard: int, terminal: TextIO) -> None:
    started = time.monotonic()
    terminal.write(f"Installing Kubeflow's client into {folder}, once ...\n")
    log = folder.with_name(f"{folder.name}.log")
    aside = folder.with_name(f"{folder.name}.making")
    # An attempt that was killed leaves it.
    shutil.rmtree(aside, ignore_errors=True)
    # What is there without bin/python has lost the Python it was made from.
    shutil.rmtree(folder, ignore_errors=True)
    with log.open("wb") as output, new_console(terminal).status("Installing ..."):
        for command in _commands(aside, lock):
            _run(command, output, log, guard)
    aside.rename(folder)
    log.unlink()
    terminal.write(f"Installed in {time.monotonic() - started:.0f} s.\n")


def _commands(folder: Path, lock: Path) -> list[list[str]]:
    """With uv, which is ten times as fast, where this environment has it; else with what Python brings."""
    python = str(folder / "bin" / "python")
    uv = Path(sys.executable).with_name("uv")
    if uv.exists():
        install = [str(uv), "pip", "install", "--python", python, "--no-deps", "--compile-bytecode", "-r", str(lock)]
        return [[str(uv), "venv", "--python", sys.executable, str(folder)], install]
    pip = [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-deps", "-r", str(lock)]
    return [[sys.executable, "-m", "venv", str(folder)], pip]


def _run(command: list[str], output: IO[bytes], log: Path, guard: int) -> None:
    # The certificates of the system, as other programs use them: companies add their own there.
    environment = {**os.environ, "UV_SYSTEM_CERTS": "true"}
    for name in ("PYTHONPATH", "VIRTUAL_ENV", "PIP_TARGET", "PIP_REQUIRE_VIRTUALENV"):
        environment.pop(name, None)
    # An installer outlives its parent where that is killed: it, too, holds the guard.
    finished = subprocess.run(
        command, stdout=output, stderr=subprocess.STDOUT, env=environment, pass_fds=(guard,), check=False
    )
    if finished.returncode:
        raise ExplainedError(
            "Kubeflow's client could not be installed. Is the package index reachable from here? "
            f"The installer's words are in {log}; give the same command again to try anew."
        )
