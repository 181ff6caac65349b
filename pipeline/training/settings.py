"""How long, how fast and on what to learn."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveFloat, PositiveInt, ValidationError

from components.errors import InputError
from pipeline.yaml_files import describe_problem

EXAMPLE = (
    '{"training": {"epochs": 12, "batch_size": 32, "learning_rate": 0.003, "weight_decay": 0.05, "width": 16, '
    '"patience": 5, "augmentation": "light", "seed": 1, "strategy": "one_device", "warm_start": null}}'
)

# How much the rows are changed at random.
Strength = Literal["light", "strong"]

_Settings = TypeVar("_Settings", bound=BaseModel)


class Training(BaseModel):
    """Settings of a Trainer; what each means stands in settings.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: PositiveInt
    batch_size: PositiveInt
    learning_rate: PositiveFloat
    weight_decay: NonNegativeFloat
    # oneDNN corrupts memory with some other widths on AVX-512 machines.
    width: Annotated[int, Field(gt=0, multiple_of=16)]
    patience: Annotated[int, Field(ge=0)]
    augmentation: Strength
    seed: Annotated[int, Field(ge=0)]
    strategy: Literal["one_device", "mirrored", "multi_worker"]
    warm_start: str | None


class Tuning(BaseModel):
    """Settings of a Tuner; what each means stands in settings.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # The first one has the values of the settings.
    trials: Annotated[int, Field(ge=2)]
    epochs: PositiveInt


def read_settings(custom_config: Any) -> Training:
    """The settings of the training in the `custom_config` of a Trainer or a Tuner.

    Raises:
      InputError: they are wrong, which can only be where a run was given others than it was compiled with.
    """
    return _read(Training, "training", custom_config, EXAMPLE)


def read_tuning(custom_config: Any) -> Tuning:
    """The settings of the tuning in the `custom_config` of a Tuner.

    Raises:
      InputError: as of `read_settings`.
    """
    return _read(Tuning, "tuning", custom_config, f'{EXAMPLE[:-1]}, "tuning": {{"trials": 10, "epochs": 4}}}}')


def _read(kind: type[_Settings], key: str, custom_config: Any, example: str) -> _Settings:
    try:
        return kind.model_validate((custom_config or {}).get(key))
    except (ValidationError, AttributeError) as error:
        problems = error.errors() if isinstance(error, ValidationError) else []
        what = "; ".join(describe_problem(problem) for problem in problems) or "expected a JSON object"
        raise InputError(f"{key} settings: {what}. They look like {example}.") from None
