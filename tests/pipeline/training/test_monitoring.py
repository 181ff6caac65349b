"""What a training leaves behind for TensorBoard, read back from the files of real ones."""

from __future__ import annotations

import html
import io
import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageColor
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util

from dashboard.runs import Artifact, Branch, Node
from dashboard.sections import training as training_section
from dashboard.training_log import read_training_log
from pipeline.drawn_faces.dataset import draw_emotion_faces, draw_keypoint_faces
from pipeline.emotion import training as emotion
from pipeline.emotion.evaluation import classification_report
from pipeline.emotion.features import CLASSES
from pipeline.face_sheets import draw_sheet
from pipeline.keypoints import training as keypoints
from pipeline.keypoints.features import HALF_SIZE
from pipeline.training.faces import Faces
from pipeline.training.fit import fit
from pipeline.training.monitoring import (
    ANSWERS,
    AUGMENTED,
    CONFUSION,
    PICTURES,
    Curves,
    cell_colour,
    cell_corner,
    draw_confusion,
    monitors,
    shown_faces,
)
from pipeline.training.recipe import Recipe
from pipeline.training.schedule import OneCycle
from tests.pipeline.training.small_training import small_training

SETTINGS = small_training(learning_rate=0.002)
STEPS = 3


def emotion_faces() -> tuple[Faces, Faces]:
    images, codes = draw_emotion_faces(120, seed=1)
    labels = emotion.one_hot(np.arange(len(codes)) % len(CLASSES))
    return Faces(images[:48, ..., np.newaxis], labels[:48]), Faces(images[48:, ..., np.newaxis], labels[48:])


def keypoint_faces() -> tuple[Faces, Faces]:
    images, points = draw_keypoint_faces(72, seed=1)
    labels = (points.reshape(len(points), -1) / HALF_SIZE - 1).astype(np.float32)
    return Faces(images[:48, ..., np.newaxis], labels[:48]), Faces(images[48:, ..., np.newaxis], labels[48:])


class Recorder(keras.callbacks.Callback):
    """Keeps what is logged at the end of each epoch, and what the model then answers to `eval`."""

    def __init__(self, evaluation: Faces) -> None:
        super().__init__()
        self.images = tf.cast(evaluation.images, tf.float32)
        self.answers: list[Any] = []
        self.logs: list[dict[str, float]] = []

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        self.answers.append(self.model(self.images, training=False).numpy())
        self.logs.append(dict(logs or {}))


class Trained:
    """A training of a recipe with its monitors, in a folder."""

    def __init__(self, recipe: Recipe, faces: tuple[Faces, Faces], folder: Path) -> None:
        self.recipe, self.folder = recipe, folder
        self.train, self.evaluation = faces
        recorder = Recorder(self.evaluation)
        callbacks = monitors(recipe, SETTINGS, self.train, self.evaluation, str(folder))
        fit(recipe, SETTINGS, self.train, self.evaluation, [*callbacks, recorder])
        self.answers, self.logs = recorder.answers, recorder.logs

    def tensors(self, run: str) -> dict[str, dict[int, Any]]:
        """Tag -> step -> value."""
        events = EventAccumulator(str(self.folder / run), size_guidance={"tensors": 0})
        events.Reload()
        return {
            tag: {event.step: tensor_util.make_ndarray(event.tensor_proto) for event in events.Tensors(tag)}
            for tag in events.Tags()["tensors"]
        }

    def pictures(self, tag: str) -> dict[int, Any]:
        """Step -> uint8 [height, width, 3]."""
        return {
            step: np.asarray(Image.open(io.BytesIO(value[2]))) for step, value in self.tensors(PICTURES)[tag].items()
        }


