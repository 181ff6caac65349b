"""Where a container's command runs.

Without a container engine it runs on this machine, as a process that sees other folders than the rest: /app, /tmp,
/minio, /s3, /gcs and the mounted claims are its own. tests/image has an engine in this place.
"""

from __future__ import annotations

import dataclasses
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Protocol

from tests.kubeflow.platform.memory_group import as_container_sees, memory_group

ROOT = Path(__file__).resolve().parents[3]
# Makes a root folder that holds this machine's folders and, in their places, the container's; then runs the command.
_ENTER = r"""
set -e
new=$1 work=$2; shift 2
mount -t tmpfs tmpfs "$new"
for entry in /*; do
  if [ -L "$entry" ]; then cp -P "$entry" "$new$entry"
  elif [ -d "$entry" ]; then mkdir "$new$entry"; mount --rbind "$entry" "$new$entry"
  fi
done
while [ "$1" != -- ]; do
  mkdir -p "$new$1"; mount --bind "$2" "$new$1"; shift 2
done
shift
mount -o remount,bind,ro "$new$work"
exec chroot "$new" sh -c 'cd "$0"; exec "$@"' "$work" "$@"
"""


@dataclasses.dataclass(frozen=True)
class ContainerSpec:
    """A container to run.

    Attributes:
      image: reference of the image.
      command: command and arguments, with nothing left to fill in.
      env: environment variables on top of the image's.
      mounts: folder in the container -> folder here.
      memory: limit in bytes; 0 for none.
      log: file that gets what it writes.
    """

    image: str
    command: list[str]
    env: dict[str, str]
    mounts: dict[str, Path]
    memory: int
    log: Path


class Containers(Protocol):
    """Starts containers."""

    def run(self, spec: ContainerSpec) -> int:
        """Runs one to its end and returns its exit code, 128 + the signal's number where one has ended it."""
        ...


class Processes:
    """Containers as processes in mount namespaces of their own; the checkout and this Python stand for the image."""

    def __init__(self, checkout: Path = ROOT) -> None:
        """With the sources that the containers run."""
        self._checkout = checkout

    def run(self, spec: ContainerSpec) -> int:
        """See Containers. The memory limit is kept where this user may make control groups."""
        # Only a mount point: what is mounted there goes with the process.
        with (
            tempfile.TemporaryDirectory(prefix="container-") as root,
            memory_group(spec.memory) as group,
            spec.log.open("ab") as log,
        ):
            command = self._command(spec, Path(root), group)
            done = subprocess.run(command, env=environment(spec.env), stdout=log, stderr=log, check=False)
        return done.returncode if done.returncode >= 0 else 128 - done.returncode

    def _command(self, spec: ContainerSpec, root: Path, group: Path | None) -> list[str]:
        """What enters the namespace, and the group, and then runs the container's command."""
        mounts = {"/app": self._checkout, **spec.mounts}
        for prefix in (sys.prefix, sys.base_prefix):
            if any(Path(prefix).is_relative_to(mount) for mount in mounts):
                mounts[prefix] = Path(prefix)
        join = []
        if group:
            mounts |= as_container_sees(group)
            join = ["sh", "-c", 'echo $$ > "$0/cgroup.procs"; exec "$@"', str(group)]
        # Outer folders first: a mount below another one would be hidden by it.
        pairs = [text for path in sorted(mounts) for text in (path, str(mounts[path]))]
        enter = ["unshare", "--map-root-user", "--mount", "sh", "-c", _ENTER, "enter", str(root), "/app"]
        return [*join, *enter, *pairs, "--", *spec.command]


def environment(env: dict[str, str]) -> dict[str, str]:
    """Variables of a container: the image's, and those given. Nothing of this machine's comes with it."""
    image = {
        "PATH": f"{Path(sys.prefix) / 'bin'}:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "PYTHONPATH": "/app",
        "HOME": "/tmp",
        "LANG": "C.UTF-8",
        # The byte code of the image is compiled when it is built; the checkout's is nobody's business here.
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    return {**image, **env}


def why_not() -> str | None:
    """Why processes cannot have mount namespaces here; None if they can."""
    probe = ["unshare", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs", tempfile.gettempdir()]
    try:
        done = subprocess.run(probe, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "no unshare command (package util-linux)"
    return f"{shlex.join(probe)}: {done.stderr.strip()}" if done.returncode else None
