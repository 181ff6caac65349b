"""What keeps a server from answering is told in words that help."""

from __future__ import annotations

import datetime
import io
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from components.errors import ExplainedError, InputError
from pipeline.on_kubeflow.submission.connection import (
    Connection,
    RefusedError,
    UnreachableError,
    token_reader,
    usable_host,
)
from pipeline.on_kubeflow.submission.preparation import Job
from pipeline.on_kubeflow.submission.server import Server
from pipeline.on_kubeflow.submission.submit import submit
from pipeline.on_kubeflow.submission.target import Target, check_target
from tests.pipeline.on_kubeflow.submission.api_server import FakeKubeflow, serving
from tests.pipeline.on_kubeflow.submission.openapi import OpenApi

pytestmark = pytest.mark.e2e


@pytest.fixture
def ask(client_python: Path) -> Iterator[Callable[..., Server]]:
    """Connects to a host, and asks it what it is."""
    opened: list[Connection] = []

    def connect(host: str, **options: object) -> Server:
        connection = Connection(client_python, host, lambda: None, pauses_s=(0, 0), **options)  # type: ignore[arg-type]
        opened.append(connection.__enter__())
        return Server(connection, "")

    yield connect
    for connection in opened:
        connection.__exit__(None, None, None)


def test_a_failing_server_is_asked_again(kubeflow: FakeKubeflow, ask: Callable[..., Server]) -> None:
    kubeflow.script = [(500, "<html>oops", "text/html"), (503, "no healthy upstream", "text/plain")]
    assert ask(kubeflow.host).namespace == ""
    assert kubeflow.count("GET", "/healthz") == 3


def test_a_server_that_goes_on_failing_is_named(kubeflow: FakeKubeflow, ask: Callable[..., Server]) -> None:
    kubeflow.script = [(500, "no healthy upstream", "text/plain")] * 3
    with pytest.raises(UnreachableError, match=r"fails \(500, no healthy upstream\)"):
        ask(kubeflow.host)


def test_what_changes_something_is_sent_once(kubeflow: FakeKubeflow, ask: Callable[..., Server]) -> None:
    server = ask(kubeflow.host)
    kubeflow.script = [(500, "", "text/plain")] * 3
    with pytest.raises(UnreachableError):
        server.start_run({"display_name": "x"})
    assert kubeflow.count("POST", "/runs") == 1


@pytest.mark.parametrize(
    ("status", "text", "words"),
    [
        (200, "<!DOCTYPE html><title>Log in</title>", "not as Kubeflow Pipelines does .*a web page.*ends in /pipeline"),
        (200, "[1]", "not as Kubeflow Pipelines does"),
        (404, "404 page not found", "has no API of Kubeflow Pipelines 2"),
        (403, "RBAC: access denied", r"forbidden \(RBAC: access denied\)"),
        (400, '{"message": "one\\n  two"}', r"refuses \(400\): one two$"),
    ],
)
def test_other_answers_are_explained(
    status: int, text: str, words: str, kubeflow: FakeKubeflow, ask: Callable[..., Server]
) -> None:
    kubeflow.script = [(status, text, "text/html")]
    with pytest.raises(RefusedError, match=words):
        ask(kubeflow.host)
    assert len(kubeflow.requests) == 1


def test_a_login_page_elsewhere_is_named(ask: Callable[..., Server]) -> None:
    redirect = b"HTTP/1.1 302 Found\r\nLocation: /dex/auth\r\nContent-Length: 0\r\n\r\n"
    words = r"sends elsewhere, to /dex/auth.*a token is missing"
    with _answering(redirect) as host, pytest.raises(RefusedError, match=words):
        ask(host)


def test_a_hanging_server_is_given_up(ask: Callable[..., Server]) -> None:
    with _answering(b"") as host, pytest.raises(UnreachableError, match="no answer within 1 s"):
        ask(host, timeout_s=1)


