"""Typed settings, read from YAML; an unknown key is an error."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

from components.errors import InputError
from pipeline.emotion import features as emotion
from pipeline.keypoints import features as keypoints
from pipeline.training.settings import Training, Tuning
from pipeline.yaml_files import describe_problem, merged, read_yaml

DEFAULTS_FILE = Path(__file__).with_name("settings.yaml")
PRESETS = Path(__file__).with_name("presets")

# What thresholds can be set for, and the summary shows; the Evaluators report more.
KEYPOINTS_METRICS = ("mse_px", "mae_px", "rmse_px", "nme", "failure_rate")
EMOTION_METRICS = (
    "accuracy",
    "macro_precision",
    "macro_recall",
    "macro_f1",
    "cross_entropy",
    "calibration_error",
)


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Data(_Settings):
    """Where the two data sets come from."""

    keypoints_csv: Path | None
    emotions_csv: Path | None
    emotion_coding: Literal["auto", "fer2013", "five"]
    split: Literal["hash", "usage"]
    max_bad_rows: Annotated[float, Field(ge=0, le=1)]
    waivers: Path | None


class Threshold(_Settings):
    """Limits of one metric: exactly one of `at_least` and `at_most`, and what a baseline may be missed by."""

    at_least: float | None = None
    at_most: float | None = None
    may_worsen_by: Annotated[float, Field(ge=0)] = 0.0

    @model_validator(mode="after")
    def _one_limit(self) -> Threshold:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("needs exactly one of at_least and at_most")
        return self

    @property
    def higher_is_better(self) -> bool:
        """Whether the limit is a lower one."""
        return self.at_least is not None

    @property
    def slack(self) -> float:
        """`may_worsen_by` with room for rounding: an equal model is no worse."""
        return self.may_worsen_by + 1e-9


class TaskSettings(_Settings):
    """Settings of one branch."""

    training: Training
    tuning: Tuning | None
    thresholds: dict[str, Threshold]
    slice_thresholds: dict[str, dict[str, Threshold]]
    min_slice_examples: PositiveInt

    def fitting(self) -> dict[str, Any]:
        """What Trainer and Tuner go by, as plain values: 'training', and 'tuning' where it is on."""
        tuning = {"tuning": self.tuning.model_dump()} if self.tuning else {}
        return {"training": self.training.model_dump(), **tuning}

    def thresholds_by_slice(self) -> dict[str, Any]:
        """All thresholds as plain values, for BlessingGen."""

        def plain(thresholds: dict[str, Threshold]) -> dict[str, Any]:
            return {metric: threshold.model_dump() for metric, threshold in thresholds.items()}

        return {
            "all_rows": plain(self.thresholds),
            "slices": {feature: plain(thresholds) for feature, thresholds in self.slice_thresholds.items()},
            "min_examples": self.min_slice_examples,
        }


def _only(metrics: tuple[str, ...], slices: tuple[str, ...]) -> AfterValidator:
    """A misspelt metric or slice would be found missing only after the training, and refuse every model."""

    def check(settings: TaskSettings) -> TaskSettings:
        for thresholds in (settings.thresholds, *settings.slice_thresholds.values()):
            unknown = sorted(thresholds.keys() - set(metrics))
            if unknown:
                raise ValueError(
                    f"no metric {', '.join(unknown)} to set a threshold for; there are {', '.join(metrics)}"
                )
        unknown = sorted(settings.slice_thresholds.keys() - set(slices))
        if unknown:
            raise ValueError(f"no slices by {', '.join(unknown)}; there are {', '.join(slices)}")
        return settings

    return AfterValidator(check)


class Serving(_Settings):
    """What a server asks of a model, and how many versions stay."""

    max_first_request_ms: PositiveFloat
    max_median_ms: PositiveFloat
    max_memory_mb: PositiveFloat
    keep_versions: Annotated[int, Field(ge=2)]


class Settings(_Settings):
    """All settings of a run."""

    preset: Literal["quick", "standard", "best"]
    data: Data
    serving: Serving
    keypoints: Annotated[TaskSettings, _only(KEYPOINTS_METRICS, keypoints.SLICES)]
    emotion: Annotated[TaskSettings, _only(EMOTION_METRICS, emotion.SLICES)]

    def of_task(self, name: str) -> TaskSettings:
        """The settings of the branch with the given task name."""
        settings: TaskSettings = getattr(self, name)
        return settings


def load_settings(path: Path | None, data_options: dict[str, Any], preset: str | None = None) -> Settings:
    """The default settings, overridden by a preset, by a YAML file and by command line options.

    Args:
      path: a YAML file with any part of the keys of settings.yaml, or None.
      data_options: keys of `Data`; None means not given.
      preset: name of the preset; None for that of the file.

    Raises:
      InputError: the file cannot be read, or holds an unknown key or a wrong value.
    """
    defaults = read_yaml(DEFAULTS_FILE, "the installation")
    of_file = read_yaml(path, "--config") if path is not None else {}
    given: dict[str, Any] = {"data": {key: value for key, value in data_options.items() if value is not None}}
    if preset is not None:
        given["preset"] = preset
    name = merged(merged(defaults, of_file), given)["preset"]
    presets = {file.stem: file for file in PRESETS.glob("*.yaml")}
    # What is no preset is told by the validation.
    of_preset = read_yaml(presets[name], "the installation") if name in presets else {}
    values = merged(merged(merged(defaults, of_preset), of_file), given)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(describe_problem(problem) for problem in error.errors())
        raise InputError(
            f"{path or 'settings'}: {problems}. Every key is described in {DEFAULTS_FILE} and in {PRESETS}."
        ) from None
