"""The folders that a local run writes to."""

from __future__ import annotations

import dataclasses
from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Workspace:
    """Everything below one folder."""

    root: Path

    @property
    def pipeline_root(self) -> Path:
        """Artifacts, a folder for each node."""
        return self.root / "artifacts" / "nodes"

    @property
    def metadata_file(self) -> Path:
        """ML Metadata's SQLite file."""
        return self.root / "artifacts" / "metadata.sqlite"

    @property
    def drawn_data(self) -> Path:
        """The embedded default data set."""
        return self.root / "artifacts" / "drawn_faces"

    @property
    def checkpoints(self) -> Path:
        """What a killed training goes on from."""
        return self.root / "artifacts" / "checkpoints"

    @property
    def logs(self) -> Path:
        """A log file for each run."""
        return self.root / "artifacts" / "logs"

    @property
    def models(self) -> Path:
        """TensorFlow Serving's model base paths."""
        return self.root / "models"
