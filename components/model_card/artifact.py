"""The model card, as an artifact."""

from __future__ import annotations

from tfx.types import artifact


class ModelCard(artifact.Artifact):
    """Artifact: `model_card.json`, see `card.build`, and `model_card.html`, the same for people."""

    TYPE_NAME = "ModelCard"
