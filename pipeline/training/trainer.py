"""What TFX's Trainer does, from its arguments to the exported model."""

from __future__ import annotations

import tensorflow_transform as tft
from tfx.components.trainer.fn_args_utils import FnArgs

from pipeline.signatures import export
from pipeline.training.checkpoints import checkpoint_file, checkpoint_folder, remove_checkpoint
from pipeline.training.faces import read_faces
from pipeline.training.fit import fit
from pipeline.training.monitoring import monitors
from pipeline.training.recipe import Recipe
from pipeline.training.scoring import score_of
from pipeline.training.settings import read_settings
from pipeline.training.tuning import with_best_values
from pipeline.training.workers import fit_with_workers


def fit_and_export(fn_args: FnArgs, recipe: Recipe) -> None:
    """Fits the recipe's model on `train`, stops by `eval`, exports the best weights as a SavedModel.

    Args:
      fn_args: TFX's arguments; `custom_config` holds the settings as `training`.
      recipe: the model and how to learn it.

    Raises:
      InputError: the settings are wrong, or there is no such model to begin with as they name.
    """
    settings = with_best_values(read_settings(fn_args.custom_config), fn_args.hyperparameters)
    transform = tft.TFTransformOutput(fn_args.transform_output)
    train = read_faces(fn_args, fn_args.train_files, transform, recipe)
    evaluation = read_faces(fn_args, fn_args.eval_files, transform, recipe)
    folder = checkpoint_folder(fn_args.custom_config)
    checkpoint = checkpoint_file(folder, recipe, settings, train, evaluation) if folder else None
    if settings.strategy == "multi_worker":
        trained = fit_with_workers(recipe, settings, train, evaluation, fn_args.model_run_dir, checkpoint)
    else:
        watching = monitors(recipe, settings, train, evaluation, fn_args.model_run_dir)
        trained = fit(recipe, settings, train, evaluation, watching, checkpoint)
    # Of float32 and on one device, whatever it was trained in and on.
    model = recipe.build_model(settings.width)
    model.set_weights(trained.get_weights())
    export(
        model,
        score_of(recipe, model, train),
        transform,
        fn_args.serving_model_dir,
        recipe.image_size,
        recipe.outputs,
        recipe.classes,
    )
    if checkpoint:
        remove_checkpoint(checkpoint)
