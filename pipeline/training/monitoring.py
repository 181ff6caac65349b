"""What TensorBoard gets of a training: curves, and pictures of what the model sees and answers."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from PIL import Image, ImageDraw, ImageFont

from pipeline.face_sheets import ShownFace, draw_sheet
from pipeline.training.faces import Faces
from pipeline.training.metrics import MacroF1
from pipeline.training.recipe import Recipe
from pipeline.training.schedule import OneCycle
from pipeline.training.settings import Training

Floats = npt.NDArray[np.float32]
Points = list[tuple[float, float]]

# A run in TensorBoard, beside Keras's 'train' and 'validation'. Not in their files: who reads the curves, as the
# dashboard does, need not read megabytes of pictures.
PICTURES = "pictures"
AUGMENTED, ANSWERS, CONFUSION = "augmented_inputs", "eval_answers", "eval_confusion"
_DESCRIPTIONS = {
    AUGMENTED: "Rows of `train`, changed at random as the model sees them, and their labels.",
    ANSWERS: "Rows of `eval`. Points: turquoise the true ones, red the model's. Classes: the true one, then the "
    "model's with its probability.",
    CONFUSION: "All of `eval`: rows are the true class, columns the predicted one; per cent of the row.",
}

_AUGMENTED_FACES, _AUGMENTED_COLUMNS, _AUGMENTED_CELL = 32, 8, 96
_ANSWERED_FACES, _ANSWERED_COLUMNS, _ANSWERED_CELL = 12, 6, 144
_TRUE_POINTS, _ANSWERED_POINTS = "#22e6c8", "#ff3b30"
_RIGHT, _WRONG = "#0b7a6c", "#c34b3d"

# Pixels of the picture of a confusion matrix.
_MATRIX_CELL, _MATRIX_LEFT, _MATRIX_TOP, _MATRIX_TEXT = 84, 90, 48, 16
_DEEPEST = np.array([12, 108, 242])


def monitors(
    recipe: Recipe, settings: Training, train: Faces, evaluation: Faces, folder: str
) -> list[keras.callbacks.Callback]:
    """Callbacks that write for TensorBoard.

    Of a training on several workers each one needs them, with a folder of its own: to read a metric's sums all workers
    must take part.

    Args:
      recipe: of the training.
      settings: of the training.
      train: rows that are fitted.
      evaluation: rows that the training is stopped by.
      folder: to write to, also in an object store.
    """
    pictures = os.path.join(folder, PICTURES)
    return [Curves(folder), _Pictures(recipe, settings, train, evaluation, pictures)]


class Curves(keras.callbacks.TensorBoard):
    """Keras's curves; a training that goes on has those of its first epochs, too."""

    def replay(self, history: Sequence[Mapping[str, float]], schedule: OneCycle, steps: int) -> None:
        """Writes epochs of before the restart, which stand in another node's folder; to be called before `fit`.

        Args:
          history: what Keras has logged at the end of each epoch.
          schedule: of the learning rate.
          steps: in an epoch.
        """
        of_run: dict[str, list[dict[str, float]]] = {"train": [], "validation": []}
        for epoch, logs in enumerate(history):
            measured = {name: value for name, value in logs.items() if not name.startswith("val_")}
            of_run["train"].append({**measured, "learning_rate": schedule(steps * (epoch + 1))})
            of_run["validation"].append({name[4:]: value for name, value in logs.items() if name.startswith("val_")})
        for run, epochs in of_run.items():
            with tf.summary.create_file_writer(os.path.join(self.log_dir, run)).as_default():
                for epoch, values in enumerate(epochs):
                    for name, value in values.items():
                        tf.summary.scalar(f"epoch_{name}", value, step=epoch)


class _Pictures(keras.callbacks.Callback):
    """Draws augmented training faces once, and at each epoch's end what the model makes of `eval`."""

    def __init__(self, recipe: Recipe, settings: Training, train: Faces, evaluation: Faces, folder: str) -> None:
        super().__init__()
        self._recipe = recipe
        self._settings = settings
        self._train = train.spread(_AUGMENTED_FACES)
        self._evaluation = evaluation.spread(_ANSWERED_FACES)
        self._folder = folder

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        self._writer = tf.summary.create_file_writer(self._folder)
        seed = tf.constant([self._settings.seed, 0], tf.int64)
        images, labels = tf.constant(self._train.images), tf.constant(self._train.labels)
        images, labels = self._recipe.augment(images, labels, seed, self._settings.augmentation)
        faces = shown_faces(self._recipe, images.numpy(), labels.numpy())
        self._write(AUGMENTED, draw_sheet(faces, _AUGMENTED_COLUMNS, _AUGMENTED_CELL), 0)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        images, labels = tf.cast(self._evaluation.images, tf.float32), self._evaluation.labels
        answers = self.model(images, training=False).numpy()
        faces = shown_faces(self._recipe, images.numpy(), labels, answers)
        self._write(ANSWERS, draw_sheet(faces, _ANSWERED_COLUMNS, _ANSWERED_CELL), epoch)
        for compiled in self.model.metrics:
            for metric in getattr(compiled, "metrics", []):
                if isinstance(metric, MacroF1):
                    # Validation was the last to add it up: nothing need be predicted again.
                    matrix = keras.ops.convert_to_numpy(metric.total_cm)
                    self._write(CONFUSION, draw_confusion(matrix, self._recipe.classes), epoch)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        self._writer.close()

    def _write(self, name: str, picture: Image.Image, step: int) -> None:
        with self._writer.as_default():
            tf.summary.image(name, np.asarray(picture)[np.newaxis], step=step, description=_DESCRIPTIONS[name])
        # To be seen while the training goes on.
        self._writer.flush()


