"""The model card, as an artifact."""

from __future__ import annotations

from tfx.types import artifact

CARD_FILES = ("model_card.json", "model_card.html")


class ModelCard(artifact.Artifact):
    """Artifact: `model_card.json`, see `card.build`, and `model_card.html`, the same for people."""

    TYPE_NAME = "emotion_ai.ModelCard"
