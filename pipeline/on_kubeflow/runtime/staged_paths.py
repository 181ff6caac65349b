"""URIs of object stores, and the folders where Kubeflow's launcher puts their objects down and picks new ones up."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions

FOLDERS = {"minio://": "/minio/", "s3://": "/s3/", "gs://": "/gcs/"}

# As Beam takes them: in any case, with or without "Runner" at the end.
_LOCAL_RUNNERS = {"direct", "fnapi", "bundlebaseddirect", "switchingdirect", "prism"}


class StagedPaths:
    """Turns URIs of a node's artifacts into paths, and back.

    TFX's file API knows neither `minio://` nor `s3://`, and the launcher uploads only what stands in its folders. Only
    the artifacts of the node itself are staged, so that only their URIs (and what lies below them) are turned.
    """

    def __init__(self, uris: Iterable[str], remote_workers: bool = False) -> None:
        """Constructs the paths.

        Args:
          uris: of the node's input and output artifacts.
          remote_workers: whether Beam's workers are other machines. They see no folder of this container, so that
            `gs://` stays; TFX reads and writes that one itself.
        """
        self._paths = {}
        for uri in uris:
            for scheme, folder in FOLDERS.items():
                if uri.startswith(scheme) and not (remote_workers and scheme == "gs://"):
                    self._paths[uri.rstrip("/")] = folder + uri.removeprefix(scheme).rstrip("/")
        self._uris = {path: uri for uri, path in self._paths.items()}
        self._any_uri, self._any_path = _any_of(self._paths), _any_of(self._uris)

    def to_local(self, text: str) -> str:
        """The text with paths in place of URIs."""
        return self._any_uri.sub(lambda match: self._paths[match[0]], text)

    def to_uri(self, text: str) -> str:
        """Inverse of `to_local`."""
        return self._any_path.sub(lambda match: self._uris[match[0]], text)


def has_remote_workers(beam_args: Sequence[str]) -> bool:
    """Whether Beam's arguments name a runner whose workers are not threads or processes of this container."""
    runner = PipelineOptions(list(beam_args)).view_as(StandardOptions).runner or "DirectRunner"
    return runner.rpartition(".")[2].lower().removesuffix("runner") not in _LOCAL_RUNNERS


def _any_of(prefixes: Iterable[str]) -> re.Pattern[str]:
    # The longest first: one artifact may lie below another one. Neither `s3://b/run-1` in `s3://b/run-12`, nor
    # `/minio/b` in `/data/minio/b`.
    alternatives = "|".join(re.escape(prefix) for prefix in sorted(prefixes, key=len, reverse=True))
    return re.compile(rf"(?<![\w./-])(?:{alternatives})(?![\w.-])" if alternatives else r"(?!)")