def shown_faces(recipe: Recipe, images: Floats, labels: Floats, answers: Floats | None = None) -> list[ShownFace]:
    """Faces with their labels: the points drawn in, the class below; what is answered in another colour.

    Args:
      recipe: of the model.
      images: float32 [n, size, size, 1], gray values.
      labels: float32 [n, outputs], as the loss takes them.
      answers: the model's output for the images, float32 [n, outputs]; None to show the labels alone.
    """
    gray = images[..., 0].round().clip(0, 255).astype(np.uint8)
    points: list[dict[str, Points]] = [{} for _ in gray]
    captions: list[list[tuple[str, str]]] = [[] for _ in gray]
    if recipe.points:
        for colour, values in ((_TRUE_POINTS, labels), (_ANSWERED_POINTS, answers)):
            if values is not None:
                for of_face, found in zip(points, recipe.points(tf.constant(values)).numpy(), strict=True):
                    # Those that are not marked are NaN; a model that has just begun may answer anything.
                    inside = ((found >= 0) & (found < recipe.image_size)).all(axis=1)
                    of_face[colour] = [tuple(point) for point in found[inside].tolist()]
    if recipe.classes:
        truth = [recipe.classes[class_id] for class_id in labels.argmax(axis=1)]
        for lines, name in zip(captions, truth, strict=True):
            lines.append((name, "black"))
        if answers is not None:
            for lines, name, answer in zip(captions, truth, answers, strict=True):
                said = recipe.classes[answer.argmax()]
                lines.append((f"{said} {answer.max():.2f}", _RIGHT if said == name else _WRONG))
    return [ShownFace(*face) for face in zip(gray, points, captions, strict=True)]


def draw_confusion(matrix: Floats, classes: Sequence[str]) -> Image.Image:
    """A confusion matrix with its numbers: how many, and which part of the class's rows; RGB.

    Args:
      matrix: [classes, classes], rows truth x columns prediction.
      classes: names by class id.
    """
    font = ImageFont.load_default(_MATRIX_TEXT)
    picture = Image.new("RGB", (cell_corner(len(classes), 0)[0], cell_corner(0, len(classes))[1]), "white")
    pen = ImageDraw.Draw(picture)
    pen.text((6, 6), "true \\ predicted", "gray", ImageFont.load_default(12))
    half = _MATRIX_CELL // 2
    for place, name in enumerate(classes):
        left, top = cell_corner(place, place)
        pen.text((left + half, _MATRIX_TOP - 6), name, "black", font, anchor="ms")
        pen.text((_MATRIX_LEFT - 6, top + half), name, "black", font, anchor="rm")
    counts = matrix.astype(np.float64)
    totals = counts.sum(axis=1)
    for truth, prediction in np.ndindex(*counts.shape):
        count = counts[truth, prediction]
        part = count / totals[truth] if totals[truth] else 0.0
        left, top = cell_corner(prediction, truth)
        pen.rectangle((left, top, left + _MATRIX_CELL - 2, top + _MATRIX_CELL - 2), fill=cell_colour(part))
        ink = "white" if part > 0.5 else "black"
        pen.text((left + half, top + half - 3), f"{count:,.0f}", ink, font, anchor="mb")
        pen.text((left + half, top + half + 3), f"{part:.0%}", ink, font, anchor="mt")
    return picture


def cell_corner(column: int, row: int) -> tuple[int, int]:
    """Left and top of a cell in the picture, in pixels."""
    return _MATRIX_LEFT + column * _MATRIX_CELL, _MATRIX_TOP + row * _MATRIX_CELL


def cell_colour(part: float) -> tuple[int, int, int]:
    """From white for no row of the class to blue for all of them."""
    red, green, blue = (255 + (_DEEPEST - 255) * part).round().astype(int).tolist()
    return red, green, blue
