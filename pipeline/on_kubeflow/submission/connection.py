"""One server of Kubeflow Pipelines, asked through its current client, with errors for people."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from components.errors import ExplainedError, InputError
from pipeline.on_kubeflow.package import Package

_SCRIPT = Path(__file__).with_name("kfp_client.py")
_TIMEOUT_S = 30
# Seconds before a question is asked again.
_PAUSES_S = (0.5, 2.0, 5.0)
_LONGEST_MESSAGE = 600


class UnreachableError(ExplainedError):
    """No usable answer came; the same question may get one later."""


class RefusedError(ExplainedError):
    """The server has answered that it will not."""

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


def usable_host(text: str) -> str:
    """The API's address in what a person gives as --host, which may be copied from the browser.

    Raises:
      InputError: it is no http:// or https:// address, or one with a password, which would be shown in every link.
    """
    try:
        parts = urlsplit(text.strip())
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise InputError(f"{text}: not an address. Give --host as https://HOST/pipeline or http://localhost:8080.")
    if "@" in parts.netloc:
        raise InputError("--host holds a user's name or password. Leave them out; a token is given by --token-file.")
    # Kubeflow's own page shows that of the pipelines in a frame, below /_/.
    path = parts.path.rstrip("/").replace("/_/pipeline", "/pipeline")
    return f"{parts.scheme}://{parts.netloc}{path}"


def token_reader(token_file: Path | None) -> Callable[[], str | None]:
    """Reads the token anew for each request: files of service accounts change by the hour.

    Args:
      token_file: of --token-file; without it the environment variable KFP_TOKEN is read, which may be missing.
    """

    def read() -> str | None:
        if token_file is None:
            token = os.environ.get("KFP_TOKEN", "").strip()
            if not token:
                return None
        else:
            try:
                token = token_file.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                reason = getattr(error, "strerror", None) or "it is no text"
                raise InputError(f"{token_file}: cannot be read ({reason}). Check --token-file.") from None
        # What is not sent cannot come back in a message.
        if not re.fullmatch("[!-~]+", token):
            raise InputError(f"{token_file or 'KFP_TOKEN'}: expected one token and nothing else. Check --token-file.")
        return token

    return read


class Connection:
    """The server's API; the client runs within the context."""

    def __init__(
        self,
        python: Path,
        host: str,
        read_token: Callable[[], str | None],
        ca_file: Path | None = None,
        timeout_s: int = _TIMEOUT_S,
        pauses_s: tuple[float, ...] = _PAUSES_S,
    ) -> None:
        """Nothing is sent yet.

        Args:
          python: of the client's environment.
          host: what `usable_host` gives.
          read_token: gives the token, or None.
          ca_file: certificates to trust instead of the usual ones.
          timeout_s: of one request.
          pauses_s: before each repetition of a question.
        """
        self.host = host
        self._python = python
        self._read_token = read_token
        self._ca_file = ca_file
        self._timeout_s = timeout_s
        self._pauses_s = pauses_s
        self._running = ExitStack()

    def __enter__(self) -> Connection:
        self._errors = self._running.enter_context(tempfile.TemporaryFile("w+", encoding="utf-8"))
        # Isolated: neither our PYTHONPATH nor the script's own folder belong to that environment. In a session of its
        # own: Ctrl-C is for this process, which ends the client in an orderly way.
        self._process = subprocess.Popen(
            [str(self._python), "-I", str(_SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        self._running.callback(self._end)
        self._send({"host": self.host, "ca_file": str(self._ca_file) if self._ca_file else None})
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._running.close()

    def ask(self, service: str, method: str, **arguments: Any) -> dict[str, Any]:
        """The answer to a question, which changes nothing and is therefore repeated where no answer comes.

        Args:
          service: class of kfp_server_api.
          method: of that class.
          arguments: of the method.

        Raises:
          UnreachableError: no answer, also after the repetitions.
          RefusedError: the server will not answer.
        """
        for pause_s in self._pauses_s:
            try:
                return self.tell(service, method, **arguments)
            except UnreachableError:
                time.sleep(pause_s)
        return self.tell(service, method, **arguments)

    def tell(self, service: str, method: str, **arguments: Any) -> dict[str, Any]:
        """Like `ask`, once: for what changes something."""
        answer = self._answer(
            {
                "service": service,
                "method": method,
                "arguments": arguments,
                "token": self._read_token(),
                "timeout_s": self._timeout_s,
            }
        )
        if "failure" in answer:
            raise self._failure(answer["failure"], answer["detail"])
        status, text = answer["status"], answer["text"]
        if not 200 <= status < 300:
            raise self._refusal(status, text, answer.get("location"))
        try:
            values = json.loads(text)
        except ValueError:
            values = None
        if not isinstance(values, dict):
            raise RefusedError(
                f'{self.host}: answers, but not as Kubeflow Pipelines does ("{_message(text)}"). Check --host (with '
                "Kubeflow's own page it ends in /pipeline), and the token: a login page may have answered.",
                status,
            )
        return values

    def check_package(self, package: Package) -> None:
        """Reads a package as strictly as the newest Kubeflow does.

        Raises:
          InputError: it is not of that form.
        """
        problem = self._answer({"check": [package.spec, package.platform]})["problem"]
        if problem:
            raise InputError(f"{package.path}: Kubeflow would refuse it: {problem}. `emotion-ai doctor` may say more.")

    def _end(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _send(self, request: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdout is not None
        try:
            self._send(request)
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self._errors.seek(0)
            last_words = self._errors.read().strip().splitlines()[-1:] or ["it said nothing"]
            raise ExplainedError(f"Kubeflow's client has ended unexpectedly: {last_words[0]}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _failure(self, kind: str, detail: str) -> ExplainedError:
        if kind == "tls":
            return RefusedError(
                f"{self.host}: no secure connection ({_message(detail)}). If your company signs its certificates "
                "itself, name its authority's with --ca-file; if the server has none, --host begins with http://.",
                0,
            )
        if kind == "name":
            return UnreachableError(f"{urlsplit(self.host).hostname}: no such host. Check --host.")
        if kind == "timeout":
            return UnreachableError(
                f"{self.host}: no answer within {self._timeout_s} s. Check --host, and whether a firewall is between."
            )
        # What is before it only names urllib3's classes.
        reason = _message(detail.rpartition("] ")[2])
        return UnreachableError(
            f"{self.host}: no connection ({reason}). Does Kubeflow Pipelines listen there? A port-forward must run "
            "all the time: kubectl port-forward -n kubeflow svc/ml-pipeline-ui 8080:80"
        )

    def _refusal(self, status: int, text: str, location: str | None) -> ExplainedError:
        message = _message(text)
        token = "Put a new one into the file of --token-file" if self._read_token() else "Give one with --token-file"
        if status == 401:
            return RefusedError(
                f"{self.host}: wants a valid token ({message}). {token}, or into the variable KFP_TOKEN.", status
            )
        if status == 403:
            return RefusedError(
                f"{self.host}: forbidden ({message}). Check --namespace, and whose token it is (--token-file or "
                "KFP_TOKEN).",
                status,
            )
        if 300 <= status < 400:
            return RefusedError(
                f"{self.host}: sends elsewhere, to {location}. If that is the server's real address, give it as --host."
                f" If it is a login page, a token is missing. {token}.",
                status,
            )
        if status >= 500:
            return UnreachableError(f"{self.host}: fails ({status}, {message}). Try again, or ask who runs it.")
        return RefusedError(f"{self.host} refuses ({status}): {message}", status)


def _message(text: str) -> str:
    """What an error's body says, on one line: the API's own form, that of its uploads, a web page, or plain text."""
    try:
        values = json.loads(text)
    except ValueError:
        values = None
    if isinstance(values, dict):
        text = values.get("error_details") or values.get("message") or values.get("error_message") or str(values)
    line = " ".join(text.split())
    if line[:1] == "<":
        return "a web page"
    return line if len(line) <= _LONGEST_MESSAGE else f"{line[:_LONGEST_MESSAGE]} ..."