def test_nobody_listens(ask: Callable[..., Server]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(UnreachableError, match=r"no connection .*refused.*kubectl port-forward"):
        ask(f"http://127.0.0.1:{port}")


def test_an_unknown_host(ask: Callable[..., Server]) -> None:
    with pytest.raises(UnreachableError, match=r"^kubeflow\.invalid: no such host"):
        ask("http://kubeflow.invalid")


def test_certificates_of_an_own_authority(
    openapi: OpenApi, client_python: Path, tmp_path: Path, ask: Callable[..., Server]
) -> None:
    certificate, key = _self_signed(tmp_path)
    kubeflow = FakeKubeflow(openapi, client_python, tmp_path)
    with serving(kubeflow, ssl_certfile=certificate, ssl_keyfile=key):
        with pytest.raises(RefusedError, match=r"no secure connection .*CERTIFICATE_VERIFY_FAILED.*--ca-file"):
            ask(kubeflow.host)
        assert ask(kubeflow.host, ca_file=certificate).namespace == ""


def test_a_client_that_ends_is_explained(tmp_path: Path) -> None:
    broken = tmp_path / "python"
    broken.write_text("#!/bin/sh\nread line\necho the last word >&2\n")
    broken.chmod(0o755)
    with (
        Connection(broken, "http://127.0.0.1", lambda: None) as connection,
        pytest.raises(ExplainedError, match="ended unexpectedly: the last word"),
    ):
        connection.ask("HealthzServiceApi", "healthz_service_get_healthz")


def test_no_secret_is_visible_to_others(
    kubeflow: FakeKubeflow, job: Job, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The token is in no command line and in no environment of another process."""
    file = tmp_path / "token"
    file.write_text("s3cret-token")
    kubeflow.token = "s3cret-token"
    seen: list[bytes] = []

    def look() -> None:
        for process in Path("/proc").iterdir():
            if process.name.isdigit():
                try:
                    seen.append((process / "cmdline").read_bytes())
                    if process.name != str(os.getpid()):
                        seen.append((process / "environ").read_bytes())
                except OSError:
                    continue

    kubeflow.before_upload = look
    submit(Target(kubeflow.host, token_file=file), job, io.StringIO())
    assert any(b"kfp_client.py" in text for text in seen)
    assert not any(b"s3cret-token" in text for text in seen)


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("http://localhost:8080/", "http://localhost:8080"),
        ("https://kf.example.org/pipeline", "https://kf.example.org/pipeline"),
        ("https://kf.example.org/_/pipeline/?ns=team#/runs", "https://kf.example.org/pipeline"),
    ],
)
def test_hosts_copied_from_the_browser(given: str, used: str) -> None:
    assert usable_host(given) == used


@pytest.mark.parametrize(
    "given",
    [
        *("localhost:8080", "kf.example.org", "ftp://x", "https://", ""),
        *("http://[::1", "http://localhost:99999", "http://localhost:x"),
    ],
)
def test_what_is_no_host(given: str) -> None:
    with pytest.raises(InputError, match="not an address"):
        usable_host(given)


def test_a_password_does_not_get_into_links() -> None:
    with pytest.raises(InputError, match="Leave them out") as raised:
        usable_host("https://me:s3cret@kf.example.org")
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize("token", ["s3cret\nx", "s3cret x", "s3cret\0", "s3cret→"])
def test_what_is_no_token_is_not_shown(token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "token"
    file.write_text(token, encoding="utf-8")
    readers = {str(file): token_reader(file)}
    # The system takes no variable with a NUL.
    if "\0" not in token:
        monkeypatch.setenv("KFP_TOKEN", token)
        readers["KFP_TOKEN"] = token_reader(None)
    for source, read in readers.items():
        with pytest.raises(InputError, match=f"^{source}: expected one token and nothing else") as raised:
            read()
        assert "s3cret" not in str(raised.value)


def test_files_of_the_target_are_checked(tmp_path: Path) -> None:
    host = "http://localhost"
    with pytest.raises(InputError, match=r"token: cannot be read \(No such file.*--token-file"):
        check_target(Target(host, token_file=tmp_path / "token"))
    (tmp_path / "token").write_text("two words")
    with pytest.raises(InputError, match="expected one token"):
        check_target(Target(host, token_file=tmp_path / "token"))
    with pytest.raises(InputError, match=r"ca.pem: no such file. Check --ca-file"):
        check_target(Target(host, ca_file=tmp_path / "ca.pem"))


@contextmanager
def _answering(answer: bytes) -> Iterator[str]:
    """A server that takes every connection and sends the same; nothing, for ever, if that is empty."""
    listener = socket.create_server(("127.0.0.1", 0))
    taken = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            taken.append(connection)
            connection.recv(65536)
            connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in taken:
            connection.close()
        thread.join()


def _self_signed(folder: Path) -> tuple[Path, Path]:
    """(certificate, key) for 127.0.0.1."""
    import ipaddress

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "certificate.pem", folder / "key.pem"
