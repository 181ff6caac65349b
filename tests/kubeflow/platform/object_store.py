"""An object store in a folder.

backend/src/v2/objectstore/object_store.go (UploadBlob, DownloadBlob), config.go, and LocalPathForURI of
backend/src/v2/component/launcher_v2.go.
"""

from __future__ import annotations

import shutil
from pathlib import Path

STAGED = {"minio": "/minio", "s3": "/s3", "gs": "/gcs"}


def local_path(uri: str) -> str | None:
    """Where the launcher stages an object, as the container sees it; None for a URI that it leaves alone."""
    scheme, _, rest = uri.partition("://")
    return f"{STAGED[scheme]}/{rest}" if rest and scheme in STAGED else None


class ObjectStore:
    """Buckets of objects. There are no folders in it: a name with slashes is one object."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def upload(self, source: Path, uri: str) -> None:
        """Copies a file to one object, or a folder's files to objects below it; empty folders leave nothing.

        Raises:
          FileNotFoundError: there is no such file or folder.
        """
        if not source.exists():
            raise FileNotFoundError(source)
        files = [source] if source.is_file() else [path for path in source.rglob("*") if path.is_file()]
        for path in files:
            target = self._object(uri) / path.relative_to(source)
            if target.is_dir():
                raise AssertionError(f"{uri}: an object where others lie below: a bucket has both, this folder cannot")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)

    def download(self, uri: str, target: Path) -> None:
        """Copies an object, or all objects below a name. Where there are none, nothing happens, and nobody is told."""
        for name in self.names(uri):
            path = target / name if name else target
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self._object(uri) / name, path)

    def names(self, uri: str) -> list[str]:
        """The objects at and below a URI, relative to it; [""] for a single object."""
        root = self._object(uri)
        if root.is_file():
            return [""]
        return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())

    def read(self, uri: str) -> bytes:
        """The content of one object."""
        return self._object(uri).read_bytes()

    def remove(self, uri: str) -> None:
        """Removes all objects at and below a URI, as somebody who cleans up does."""
        root = self._object(uri)
        shutil.rmtree(root) if root.is_dir() else root.unlink()

    def _object(self, uri: str) -> Path:
        scheme, _, rest = uri.partition("://")
        return self._root / scheme / rest
