"""`emotion-ai score` on small models that are pushed by hand."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from components.errors import InputError
from pipeline import scoring
from pipeline.emotion.features import CLASSES
from pipeline.emotion.training import outputs as emotion_outputs
from pipeline.keypoints.features import COORDINATES
from pipeline.keypoints.training import outputs as keypoints_outputs
from pipeline.scoring import score_csv
from pipeline.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]
SIZES = {"emotion_ai": 48, "facial_keypoints": 96}
N_OUTPUTS = {"emotion_ai": len(CLASSES), "facial_keypoints": len(COORDINATES)}
OUTPUTS = {"emotion_ai": emotion_outputs, "facial_keypoints": keypoints_outputs}
COLUMNS = {"emotion_ai": "pixels", "facial_keypoints": "Image"}


class Linear(tf.Module):
    """A model without depth, with the signature of a real one."""

    def __init__(self, name: str, seed: int) -> None:
        super().__init__()
        self.model_name, self.size = name, SIZES[name]
        weights = np.random.default_rng(seed).normal(size=(self.size**2, N_OUTPUTS[name]), scale=0.02)
        self.weights = tf.Variable(weights.astype(np.float32))

    def predict(self, images: tf.Tensor) -> dict[str, tf.Tensor]:
        pixels = tf.reshape(tf.cast(images, tf.float32), [-1, self.size**2]) / 255
        values = pixels @ self.weights
        sizes = tf.fill([tf.shape(pixels)[0], 2], float(self.size))
        return OUTPUTS[self.model_name](tf.nn.softmax(values) if self.model_name == "emotion_ai" else values, sizes)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def serving_examples(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        raw = tf.io.parse_example(examples, {"image": tf.io.FixedLenFeature([], tf.string)})
        return self.predict(tf.io.decode_raw(raw["image"], tf.uint8))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Two versions of each model; the log folder that the command makes is there."""
    place = Workspace(tmp_path_factory.mktemp("workspace"))
    place.logs.mkdir(parents=True)
    for name in SIZES:
        for version in (9, 10):
            model = Linear(name, version)
            path = str(place.models / name / str(version))
            tf.saved_model.save(model, path, signatures={"serving_examples": model.serving_examples})
    return place


def faces(n: int, size: int) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(n).integers(0, 256, (n, size, size), np.uint8)


def text(image: npt.NDArray[np.uint8]) -> str:
    return " ".join(map(str, image.ravel()))


def write_test_csv(path: Path, name: str, cells: list[str]) -> Path:
    """As Kaggle's test files are: no labels."""
    rows = [f"{number},{cell}" for number, cell in enumerate(cells, 1)]
    path.write_text("\n".join([f"ImageId,{COLUMNS[name]}", *rows]) + "\n")
    return path


def table(path: Path) -> tuple[list[str], list[list[str]]]:
    header, *rows = csv.reader(path.read_text().splitlines())
    return header, rows


def assert_same(one: Path, other: Path) -> None:
    """Same rows and labels; probabilities differ in the last digit by the size of the batch that a face was in."""
    (header, rows), (other_header, other_rows) = table(one), table(other)
    assert header == other_header
    assert [row[:2] for row in rows] == [row[:2] for row in other_rows]
    values, others = ([[float(value) for value in row[2:]] for row in part] for part in (rows, other_rows))
    np.testing.assert_allclose(values, others, atol=2e-6)


def expected(name: str, version: int, images: npt.NDArray[np.uint8]) -> dict[str, npt.NDArray[Any]]:
    return {key: value.numpy() for key, value in Linear(name, version).predict(tf.constant(images)).items()}


