"""Finds artifacts of the last run in ML Metadata."""

from __future__ import annotations

from pathlib import Path

from ml_metadata import MetadataStore
from ml_metadata.proto import metadata_store_pb2

from components.errors import InputError


def artifact_uris(metadata_file: Path, type_name: str) -> list[str]:
    """Folders of the last run's artifacts of a type, in the order of the node's names.

    Args:
      metadata_file: an SQLite file of ML Metadata.
      type_name: of the artifacts.

    Raises:
      InputError: there is no run in the file.
    """
    connection = metadata_store_pb2.ConnectionConfig()
    connection.sqlite.filename_uri = str(metadata_file)
    connection.sqlite.connection_mode = metadata_store_pb2.SqliteMetadataSourceConfig.READONLY
    store = MetadataStore(connection)
    runs = store.get_contexts_by_type("pipeline_run")
    if not runs:
        raise InputError(f"{metadata_file}: no run in it yet. Run `emotion-ai run`.")
    last = max(runs, key=lambda run: run.create_time_since_epoch)
    types = {artifact_type.id: artifact_type.name for artifact_type in store.get_artifact_types()}
    return sorted(a.uri for a in store.get_artifacts_by_context(last.id) if types[a.type_id] == type_name)
