"""What people may call a database, and that no password shows up."""

from __future__ import annotations

from pathlib import Path

import pytest
from ml_metadata.proto import metadata_store_pb2

from dashboard.connection import connection_config
from dashboard.errors import UsageError


def test_an_sqlite_file_is_only_read(tmp_path: Path) -> None:
    path = tmp_path / "metadata.sqlite"
    path.write_bytes(b"SQLite format 3\0...")
    config = connection_config(str(path)).sqlite
    assert config.filename_uri == str(path)
    assert config.connection_mode == metadata_store_pb2.SqliteMetadataSourceConfig.READONLY


def test_a_mysql_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLMD_PASSWORD", "s3cret")
    config = connection_config("mysql://root@metadata-db:3307/metadb").mysql
    assert (config.host, config.port, config.database, config.user) == ("metadata-db", 3307, "metadb", "root")
    assert config.password == "s3cret"
    assert config.skip_db_creation
    assert connection_config("mysql://root@db/metadb").mysql.port == 3306


@pytest.mark.parametrize("variable", ["MLMD_PASSWORD", "PGPASSWORD"])
def test_a_postgresql_address(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "s3cret")
    monkeypatch.setenv("MYSQL_PWD", "of another database")
    config = connection_config("postgresql://ada%40x@[::1]:5433/mlmd").postgresql
    assert (config.host, config.port, config.dbname, config.user) == ("::1", "5433", "mlmd", "ada@x")
    assert config.password == "s3cret"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nowhere.sqlite", "Run `emotion-ai run` first"),
        ("oracle://ada@host/db", "mysql://USER@HOST:PORT/DATABASE"),
        ("mysql://host/db", "mysql://host/db: user, host or database is missing"),
        ("mysql://ada@host", "database is missing"),
        ("mysql://ada@host/db?password=s3cret", "not clear"),
        ("mysql://ada@host:port/db", "cannot be read"),
        ("mysql://ada:s3cret@host:99999/db", "cannot be read"),
        ("mysql://ada:s3cret@host:3306/db", "MLMD_PASSWORD"),
        ("postgresql://ada:s3cret@host/db", "MLMD_PASSWORD"),
    ],
)
def test_a_wrong_one_is_explained_without_the_password(text: str, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        connection_config(text)
    assert expected in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_another_kind_of_file_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "training.csv"
    path.write_text("left_eye_center_x,Image\n")
    with pytest.raises(UsageError, match="no SQLite file"):
        connection_config(str(path))