def call(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline.cli", "score", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


def test_emotions_of_the_newest_model_without_the_rows_that_are_bad(workspace: Workspace, tmp_path: Path) -> None:
    images = faces(7, 48)
    cells = [text(image) for image in images]
    cells[1], cells[4] = "1 2 3", cells[4].replace(" ", " x", 1)
    source, out = write_test_csv(tmp_path / "test.csv", "emotion_ai", cells), tmp_path / "predictions.csv"
    result = call("--csv", source, "--out", out, "--workspace", workspace.root)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    first, bad, last = result.stdout.splitlines()
    assert first == f"{source}: scored by {workspace.models}/emotion_ai/10"
    assert bad.startswith("2 of 7 rows left out, the first: row 2, column 'pixels': 3 pixels, expected 2304")
    assert last.startswith(f"5 predictions in {out}, ")
    header, rows = table(out)
    assert header == ["row", "label", *CLASSES]
    assert [int(row[0]) for row in rows] == [1, 3, 4, 6, 7]
    answer = expected("emotion_ai", 10, images[[0, 2, 3, 5, 6]])
    assert [row[1] for row in rows] == [label.decode() for label in answer["label"]]
    np.testing.assert_allclose([[float(p) for p in row[2:]] for row in rows], answer["probabilities"], atol=1e-5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["predictions.csv", "test.csv"]
    assert [path.name for path in workspace.logs.parent.iterdir()] == ["logs"], "nothing else is left behind"


def test_keypoints_of_a_named_version(workspace: Workspace, tmp_path: Path) -> None:
    images = faces(3, 96)
    source = write_test_csv(tmp_path / "test.csv", "facial_keypoints", [text(image) for image in images])
    out, terminal = tmp_path / "predictions.csv", io.StringIO()
    score_csv(source, "facial_keypoints", 9, out, workspace, terminal)
    assert "facial_keypoints/9\n3 predictions" in terminal.getvalue()
    header, rows = table(out)
    assert header == ["row", *COORDINATES]
    keypoints = expected("facial_keypoints", 9, images)["keypoints"].reshape(3, 30)
    np.testing.assert_allclose([[float(value) for value in row[1:]] for row in rows], keypoints, rtol=1e-4)


def test_labels_are_not_needed_and_not_read(
    workspace: Workspace, drawn_csvs: tuple[Path, Path], tmp_path: Path
) -> None:
    header, *lines = drawn_csvs[1].read_text().splitlines()
    assert header == "emotion, Usage, pixels"
    mislabelled = tmp_path / "labelled.csv"
    mislabelled.write_text("\n".join([header, *("?" + line[1:] for line in lines)]) + "\n")
    bare = write_test_csv(tmp_path / "bare.csv", "emotion_ai", [line.rsplit(",", 1)[1] for line in lines])
    for path in (mislabelled, bare):
        score_csv(path, "emotion_ai", None, path.with_suffix(".out"), workspace, io.StringIO())
    _, rows = table(bare.with_suffix(".out"))
    assert [int(row[0]) for row in rows] == list(range(1, len(lines) + 1)), "of every class, in the file's order"
    assert_same(mislabelled.with_suffix(".out"), bare.with_suffix(".out"))


def test_portions_change_nothing(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = [text(image) for image in faces(9, 48)]
    cells[2] = ""
    source, terminal = write_test_csv(tmp_path / "test.csv", "emotion_ai", cells), io.StringIO()
    score_csv(source, "emotion_ai", None, tmp_path / "whole.csv", workspace, io.StringIO())
    monkeypatch.setattr(scoring, "_PORTION_ROWS", 4)
    score_csv(source, "emotion_ai", None, tmp_path / "portions.csv", workspace, terminal)
    assert_same(tmp_path / "portions.csv", tmp_path / "whole.csv")
    assert "4 faces scored" in terminal.getvalue()
    assert "8 faces scored" in terminal.getvalue()


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ([], "no rows below the header"),
        (["1 2", "3"], "none of the 2 rows can be used, the first: row 1, column 'pixels': 2 pixels"),
        ([text(faces(1, 48)[0]), "1,2"], "row 2: 3 cells where the header has 2"),
    ],
)
def test_a_file_of_no_use_leaves_nothing_written(
    workspace: Workspace, tmp_path: Path, cells: list[str], message: str
) -> None:
    source, out = write_test_csv(tmp_path / "test.csv", "emotion_ai", cells), tmp_path / "predictions.csv"
    out.write_text("of an earlier call")
    with pytest.raises(InputError, match=message):
        score_csv(source, "emotion_ai", None, out, workspace, io.StringIO())
    assert out.read_text() == "of an earlier call"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["predictions.csv", "test.csv"]


def test_a_model_that_is_not_there_is_named(workspace: Workspace, tmp_path: Path) -> None:
    source = write_test_csv(tmp_path / "test.csv", "facial_keypoints", [text(faces(1, 96)[0])])

    def message(place: Workspace, name: str, version: int | None = None, out: Path = tmp_path / "out.csv") -> str:
        with pytest.raises(InputError) as error:
            score_csv(source, name, version, out, place, io.StringIO())
        return str(error.value)

    assert "Expected facial_keypoints or emotion_ai for --model" in message(workspace, "emotions")
    assert "emotion_ai/8: no such version. Check --version; the newest is 10" in message(workspace, "emotion_ai", 8)
    assert "no model has been pushed yet" in message(Workspace(tmp_path), "emotion_ai")
    assert "no column pixels" in message(workspace, "emotion_ai"), "a file for the other model"
    assert "(Read as faces for --model emotion_ai.)" in message(workspace, "emotion_ai")
    nowhere = tmp_path / "nowhere" / "out.csv"
    assert "cannot be written (No such file or directory). Check --out" in message(
        workspace, "facial_keypoints", out=nowhere
    )


def test_a_wrong_call_is_one_line(workspace: Workspace, tmp_path: Path) -> None:
    source = write_test_csv(tmp_path / "test.csv", "emotion_ai", [text(faces(1, 48)[0])])
    out = tmp_path / "out.csv"
    for arguments, message in (
        (("--csv", tmp_path / "missing.csv", "--out", out, "--workspace", workspace.root), "no such file. Check --csv"),
        (("--csv", source, "--out", source, "--workspace", workspace.root), "must not be overwritten"),
        (("--csv", source, "--out", out, "--workspace", tmp_path / "nowhere"), "check --workspace"),
    ):
        result = call(*arguments)
        assert result.returncode == 1
        assert message in result.stderr
        assert result.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["test.csv"]
