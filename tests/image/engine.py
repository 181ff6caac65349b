"""The Docker engine of this machine, and the image of this checkout in it."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import subprocess
from pathlib import Path

from tests.image.dockerfile import ROOT
from tests.kubeflow.platform.containers import ContainerSpec

USER = "65532:65532"
# As a cluster with the strictest rules would run it; only /tmp can be written.
LOCKED_DOWN = (
    "--rm",
    f"--user={USER}",
    "--read-only",
    "--tmpfs=/tmp:rw,nosuid,nodev,size=2g",
    "--network=none",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
)


def why_not() -> str | None:
    """Why there is no engine to ask; None if there is one."""
    if shutil.which("docker") is None:
        return "the command docker is not installed"
    done = subprocess.run(
        ["docker", "version", "--format", "{{.Server.Version}}"], capture_output=True, text=True, timeout=60
    )
    return f"the Docker engine does not answer: {done.stderr.strip()}" if done.returncode else None


def image() -> str:
    """The image to test: EMOTION_AI_IMAGE, or this checkout's, built here.

    Raises:
      LookupError: there is none, and the base image to build it from cannot be had.
    """
    given = os.environ.get("EMOTION_AI_IMAGE")
    if given:
        return given
    # Everything but the engine's network can be missing on a machine for tests; `host` works where bridges do not.
    done = subprocess.run(
        [str(ROOT / "scripts" / "make_image"), "--network", "host"], cwd=ROOT, capture_output=True, text=True
    )
    if "cannot be had" in done.stderr:
        raise LookupError(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    [reference] = re.findall(r"^(\S+): \d+\.\d+ GB$", done.stdout, re.MULTILINE)
    return reference


def docker_run(reference: str, *command: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Runs a command in a container that may do nothing else."""
    return subprocess.run(
        ["docker", "run", *LOCKED_DOWN, *options, reference, *command], capture_output=True, text=True, timeout=600
    )


@dataclasses.dataclass(frozen=True)
class DockerContainers:
    """Containers by the engine, see tests.kubeflow.platform.containers.Containers."""

    image: str

    def run(self, spec: ContainerSpec) -> int:
        """The package's own image reference is another one than that of a test: all else is as it says."""
        for folder in spec.mounts.values():
            _open_to_everybody(folder)
        options = [f"--volume={folder}:{path}" for path, folder in spec.mounts.items()]
        options += [f"--env={name}={value}" for name, value in spec.env.items()]
        if spec.memory:
            options.append(f"--memory={spec.memory}")
        # A mounted /tmp is the pod's.
        base = [option for option in LOCKED_DOWN if not (option.startswith("--tmpfs=/tmp") and "/tmp" in spec.mounts)]
        with spec.log.open("ab") as log:
            command = ["docker", "run", *base, *options, self.image, *spec.command]
            return subprocess.run(command, stdout=log, stderr=log, check=False).returncode


def _open_to_everybody(folder: Path) -> None:
    """As an emptyDir is; the launcher of the tests is another user than the container's."""
    for place, _, _ in os.walk(folder):
        # What the container has made belongs to its user, and can be written by it.
        if Path(place).stat().st_uid == os.getuid():
            os.chmod(place, 0o777)
