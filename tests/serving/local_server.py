"""A local server as a real process, for as long as a test needs it."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import requests

from tests.ports import free_ports

_START_S, _STOP_S, _REQUEST_S = 90, 15, 10


@dataclasses.dataclass(frozen=True)
class LocalServer:
    """A server that runs.

    Attributes:
      rest: base URL of its REST API, without a slash at the end.
      grpc: host and port.
      log: file with its standard output and error.
      process: the server itself.
    """

    rest: str
    grpc: str
    log: Path
    process: subprocess.Popen[bytes]

    def states(self, model: str) -> dict[int, str]:
        """Version -> state of a model; nothing while the server does not listen or know the model."""
        try:
            response = requests.get(f"{self.rest}/v1/models/{model}", timeout=_REQUEST_S)
        except requests.ConnectionError:
            return {}
        return {int(each["version"]): each["state"] for each in response.json().get("model_version_status", [])}

    def resident_mb(self) -> float:
        """Memory that the process holds, in MB of 10^6 bytes."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def check_alive(self) -> None:
        """Fails where the process has ended."""
        assert self.process.poll() is None, f"the server has ended: {self.log.read_text()[-3000:]}"


@contextmanager
def local_server(folder: Path, models: Mapping[str, int], *flags: str) -> Iterator[LocalServer]:
    """Starts a server and ends it in the end.

    Args:
      folder: for the log.
      models: names, and how many versions of each must be AVAILABLE before the test begins.
      flags: as tensorflow_model_server has them, without the ports.
    """
    grpc_port, rest_port = free_ports(2)
    command = [sys.executable, "-m", "serving.server", f"--port={grpc_port}", f"--rest_api_port={rest_port}", *flags]
    log = folder / "server.log"
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
    server = LocalServer(f"http://127.0.0.1:{rest_port}", f"127.0.0.1:{grpc_port}", log, process)
    try:
        deadline = time.monotonic() + _START_S
        for model, versions in models.items():
            while list(server.states(model).values()).count("AVAILABLE") < versions:
                server.check_alive()
                assert time.monotonic() < deadline, f"{model} is not available: {log.read_text()[-3000:]}"
                time.sleep(0.1)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
