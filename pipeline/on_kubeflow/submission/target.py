"""Which server is meant, and as whom it is asked."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TextIO

from components.errors import InputError
from pipeline.on_kubeflow.submission.client_environment import client_python
from pipeline.on_kubeflow.submission.connection import Connection, token_reader, usable_host


@dataclasses.dataclass(frozen=True)
class Target:
    """Where to, and as whom.

    Attributes:
      host: address of the API or of the UI.
      token_file: file with a token; without it the environment variable KFP_TOKEN counts, which may be missing.
      ca_file: certificates to trust instead of the usual ones.
      namespace: of the user's profile, "" for a Kubeflow Pipelines with one user.
    """

    host: str
    token_file: Path | None = None
    ca_file: Path | None = None
    namespace: str = ""


def check_target(target: Target) -> None:
    """Finds what is wrong without asking anyone.

    Raises:
      InputError: the address or a file cannot be used.
    """
    usable_host(target.host)
    token_reader(target.token_file)()
    if target.ca_file is not None and not target.ca_file.is_file():
        raise InputError(f"{target.ca_file}: no such file. Check --ca-file.")


def connect(target: Target, terminal: TextIO) -> Connection:
    """A connection, for which Kubeflow's client is installed where it is missing.

    Args:
      target: the server.
      terminal: is told of the installation.

    Raises:
      InputError: the address or a file cannot be used.
      ExplainedError: the client cannot be installed.
    """
    check_target(target)
    python = client_python(terminal)
    return Connection(python, usable_host(target.host), token_reader(target.token_file), target.ca_file)
