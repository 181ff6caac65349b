"""A training that begins with the weights of a model that was trained before."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow.core.protobuf import trackable_object_graph_pb2

from components.errors import InputError

# Of the list of variables in the SavedModels that `signatures.export` writes.
_VARIABLES = "model_variables"
# State of random numbers, which a new training has of its own.
_SEED = "seed_generator_state"


def weights_index(folder: str) -> Path:
    """The file that lists the weights in a SavedModel.

    Raises:
      InputError: there is none.
    """
    index = Path(folder, "variables", "variables.index")
    if not index.is_file():
        raise _unusable(folder, "there is no SavedModel")
    return index


def load_weights(model: keras.Model, folder: str) -> None:
    """Begins with the weights of a SavedModel, and its averages of batch normalisation; the optimizer begins anew.

    Args:
      model: built; it gets the weights.
      folder: of the SavedModel, say models/emotion_ai/1795380312.

    Raises:
      InputError: there is none, or its model is another one. Nothing was changed.
    """
    found = _read(folder)
    wanted = [(variable.path.rpartition("/")[2], variable) for variable in model.variables]
    if [name for name, _ in found] != [name for name, _ in wanted]:
        raise _unusable(folder, "its model is another one, for another task or of another version of this software")
    for (name, value), (_, variable) in zip(found, wanted, strict=True):
        if value.shape != tuple(variable.shape):
            raise _unusable(
                folder,
                f"its model has another width or another task: a {name} of {list(value.shape)} where this one has "
                f"{list(variable.shape)}",
            )
    for (name, value), (_, variable) in zip(found, wanted, strict=True):
        if name != _SEED:
            variable.assign(value)


def _read(folder: str) -> list[tuple[str, npt.NDArray[np.float32]]]:
    """Last part of the name, and value, of each of a model's variables.

    Raises:
      InputError: there are none.
    """
    index = weights_index(folder)
    try:
        reader = tf.train.load_checkpoint(str(index.with_suffix("")))
        graph = trackable_object_graph_pb2.TrackableObjectGraph.FromString(
            reader.get_tensor("_CHECKPOINTABLE_OBJECT_GRAPH")
        )
        names = {entry.checkpoint_key: entry.full_name for node in graph.nodes for entry in node.attributes}
        ours = [key for key in names if key.startswith(f"{_VARIABLES}/")]
        ours.sort(key=lambda key: int(key.split("/")[1]))
        found = [(names[key].rpartition("/")[2], reader.get_tensor(key)) for key in ours]
    except (tf.errors.OpError, ValueError) as error:
        raise _unusable(folder, f"its weights cannot be read ({error})") from None
    if not found:
        raise _unusable(folder, "it was not written by this pipeline")
    return found


def _unusable(folder: str, why: str) -> InputError:
    return InputError(
        f"setting warm_start: {folder}: {why}. Name the folder of a pushed version of the same model, such as "
        "models/NAME/1795380312, with the same width; or null, to begin anew."
    )
