"""How the environment of Kubeflow's client is made; with locks that install nothing, so it is quick."""

from __future__ import annotations

import io
import re
import sys
import threading
from pathlib import Path

import pytest

from components.errors import ExplainedError, InputError
from pipeline.on_kubeflow.submission import client_environment
from pipeline.on_kubeflow.submission.client_environment import LOCK, client_python


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A lock that asks for nothing, and a cache folder of its own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    lock = tmp_path / "lock.txt"
    lock.write_text("# nothing\n")
    return lock


def _made(lock: Path) -> tuple[Path, str]:
    terminal = io.StringIO()
    return client_python(terminal, lock), terminal.getvalue()


def test_it_is_made_once_and_anew_for_another_lock(lock: Path, tmp_path: Path) -> None:
    python, said = _made(lock)
    assert python.is_file()
    assert python.is_relative_to(tmp_path / "cache" / "emotion-ai")
    assert "Installing Kubeflow's client into" in said
    assert _made(lock) == (python, "")
    lock.write_text("# another\n")
    other, said = _made(lock)
    assert other.parent != python.parent
    assert said
    left = {path.name for path in (tmp_path / "cache" / "emotion-ai").iterdir() if path.is_dir()}
    assert left == {python.parents[1].name, other.parents[1].name}


def test_a_failed_installation_names_its_log_and_is_tried_anew(lock: Path, tmp_path: Path) -> None:
    lock.write_text("kfp @ file:///no/such/kfp-2.17.0-py3-none-any.whl\n")
    for _ in range(2):
        with pytest.raises(ExplainedError, match="could not be installed") as raised:
            _made(lock)
    log = re.search(r"words are in (\S+);", str(raised.value))
    assert log
    assert "/no/such/kfp" in Path(log[1]).read_text()


def test_what_a_killed_attempt_has_left_does_no_harm(lock: Path) -> None:
    python, _ = _made(lock)
    folder = python.parents[1]
    # As far as the attempt had come.
    folder.rename(folder.with_name(f"{folder.name}.making"))
    again, said = _made(lock)
    assert again == python
    assert again.is_file()
    assert said
    # And one whose Python is gone since.
    python.unlink()
    again, said = _made(lock)
    assert again.is_file()
    assert said


def test_two_at_once_make_it_once(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, waits, makes = threading.Event(), threading.Event(), []
    make = client_environment._make

    def slow_make(*arguments: object) -> None:
        makes.append(1)
        begun.set()
        assert waits.wait(60)
        make(*arguments)  # type: ignore[arg-type]

    class Terminal(io.StringIO):
        def write(self, text: str) -> int:
            if "Another process" in text:
                waits.set()
            return super().write(text)

    monkeypatch.setattr(client_environment, "_make", slow_make)
    found: list[Path] = []
    first = threading.Thread(target=lambda: found.append(client_python(Terminal(), lock)))
    first.start()
    assert begun.wait(60)
    found.append(client_python(Terminal(), lock))
    first.join()
    assert len(set(found)) == 1
    assert len(found) == 2
    assert makes == [1]


@pytest.mark.e2e
def test_without_uv_pip_does_it(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    python = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    monkeypatch.setattr(client_environment.sys, "executable", str(python))
    python, _ = _made(lock)
    assert (python.parent / "pip").is_file()


def test_a_cache_that_cannot_be_written_is_named(lock: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(lock))
    with pytest.raises(InputError, match=r"lock.txt/emotion-ai: cannot be written .*XDG_CACHE_HOME"):
        _made(lock)


def test_a_missing_lock_is_named(tmp_path: Path) -> None:
    with pytest.raises(ExplainedError, match=r"lock.txt: cannot be read .*needs the folder constraints"):
        _made(tmp_path / "lock.txt")


def test_the_lock_pins_the_current_client() -> None:
    lines = LOCK.read_text(encoding="utf-8").splitlines()
    assert all(re.fullmatch(r"[a-z0-9.-]+==[0-9][^ ]*", line) for line in lines)
    assert any(line.startswith("kfp==2.17.") for line in lines)