@pytest.fixture(scope="module")
def emotions(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return Trained(emotion.RECIPE, emotion_faces(), tmp_path_factory.mktemp("emotion"))


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return Trained(keypoints.RECIPE, keypoint_faces(), tmp_path_factory.mktemp("keypoints"))


def test_curves_are_those_of_keras_and_of_the_schedule(emotions: Trained, points: Trained) -> None:
    for trained, names in ((emotions, {"loss", "accuracy", "macro_f1"}), (points, {"loss", "rmse_px"})):
        for run, prefix in (("train", ""), ("validation", "val_")):
            curves = trained.tensors(run)
            for name in names:
                values = curves[f"epoch_{name}"]
                assert list(values) == [0, 1]
                logged = [logs[prefix + name] for logs in trained.logs]
                np.testing.assert_allclose(list(values.values()), logged, rtol=1e-5)
        schedule = OneCycle(SETTINGS.learning_rate, STEPS * SETTINGS.epochs)
        rates = trained.tensors("train")["epoch_learning_rate"]
        np.testing.assert_allclose([rates[0], rates[1]], [schedule(STEPS), schedule(2 * STEPS)], atol=1e-9)


def test_macro_f1_is_that_of_the_evaluation(emotions: Trained) -> None:
    for epoch, answers in enumerate(emotions.answers):
        expected = classification_report(matrix_of(emotions, answers))
        assert emotions.logs[epoch]["val_macro_f1"] == pytest.approx(expected["macro_f1"], abs=1e-6)
        assert emotions.logs[epoch]["val_accuracy"] == pytest.approx(expected["accuracy"], abs=1e-6)


def matrix_of(trained: Trained, answers: Any) -> Any:
    matrix = np.zeros((len(CLASSES), len(CLASSES)))
    np.add.at(matrix, (trained.evaluation.labels.argmax(axis=1), answers.argmax(axis=1)), 1)
    return matrix


def test_the_confusion_matrix_of_each_epoch_is_that_of_its_predictions(emotions: Trained) -> None:
    pictures = emotions.pictures(CONFUSION)
    assert list(pictures) == [0, 1]
    for epoch, answers in enumerate(emotions.answers):
        matrix = matrix_of(emotions, answers)
        assert matrix.sum() == len(emotions.evaluation.images)
        np.testing.assert_array_equal(pictures[epoch], np.asarray(draw_confusion(matrix, CLASSES)))


def test_cells_stand_where_truth_meets_prediction() -> None:
    matrix = np.zeros((3, 3))
    matrix[0, 2], matrix[0, 0], matrix[2, 1] = 3, 1, 1_234
    names = ("one", "two", "three")
    picture = draw_confusion(matrix, names)
    for (truth, prediction), part in (((0, 2), 0.75), ((0, 0), 0.25), ((2, 1), 1.0), ((1, 1), 0.0), ((2, 0), 0.0)):
        left, top = cell_corner(prediction, truth)
        assert picture.getpixel((left + 2, top + 2)) == cell_colour(part)
    # The numbers are in the cells: without this class's rows the cell is another one.
    less = matrix.copy()
    less[2, 1] = 1_233
    changed = np.argwhere((np.asarray(picture) != np.asarray(draw_confusion(less, names))).any(axis=2))
    left, top = cell_corner(1, 2)
    right, bottom = cell_corner(2, 3)
    assert len(changed) > 0
    assert (changed >= (top, left)).all()
    assert (changed < (bottom, right)).all()


def test_augmented_inputs_are_drawn_once_with_their_labels(emotions: Trained, points: Trained) -> None:
    for trained in (emotions, points):
        [(step, picture)] = trained.pictures(AUGMENTED).items()
        assert step == 0
        rows = np.linspace(0, len(trained.train.images) - 1, 32).astype(int)
        images, labels = trained.recipe.augment(
            tf.constant(trained.train.images[rows]),
            tf.constant(trained.train.labels[rows]),
            tf.constant([SETTINGS.seed, 0], tf.int64),
            SETTINGS.augmentation,
        )
        shown = shown_faces(trained.recipe, images.numpy(), labels.numpy())
        assert len(shown) == 32
        np.testing.assert_array_equal(picture, np.asarray(draw_sheet(shown, columns=8, cell=96)))
        assert not np.array_equal(shown[0].image, trained.train.images[rows[0], ..., 0])


def test_classes_are_named_and_wrong_answers_stand_out(emotions: Trained) -> None:
    images = emotions.evaluation.images[:2].astype(np.float32)
    answers = np.array([[0.1, 0.1, 0.1, 0.6, 0.1], [0.05, 0.8, 0.05, 0.05, 0.05]], np.float32)
    labels = emotion.one_hot(np.array([2, 1]))
    wrong, right = shown_faces(emotions.recipe, images, labels, answers)
    assert [text for text, _ in wrong.captions] == ["Sad", "Happy 0.60"]
    assert [text for text, _ in right.captions] == ["Disgust", "Disgust 0.80"]
    assert wrong.captions[1][1] != right.captions[1][1]
    assert [caption for caption, _ in shown_faces(emotions.recipe, images, labels)[0].captions] == ["Sad"]


def test_true_and_predicted_points_are_drawn_in_two_colours(points: Trained) -> None:
    labels = np.full((1, 30), np.nan, np.float32)
    labels[0, :2] = 11 / HALF_SIZE - 1, 20 / HALF_SIZE - 1
    answers = np.full((1, 30), 9.0, np.float32)
    answers[0, 2:4] = 40 / HALF_SIZE - 1, 62 / HALF_SIZE - 1
    images = points.evaluation.images[:1].astype(np.float32)
    [face] = shown_faces(points.recipe, images, labels, answers)
    (true_colour, true_points), (said_colour, said_points) = face.points.items()
    # Those that nobody has marked, or that lie outside of the image, are not drawn.
    np.testing.assert_allclose(true_points, [(11, 20)], atol=1e-4)
    np.testing.assert_allclose(said_points, [(40, 62)], atol=1e-4)
    sheet = draw_sheet([face], columns=1, cell=144)
    assert sheet.getpixel((round(11.5 * 1.5), round(20.5 * 1.5))) == ImageColor.getrgb(true_colour)
    assert sheet.getpixel((round(40.5 * 1.5), round(62.5 * 1.5))) == ImageColor.getrgb(said_colour)


def test_eval_faces_are_drawn_with_the_answers_of_each_epoch(emotions: Trained, points: Trained) -> None:
    for trained in (emotions, points):
        rows = np.linspace(0, len(trained.evaluation.images) - 1, 12).astype(int)
        images, labels = trained.evaluation.images[rows].astype(np.float32), trained.evaluation.labels[rows]
        pictures = trained.pictures(ANSWERS)
        assert list(pictures) == [0, 1]
        for epoch, answers in enumerate(trained.answers):
            shown = shown_faces(trained.recipe, images, labels, answers[rows])
            expected = np.asarray(draw_sheet(shown, columns=6, cell=144))
            # Another size of the batch gives other last digits: now and then a point is a pixel away.
            assert (pictures[epoch] != expected).mean() < 0.01


def test_keypoints_have_no_confusion_matrix(points: Trained) -> None:
    assert set(points.tensors(PICTURES)) == {AUGMENTED, ANSWERS}


def test_the_dashboard_shows_metrics_rate_and_settings(emotions: Trained) -> None:
    log = read_training_log(str(emotions.folder))
    assert log is not None
    assert list(log.metrics) == ["loss", "accuracy", "macro_f1"]
    # Pictures would take their time to read, and are none of its business.
    assert log.epochs == [1, 2]
    assert log.learning_rate[2] == pytest.approx(0, abs=1e-9)
    config = json.dumps({"training": SETTINGS.model_dump(), "code_fingerprint": "c0de"})
    run = Artifact(1, "ModelRun", str(emotions.folder), {})
    trainer = Node(
        "EmotionTrainer", "Trainer", "done", 1.0, "", (), {}, {"model_run": (run,)}, {"custom_config": config}
    )
    [section] = training_section.sections(Branch("Emotion", (trainer,)))
    text = html.unescape(str(section.body))
    for name, value in SETTINGS.model_dump().items():
        assert (f"training.{name}" in text) == (value is not None)
    assert "Learning rate by epoch" in text
    assert "Macro F1 by epoch" in text


def test_a_training_that_goes_on_shows_its_first_epochs_too(emotions: Trained, tmp_path: Path) -> None:
    curves, _ = monitors(emotions.recipe, SETTINGS, emotions.train, emotions.evaluation, str(tmp_path))
    assert isinstance(curves, Curves)
    curves.replay(emotions.logs, OneCycle(SETTINGS.learning_rate, STEPS * SETTINGS.epochs), STEPS)
    replayed, log = read_training_log(str(tmp_path)), read_training_log(str(emotions.folder))
    assert replayed is not None
    assert log is not None
    assert replayed.metrics == log.metrics
    assert replayed.learning_rate == pytest.approx(log.learning_rate, abs=1e-9)
