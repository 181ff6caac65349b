"""How long and how fast to learn."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt


class Training(BaseModel):
    """Settings of a Trainer; what each means stands in settings.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: PositiveInt
    batch_size: PositiveInt
    learning_rate: PositiveFloat
    patience: Annotated[int, Field(ge=0)]
    seed: Annotated[int, Field(ge=0)]
