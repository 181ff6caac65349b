"""Where ML Metadata is: an SQLite file, or a MySQL or PostgreSQL server."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from ml_metadata.proto import metadata_store_pb2

from dashboard.errors import UsageError

_MYSQL, _POSTGRESQL = "mysql", "postgresql"
_PORTS = {_MYSQL: 3306, _POSTGRESQL: 5432}
# What the databases' own clients read.
_PASSWORD_VARIABLES = {_MYSQL: ("MLMD_PASSWORD", "MYSQL_PWD"), _POSTGRESQL: ("MLMD_PASSWORD", "PGPASSWORD")}
_FORM = "Write it as mysql://USER@HOST:PORT/DATABASE or postgresql://USER@HOST:PORT/DATABASE"


def connection_config(text: str) -> metadata_store_pb2.ConnectionConfig:
    """The connection that a person means.

    Args:
      text: path of an SQLite file, which is only read; or mysql://user@host:port/database or
        postgresql://user@host:port/database, with the password in the environment variable MLMD_PASSWORD (or MYSQL_PWD
        or PGPASSWORD). A database is never created.

    Raises:
      UsageError: there is no such file, or the address is not complete.
    """
    if "://" in text:
        return _server(text)
    path = Path(text)
    if not path.is_file():
        raise UsageError(f"{text}: no such file. Run `emotion-ai run` first, or name another file of ML Metadata.")
    with path.open("rb") as file:
        if not file.read(16).startswith(b"SQLite format 3"):
            raise UsageError(
                f"{text}: no SQLite file. Name ML Metadata's, as artifacts/metadata.sqlite of a workspace."
            )
    config = metadata_store_pb2.ConnectionConfig()
    config.sqlite.filename_uri = text
    config.sqlite.connection_mode = metadata_store_pb2.SqliteMetadataSourceConfig.READONLY
    return config


def _server(text: str) -> metadata_store_pb2.ConnectionConfig:
    scheme = text.partition("://")[0]
    if scheme not in _PORTS:
        raise UsageError(f"{scheme}://: no database that ML Metadata knows. {_FORM}, or name an SQLite file.")
    try:
        address = urlsplit(text)
        port = address.port or _PORTS[scheme]
    except ValueError:
        # The text is not repeated: there may be a password in it.
        raise UsageError(f"{scheme}://...: host and port cannot be read. {_FORM}.") from None
    if address.password is not None:
        raise UsageError(
            f"{_shown(address)}: a password in an address can be read by others on this machine. Leave it out, and set "
            "the environment variable MLMD_PASSWORD."
        )
    database = address.path.removeprefix("/")
    if not (address.username and address.hostname and database) or "/" in database or address.query:
        raise UsageError(f"{_shown(address)}: user, host or database is missing or not clear. {_FORM}.")
    password = next((os.environ[name] for name in _PASSWORD_VARIABLES[scheme] if os.environ.get(name)), "")
    config = metadata_store_pb2.ConnectionConfig()
    if scheme == _MYSQL:
        config.mysql.host, config.mysql.port = address.hostname, port
        config.mysql.database, config.mysql.user = database, unquote(address.username)
        config.mysql.password, config.mysql.skip_db_creation = password, True
    else:
        config.postgresql.host, config.postgresql.port = address.hostname, str(port)
        config.postgresql.dbname, config.postgresql.user = database, unquote(address.username)
        config.postgresql.password, config.postgresql.skip_db_creation = password, True
    return config


def _shown(address: SplitResult) -> str:
    """The address without a password."""
    host = address.netloc.rpartition("@")[2]
    user = f"{address.username}@" if address.username else ""
    return f"{address.scheme}://{user}{host}{address.path}"
