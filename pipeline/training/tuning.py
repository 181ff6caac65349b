"""What TFX's Tuner does: short trainings with other settings, and the best ones for the Trainer."""

from __future__ import annotations

import logging
from typing import Any

import keras
import keras_tuner
import tensorflow_transform as tft
from pydantic import ValidationError
from tfx.components.trainer.fn_args_utils import FnArgs
from tfx.components.tuner.component import TunerFnResult

from components.errors import ExplainedError, InputError
from pipeline.training.faces import Faces, read_faces
from pipeline.training.fit import fit, progress
from pipeline.training.recipe import Recipe
from pipeline.training.settings import Training, Tuning, read_settings, read_tuning
from pipeline.yaml_files import describe_problem

_log = logging.getLogger(__name__)

# How far from the settings' own value a trial may go, as a factor up and down.
_LEARNING_RATE_FACTOR = 4
_WEIGHT_DECAY_FACTOR = 10


def search_space(settings: Training) -> keras_tuner.HyperParameters:
    """The settings that trials may change, around their own values.

    The width is none of them: a wider model is nearly always better, and what it may cost a server is not for a search
    to decide.
    """
    space = keras_tuner.HyperParameters()
    rate, decay, batch = settings.learning_rate, settings.weight_decay, settings.batch_size
    space.Float(
        "learning_rate", rate / _LEARNING_RATE_FACTOR, rate * _LEARNING_RATE_FACTOR, sampling="log", default=rate
    )
    # From 0 there is no way by factors.
    if decay:
        space.Float(
            "weight_decay", decay / _WEIGHT_DECAY_FACTOR, decay * _WEIGHT_DECAY_FACTOR, sampling="log", default=decay
        )
    # Batches of odd size can crash oneDNN, and half of one that is dealt out to several devices may leave a rest.
    halved = [batch // 2] if batch % 4 == 0 and settings.strategy == "one_device" else []
    space.Choice("batch_size", [*halved, batch, 2 * batch], default=batch)
    return space


def create_tuner(fn_args: FnArgs, recipe: Recipe) -> TunerFnResult:
    """The search and its rows, as TFX's Tuner wants them.

    Args:
      fn_args: TFX's arguments; `custom_config` holds the settings as `training` and `tuning`.
      recipe: the model and how to learn it.

    Raises:
      InputError: the settings are wrong.
    """
    settings, tuning = read_settings(fn_args.custom_config), read_tuning(fn_args.custom_config)
    transform = tft.TFTransformOutput(fn_args.transform_graph_path)
    rows = {
        "train": read_faces(fn_args, fn_args.train_files, transform, recipe),
        "evaluation": read_faces(fn_args, fn_args.eval_files, transform, recipe),
    }
    return TunerFnResult(Search(recipe, settings, tuning, fn_args.working_dir), rows)


def with_best_values(settings: Training, hyperparameters: dict[str, Any] | None) -> Training:
    """The settings, with what a Tuner has found best in the place of their own values.

    Args:
      settings: of the training.
      hyperparameters: as in TFX's arguments: the configuration of KerasTuner's HyperParameters, or None.

    Raises:
      InputError: they are no settings of a training.
    """
    if hyperparameters is None:
        return settings
    try:
        values = hyperparameters["values"]
        tuned = Training.model_validate({**settings.model_dump(), **values})
    except (ValidationError, KeyError, TypeError) as error:
        problems = error.errors() if isinstance(error, ValidationError) else []
        what = "; ".join(map(describe_problem, problems)) or "expected KerasTuner's configuration of HyperParameters"
        raise InputError(
            f"best hyperparameters: {what}. A Tuner may find values for the settings of a training only: "
            f"{', '.join(Training.model_fields)}."
        ) from None
    progress.info("best of the tuning: %s", _described(values))
    return tuned


class Search(keras_tuner.Tuner):
    """Looks for the settings with the least loss on `eval`; each trial is a whole training by `fit`.

    The same seed and the same rows give the same trials.
    """

    def __init__(self, recipe: Recipe, settings: Training, tuning: Tuning, directory: str) -> None:
        """For trials of a recipe.

        Args:
          recipe: the model and how to learn it.
          settings: of the first trial; the others change what `search_space` says.
          tuning: how many trials, and how long each is.
          directory: for KerasTuner's notes.
        """
        self._recipe = recipe
        # Other machines would have to hear of every trial.
        strategy = "one_device" if settings.strategy == "multi_worker" else settings.strategy
        # Each trial goes through the whole cycle of the learning rate, in so many epochs.
        self._settings = settings.model_copy(update={"epochs": tuning.epochs, "strategy": strategy})
        # Trial -> its error, in one line.
        self._failures: dict[str, str] = {}
        oracle = _OwnValuesFirst(
            objective=keras_tuner.Objective("val_loss", "min"),
            max_trials=tuning.trials,
            # The first half looks around, the second one follows what was seen.
            num_initial_points=tuning.trials // 2,
            # 0 would mean any to KerasTuner.
            seed=settings.seed + 1,
            hyperparameters=search_space(settings),
            allow_new_entries=False,
            tune_new_entries=False,
            # KerasTuner's own end of a search in which all fail is a traceback; see on_search_end.
            max_consecutive_failed_trials=tuning.trials + 1,
        )
        oracle.verbose = 0
        super().__init__(oracle, directory=directory, project_name="search", overwrite=True)

    def run_trial(
        self, trial: keras_tuner.engine.trial.Trial, *, train: Faces, evaluation: Faces
    ) -> keras.callbacks.History:
        """One training; what Keras has logged of its epochs."""
        history = keras.callbacks.History()
        settings = self._settings.model_copy(update=trial.hyperparameters.values)
        try:
            fit(self._recipe, settings, train, evaluation, callbacks=[history])
        except InputError as error:
            raise _EndOfSearchError(str(error)) from None
        except Exception as error:
            _log.exception("trial %s has failed", trial.trial_id)
            self._failures[trial.trial_id] = f"{type(error).__name__}: {error}".splitlines()[0]
            # KerasTuner goes on with the next one.
            raise
        return history

    def on_trial_end(self, trial: keras_tuner.engine.trial.Trial) -> None:
        """Says how the trial went."""
        super().on_trial_end(trial)
        number = f"trial {len(self.oracle.end_order)}/{self.oracle.max_trials}"
        values = _described(trial.hyperparameters.values)
        ended = self.oracle.get_trial(trial.trial_id)
        if ended.status == "COMPLETED":
            [best] = self.oracle.get_best_trials()
            progress.info("%s  val_loss %.4f (best %.4f)  %s", number, ended.score, best.score, values)
        else:
            progress.info("%s  failed: %s  %s", number, self._why(trial.trial_id), values)

    def on_search_end(self) -> None:
        """Refuses a search that has found nothing: KerasTuner would call any of the failed trials the best.

        Raises:
          ExplainedError: all trials have failed.
        """
        trials = self.oracle.trials
        if not any(trial.status == "COMPLETED" for trial in trials.values()):
            last = self._why(self.oracle.end_order[-1])
            raise ExplainedError(
                f"All {len(trials)} trials of the tuning have failed, the last one by: {last}. Try a lower "
                "learning_rate or a smaller batch_size in the settings; the log has the whole errors."
            )

    def _why(self, trial_id: str) -> str:
        return self._failures.get(trial_id, "its loss is no number")


class _OwnValuesFirst(keras_tuner.oracles.BayesianOptimizationOracle):
    """Tries the settings' own values first, so that what is found is never worse than they are in a trial."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        if not self.trials:
            return {"status": "RUNNING", "values": {hp.name: hp.default for hp in self.hyperparameters.space}}
        suggested: dict[str, Any] = super().populate_space(trial_id)
        return suggested


class _EndOfSearchError(InputError, keras_tuner.errors.FatalError):
    """KerasTuner counts any other exception of a trial as its failure, and goes on with the next one."""


def _described(values: dict[str, Any]) -> str:
    shown = {name: f"{value:.3g}" if isinstance(value, float) else value for name, value in values.items()}
    return "  ".join(f"{name} {value}" for name, value in shown.items())
