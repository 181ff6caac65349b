"""The real command on small drawn data: what it pushes, what it re-runs, and how it refuses.

The tests of a module share one workspace and run in order: each looks at what its own run adds to it.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf
from ml_metadata import MetadataStore
from ml_metadata.proto import metadata_store_pb2
from PIL import Image
from sklearn import metrics as reference
from tfx.orchestration import metadata

from components import predictions
from components.blessing import report
from pipeline.config import EMOTION_METRICS, KEYPOINTS_METRICS
from pipeline.drawn_faces import write_kaggle_csvs
from pipeline.emotion.features import CLASSES
from tests.ports import free_ports

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]
LENIENT = """
keypoints:
  training: {{epochs: {keypoint_epochs}, learning_rate: {keypoint_rate}}}
  thresholds: {{rmse_px: {{at_most: 400, may_worsen_by: {may_worsen_by}}}}}
  slice_thresholds:
    brightness_band: {{rmse_px: {{at_most: 400, may_worsen_by: 400}}}}
    contrast_band: {{rmse_px: {{at_most: 400, may_worsen_by: 400}}}}
    sharpness_band: {{rmse_px: {{at_most: 400, may_worsen_by: 400}}}}
    marked_points: {{rmse_px: {{at_most: 400, may_worsen_by: 400}}}}
emotion:
  training: {{epochs: {emotion_epochs}}}
  thresholds:
    accuracy: {{at_least: {accuracy}, may_worsen_by: {accuracy_may_worsen_by}}}
    macro_f1: {{at_least: 0, may_worsen_by: 1}}
  slice_thresholds:
    brightness_band: {{accuracy: {{at_least: 0, may_worsen_by: 1}}}}
    contrast_band: {{accuracy: {{at_least: 0, may_worsen_by: 1}}}}
    sharpness_band: {{accuracy: {{at_least: 0, may_worsen_by: 1}}}}
    emotion: {{accuracy: {{at_least: {class_accuracy}, may_worsen_by: 1}}}}
  min_slice_examples: 5
"""
JUDGES = ("BaselineModel", "Evaluator", "BlessingGen", "ServableCheck", "ModelCardGen", "RunReport")
AFTER_GATE = ("Transform", "Trainer", *JUDGES, "Pusher")
COMPONENTS = {
    "ExampleGen",
    "Schema",
    "StatisticsGen",
    "ExampleValidator",
    "FindingsGen",
    "DataReport",
    "AnomalyGate",
    "Transform",
    "Trainer",
    *JUDGES,
    "Pusher",
}
HYPERPARAMETERS = "best_hyperparameters.txt"
PUSHERS = {"KeypointsPusher", "EmotionPusher"}


class Result:
    """What a finished command said."""

    def __init__(self, process: subprocess.CompletedProcess[str]) -> None:
        self.code = process.returncode
        self.text = process.stdout + process.stderr
        assert "Traceback" not in self.text

    def nodes(self, mark: str) -> set[str]:
        return set(re.findall(rf"^{mark} (\w+)", self.text, re.MULTILINE))


class Project:
    """A copy of the sources, so that a test can change them, and a workspace."""

    def __init__(self, folder: Path) -> None:
        self.sources, self.workspace = folder / "sources", folder / "workspace"
        for name in ("pipeline", "components", "serving", "dashboard", "schemas"):
            shutil.copytree(ROOT / name, self.sources / name, ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "data").mkdir()
        self.keypoints_csv, self.emotions_csv = write_kaggle_csvs(folder / "data", keypoint_rows=80, emotion_rows=320)
        self.config = folder / "settings.yaml"
        self.configure()

    def configure(self, **values: Any) -> None:
        values = {"keypoint_epochs": 1, "keypoint_rate": 0.002, "may_worsen_by": 400, **values}
        values = {"emotion_epochs": 1, "accuracy": 0, "accuracy_may_worsen_by": 1, "class_accuracy": 0, **values}
        self.config.write_text(LENIENT.format(**values))

    def run(self, *options: str, keypoints: Path | None = None, emotions: Path | None = None) -> Result:
        return self.call(
            *("run", "--workspace", str(self.workspace), "--config", str(self.config)),
            *("--keypoints-csv", str(keypoints or self.keypoints_csv)),
            *("--emotions-csv", str(emotions or self.emotions_csv)),
            *options,
        )

    def call(self, *arguments: str) -> Result:
        command = [sys.executable, "-m", "pipeline.cli", *arguments]
        return Result(subprocess.run(command, cwd=self.sources, capture_output=True, text=True, timeout=600))

    def versions(self, model: str) -> list[int]:
        return sorted(int(path.name) for path in (self.workspace / "models" / model).glob("[0-9]*"))

    def store(self) -> MetadataStore:
        path = self.workspace / "artifacts" / "metadata.sqlite"
        return MetadataStore(metadata.sqlite_metadata_connection_config(str(path)))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def first_run(project: Project) -> Result:
    return project.run()


def test_first_run_blesses_and_pushes_both(project: Project, first_run: Result) -> None:
    assert first_run.code == 0, first_run.text
    assert first_run.nodes("✓") == {f"{task}{name}" for task in ("Keypoints", "Emotion") for name in COMPONENTS}
    for model in ("facial_keypoints", "emotion_ai"):
        [version] = project.versions(model)
        assert f"pushed to {project.workspace}/models/{model}/{version}" in first_run.text
    assert "rows: 320 read" in first_run.text
    assert re.search(r"left out \d+ \(Fear \d+, Neutral \d+\)", first_run.text)
    assert re.search(r"true \\ predicted +Angry +Disgust +Sad +Happy +Surprise", first_run.text)
    assert "epoch 1/1" in first_run.text
    log = re.search(r"log: (.+\.log)", first_run.text)
    assert log and Path(log[1]).stat().st_size > 0
    assert not list(project.workspace.glob("models/*/.pushing*"))
    # Whatever a threshold can be set for is there to be judged.
    assert all(re.search(rf"^ +{name} ", first_run.text, re.MULTILINE) for name in KEYPOINTS_METRICS + EMOTION_METRICS)


def test_metadata_holds_one_successful_execution_of_each_node(project: Project, first_run: Result) -> None:
    executions = project.store().get_executions()
    assert len(executions) == 2 * len(COMPONENTS)
    assert {e.last_known_state for e in executions} == {metadata_store_pb2.Execution.COMPLETE}


def artifact_folder(project: Project, node: str, output: str) -> Path:
    return max((project.workspace / "artifacts" / "nodes" / node / output).iterdir(), key=lambda path: int(path.name))


def test_reported_metrics_equal_scikit_learn_s_on_the_same_predictions(project: Project, first_run: Result) -> None:
    """TFMA's numbers, through the real Evaluator, against the model's answers to the same rows."""
    found = report.read(str(artifact_folder(project, "EmotionBlessingGen", "report")))["metrics"][""]
    uri = artifact_folder(project, "EmotionBlessingGen", "predictions")
    _, labels, probabilities = predictions.read(str(uri))
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(labels, probabilities.argmax(1)), abs=1e-6)
    macro_f1 = reference.f1_score(labels, probabilities.argmax(1), average="macro", zero_division=0, labels=range(5))
    assert found["macro_f1"] == pytest.approx(macro_f1, abs=1e-6)
    # Of a model that has hardly learned some are 0; as for Keras, none counts as less than 1e-7.
    cross_entropy = reference.log_loss(labels, probabilities.astype(float).clip(1e-7), labels=range(5))
    assert found["cross_entropy"] == pytest.approx(cross_entropy, abs=1e-6)

    found = report.read(str(artifact_folder(project, "KeypointsBlessingGen", "report")))["metrics"][""]
    _, points, predicted = predictions.read(str(artifact_folder(project, "KeypointsBlessingGen", "predictions")))
    marked = np.isfinite(points)
    expected = reference.mean_squared_error(points[marked], predicted[marked])
    assert found["mse_px"] == pytest.approx(expected, rel=1e-6)


def test_pushed_versions_carry_card_warm_up_and_statistics(project: Project, first_run: Result) -> None:
    for model in ("facial_keypoints", "emotion_ai"):
        [version] = project.versions(model)
        extra = project.workspace / "models" / model / str(version) / "assets.extra"
        names = {"model_card.json", "model_card.html", "tf_serving_warmup_requests", "training_statistics.pb"}
        assert {path.name for path in extra.iterdir()} == names
        card = (extra / "model_card.html").read_text()
        assert "<h1" in card
        assert "Intended use" in card


def test_each_branch_ends_in_a_page_that_shows_it(project: Project, first_run: Result) -> None:
    for branch, shown in (("Emotion", "Confusion matrix"), ("Keypoints", "nose tip")):
        page = (artifact_folder(project, f"{branch}RunReport", "html") / "report.html").read_text()
        assert f"{branch}: training" in page
        assert shown in page
        assert "cannot be shown" not in page


def test_second_run_changes_nothing_and_says_so(project: Project, first_run: Result) -> None:
    before = [project.versions(model) for model in ("facial_keypoints", "emotion_ai")]
    result = project.run()
    assert result.code == 0
    # The Pushers always look whether the version is still there.
    assert result.nodes("✓") == PUSHERS
    assert "Nothing has changed since the last push" in result.text
    assert [project.versions(model) for model in ("facial_keypoints", "emotion_ai")] == before


def test_changed_settings_rerun_what_they_touch(project: Project, first_run: Result) -> None:
    project.configure(keypoint_epochs=2)
    result = project.run()
    assert result.code == 0
    assert result.nodes("✓") == {"KeypointsTrainer", *(f"Keypoints{name}" for name in JUDGES)} | PUSHERS
    assert len(project.versions("facial_keypoints")) == 2
    assert len(project.versions("emotion_ai")) == 1


def test_changed_threshold_reruns_the_evaluation_and_refuses(project: Project, first_run: Result) -> None:
    project.configure(keypoint_epochs=2, accuracy=0.999)
    result = project.run()
    assert result.code == 1
    judged_again = {f"Emotion{name}" for name in JUDGES if name != "BaselineModel"}
    assert result.nodes("✓") == judged_again | PUSHERS
    assert "not blessed: accuracy is outside its limit" in result.text
    assert len(project.versions("emotion_ai")) == 1
    project.configure(keypoint_epochs=2)


def test_a_refused_slice_is_explained_with_rows_to_look_at(project: Project, first_run: Result) -> None:
    project.configure(keypoint_epochs=2, class_accuracy=1.1)
    result = project.run()
    assert result.code == 1
    assert "not blessed: accuracy (emotion: " in result.text
    shown = project.call("blessing", "--workspace", str(project.workspace))
    assert shown.code == 0
    assert re.search(r"emotion_ai: not blessed, no baseline|emotion_ai: not blessed, baseline: version \d+", shown.text)
    assert re.search(r"accuracy, emotion: Happy +\d+ .*≥ 1\.1 .*✗", shown.text)
    assert re.search(r"- fewer than 5 examples|✗", shown.text)
    assert re.search(r"taken for \w+: \d+ times, say rows \d+", shown.text)
    assert "largest errors: rows " in shown.text
    project.configure(keypoint_epochs=2)


def test_changed_code_reruns_what_it_touches(project: Project, first_run: Result) -> None:
    model = project.sources / "pipeline" / "emotion" / "preprocessing.py"
    model.write_text(model.read_text() + "\n# changed\n")
    result = project.run()
    assert result.code == 0
    assert result.nodes("✓") == {f"Emotion{name}" for name in AFTER_GATE} | PUSHERS


def test_changed_schema_reruns_what_it_touches(project: Project, first_run: Result) -> None:
    schema = project.sources / "schemas" / "keypoints.pbtxt"
    schema.write_text(schema.read_text() + "# changed\n")
    result = project.run()
    assert result.code == 0
    # ExampleGen knows no schema; the gate's inputs are the Examples and the validator's new findings.
    assert result.nodes("✓") == {f"Keypoints{name}" for name in COMPONENTS - {"ExampleGen"}} | {"EmotionPusher"}


def test_changed_data_rerun_their_branch(project: Project, first_run: Result) -> None:
    lines = project.keypoints_csv.read_text().splitlines()
    project.keypoints_csv.write_text("\n".join(lines[:-1]) + "\n")
    result = project.run()
    assert result.code == 0
    assert result.nodes("✓") == {f"Keypoints{name}" for name in COMPONENTS - {"Schema"}} | {"EmotionPusher"}
    assert "rows: 79 read" in result.text


def test_a_tuner_searches_and_the_training_takes_what_it_found(project: Project, first_run: Result) -> None:
    before = project.config.read_text()
    project.config.write_text(before.replace("\nemotion:\n", "\nemotion:\n  tuning: {trials: 2, epochs: 1}\n"))
    try:
        result = project.run()
    finally:
        project.config.write_text(before)
    assert result.code == 0, result.text
    assert result.nodes("✓") == {"EmotionTuner", "EmotionTrainer", *(f"Emotion{name}" for name in JUDGES)} | PUSHERS
    trials = re.findall(r"^ +trial \d/2  val_loss (\S+) \(best \S+\)  (.+)$", result.text, re.MULTILINE)
    assert len(trials) == 2
    assert f"best of the tuning: {min(trials)[1]}\n" in result.text
    # KerasTuner's own tables go to the log.
    assert "Trial 0 summary" not in result.text
    tuned = json.loads((artifact_folder(project, "EmotionTuner", "best_hyperparameters") / HYPERPARAMETERS).read_text())
    card = json.loads((artifact_folder(project, "EmotionModelCardGen", "model_card") / "model_card.json").read_text())
    assert tuned["values"].items() <= card["settings"]["training"].items()
    page = (artifact_folder(project, "EmotionRunReport", "html") / "report.html").read_text()
    assert "Emotion: tuning" in page
    assert "by the tuning; " in page
    assert "cannot be shown" not in page


def test_a_model_worse_than_the_last_blessed_one_is_refused(project: Project, first_run: Result) -> None:
    project.configure(keypoint_epochs=30)
    assert project.run().code == 0
    before = project.versions("facial_keypoints")
    # Next to no learning: all points stay near the centre.
    project.configure(keypoint_rate=1e-9, may_worsen_by=0)
    result = project.run()
    assert result.code == 1
    assert "not blessed: rmse_px is worse than the last blessed model's" in result.text
    assert project.versions("facial_keypoints") == before
    project.configure(keypoint_epochs=30)


def test_a_model_trained_on_shuffled_labels_is_refused(project: Project, tmp_path: Path) -> None:
    """The same pictures, class mix and test, so that only the evaluation can tell. In a workspace of its own."""
    _, emotions = write_kaggle_csvs(tmp_path, keypoint_rows=1, emotion_rows=2000)
    header, *rows = emotions.read_text().splitlines()
    labels, rest = map(np.array, zip(*(row.split(",", 1) for row in rows), strict=True))
    learned = [not usage_and_pixels.startswith("PrivateTest") for usage_and_pixels in rest]
    shuffled = labels.copy()
    shuffled[learned] = np.random.default_rng(0).permutation(labels[learned])
    damaged = tmp_path / "shuffled.csv"
    damaged.write_text("\n".join([header, *map(",".join, zip(shuffled, rest, strict=True))]) + "\n")
    kept, project.workspace = project.workspace, tmp_path / "workspace"
    # Long enough to learn what chance does not give.
    project.configure(emotion_epochs=20, accuracy_may_worsen_by=0)
    try:
        good = project.run("--split", "usage", emotions=emotions)
        before = project.versions("emotion_ai")
        result = project.run("--split", "usage", emotions=damaged)
        after = project.versions("emotion_ai")
    finally:
        project.workspace = kept
        project.configure(keypoint_epochs=30)
    assert good.code == 0, good.text
    assert result.code == 1, result.text
    assert result.nodes("✗") == set()
    assert "not blessed: accuracy is worse than the last blessed model's" in result.text
    assert after == before


def lighter(csv: Path, folder: Path) -> Path:
    """The CSV with pictures 60 gray values lighter, and a third of the labels made Happy."""
    header, *rows = csv.read_text().splitlines()
    changed = []
    for number, row in enumerate(rows):
        label, usage, pixels = row.split(",")
        values = " ".join(str(min(int(value) + 60, 255)) for value in pixels.split())
        changed.append(f"{'3' if number % 3 == 0 else label},{usage},{values}")
    (folder / "lighter.csv").write_text("\n".join([header, *changed]) + "\n")
    return folder / "lighter.csv"


def test_data_unlike_the_served_model_s_stop_their_branch_only(
    project: Project, first_run: Result, tmp_path: Path
) -> None:
    before = project.versions("emotion_ai")
    result = project.run(emotions=lighter(project.emotions_csv, tmp_path))
    assert result.code == 1
    assert result.nodes("✗") == {"EmotionAnomalyGate"}
    assert re.search(r"drift:brightness: Jensen-Shannon divergence 0\.\d+, limit 0\.06", result.text)
    assert re.search(r"drift:emotion: largest difference of a share 0\.\d+, limit 0\.05", result.text)
    assert result.nodes("-") == {f"Emotion{name}" for name in AFTER_GATE}
    assert "KeypointsPusher" in result.nodes("✓")
    assert project.versions("emotion_ai") == before


def check_report_of_the_stopped_run(project: Project, page: Path) -> None:
    reported = project.call("report", "--workspace", str(project.workspace), "--out", str(page))
    assert reported.code == 0, reported.text
    text = page.read_text()
    # What stopped it, and all of the branch that went on.
    assert "black_images" in text
    assert "Keypoints: evaluation" in text
    assert not re.search(r"""<(script|link|img|image)[^>]*=["']https?:""", text)
    missing = project.call("report", "yesterday", "--workspace", str(project.workspace), "--out", str(page))
    assert missing.code == 1
    assert missing.text.startswith("emotion-ai: yesterday: no run of this name.")


def test_findings_of_a_stopped_run_can_be_looked_at(project: Project, first_run: Result, tmp_path: Path) -> None:
    header, *rows = project.emotions_csv.read_text().splitlines()
    kept = [number for number, row in enumerate(rows) if row[0] in "0345"]
    black, copied, copy, unusable = kept[:4]
    rows[black] = f"3,Training,{' '.join(['0'] * 2304)}"
    rows[copied] = "0" + rows[copied][1:]
    rows[copy] = "3" + rows[copied][1:]
    rows[unusable] += " 17"
    damaged = tmp_path / "damaged.csv"
    damaged.write_text("\n".join([header, *rows]) + "\n")
    stopped = project.run(emotions=damaged)
    assert stopped.code == 1
    assert stopped.nodes("✗") == {"EmotionAnomalyGate"}
    assert "quarantine: 1 of 320 rows could not be used" in stopped.text

    shown = project.call("findings", "--workspace", str(project.workspace), "--pictures", str(tmp_path / "pictures"))
    assert shown.code == 0
    for finding, row in (
        ("black_images", black),
        ("conflicting_labels", copied),
        ("too_many_bad_rows", unusable),
    ):
        assert re.search(rf"error +emotion/{finding} +\d", shown.text)
        assert re.search(rf"rows [\d, ]*\b{row + 1}\b", shown.text)
    picture = Image.open(tmp_path / "pictures" / "emotion-conflicting_labels.png")
    # Two faces of 96 pixels beside each other.
    assert picture.size[0] == 2 * 100
    assert np.array_equal(np.array(picture)[:96, :96], np.array(picture)[:96, 100:196])
    assert not (tmp_path / "pictures" / "emotion-too_many_bad_rows.png").exists(), "there is no picture of it"
    check_report_of_the_stopped_run(project, tmp_path / "report.html")

    waivers = tmp_path / "waivers.yaml"
    entry = "  - {{finding: emotion/{0}, who: Ada, why: a test, until: 2100-01-01}}\n"
    names = ("black_images", "conflicting_labels", "too_many_bad_rows", "drift:emotion")
    waivers.write_text("waivers:\n" + "".join(entry.format(name) for name in names))
    project.config.write_text(f"data: {{waivers: {waivers}}}\n{project.config.read_text()}")
    passed = project.run(emotions=damaged)
    project.configure(keypoint_epochs=30)
    assert passed.code == 0, passed.text
    assert re.search(r"findings in the data: 0 error, \d+ warning, \d+ info, 3 waived", passed.text)
    again = project.call("findings", "--workspace", str(project.workspace))
    assert "unmatched_waiver:drift:emotion" in again.text
    assert "Waived by Ada, until 2100-01-01: a test" in again.text


def test_findings_before_any_run_are_explained(project: Project, tmp_path: Path) -> None:
    result = project.call("findings", "--workspace", str(tmp_path))
    assert result.code == 1
    assert result.text.count("\n") == 1
    assert "metadata.sqlite: not there yet. Run `emotion-ai run`" in result.text


def bad_files(folder: Path, good: Path) -> dict[str, tuple[Path, str]]:
    header, *rows = good.read_text().splitlines()
    texts = {
        "empty": ("", "the file is empty"),
        "header only": (header, "no rows below the header"),
        "wrong header": ("\n".join(["label,Usage,pixels", *rows]), "no column emotion"),
        "all rows bad": ("\n".join([header, *["0,Training,1 2 3"] * 20]), "row 1, column 'pixels'"),
        "a row cut off": ("\n".join([header, *rows[:10], "0,Training", *rows[10:]]), "row 11: 2 cells"),
    }
    files = {"missing": (folder / "missing.csv", "no such file")}
    for name, (text, expected) in texts.items():
        path = folder / f"{name.replace(' ', '_')}.csv"
        path.write_text(re.sub(r"(?m)^[26],", "3,", text))
        files[name] = path, expected
    return files


@pytest.mark.parametrize("name", ["missing", "empty", "header only", "wrong header", "all rows bad", "a row cut off"])
def test_bad_input_is_one_clear_message_and_nothing_is_pushed(
    project: Project, first_run: Result, tmp_path: Path, name: str
) -> None:
    path, expected = bad_files(tmp_path, project.emotions_csv)[name]
    project.workspace, kept = tmp_path / "workspace", project.workspace
    try:
        result = project.run("--emotion-coding", "fer2013", emotions=path)
    finally:
        project.workspace = kept
    assert result.code == 1
    assert result.text.count(str(path)) <= 2, "named as input, and in the one message"
    assert expected in result.text
    assert not list(tmp_path.glob("workspace/models/*"))


def test_wrong_call_is_explained(project: Project) -> None:
    result = project.run("--split", "random")
    assert result.code == 1
    assert result.text.count("\n") == 1
    assert "'data.split'" in result.text


@pytest.fixture(scope="module")
def faces(project: Project) -> npt.NDArray[np.uint8]:
    row = project.emotions_csv.read_text().splitlines()[1]
    return np.array(row.rsplit(",", 1)[1].split(), np.uint8).reshape(48, 48)


def png(image: npt.NDArray[np.uint8], kind: str = "PNG", size: int | None = None) -> bytes:
    buffer = io.BytesIO()
    picture = Image.fromarray(image)
    (picture.resize((size, size)) if size else picture).save(buffer, kind)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("model", "size", "output"), [("emotion_ai", 48, "probabilities"), ("facial_keypoints", 96, "keypoints")]
)
def test_pushed_models_serve_as_tensorflow_serving_loads_them(
    project: Project, first_run: Result, faces: npt.NDArray[np.uint8], model: str, size: int, output: str
) -> None:
    image = np.array(Image.fromarray(faces).resize((size, size)))
    example = tf.train.Example()
    example.features.feature["image"].bytes_list.value.append(image.tobytes())
    requests = {
        "serving_default": [png(image), png(image)],
        "serving_tensor": np.stack([image, image]).astype(np.float32),
        "serving_tensor_uint8": np.stack([image, image]),
        "serving_examples": [example.SerializeToString()] * 2,
    }
    path = project.workspace / "models" / model / str(project.versions(model)[-1])
    # The C++ loader and a session, as in the server: a Python load does not find untracked variables.
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        loaded = tf.compat.v1.saved_model.load(session, ["serve"], str(path))

        def call(name: str, value: Any, output: str = output) -> npt.NDArray[Any]:
            signature = loaded.signature_def[name]
            [given] = signature.inputs.values()
            return session.run(signature.outputs[output].name, {given.name: value})

        answers = {name: call(name, value) for name, value in requests.items()}
        for answer in answers.values():
            assert answer.shape == ((2, 5) if model == "emotion_ai" else (2, 15, 2))
            np.testing.assert_allclose(answer, answers["serving_tensor"], atol=1e-4)
        assert call("serving_default", [png(image, "JPEG", 200)]).shape[0] == 1
        with pytest.raises(tf.errors.InvalidArgumentError):
            call("serving_default", [b"no image"])
        mixed = [png(image), b"no image", png(image)]
        np.testing.assert_allclose(call("serving_default", mixed)[::2], answers["serving_default"], atol=1e-5)
        assert (call("serving_default", mixed)[1] == -1).all()
        assert [bool(text) for text in call("serving_default", mixed, "error")] == [False, True, False]
        if model == "emotion_ai":
            assert loaded.signature_def["classify"].method_name == "tensorflow/serving/classify"
            examples = requests["serving_examples"]
            np.testing.assert_allclose(call("classify", examples, "scores"), answers["serving_tensor"], atol=1e-5)
            assert call("classify", examples, "classes")[1].tolist() == [name.encode() for name in CLASSES]
            assert call("serving_default", mixed, "label")[1] == b""
        else:
            wide = [png(np.repeat(image, 2, axis=1))]
            seen = call("serving_default", wide, "keypoints_96x96")
            np.testing.assert_allclose(call("serving_default", wide), (seen + 0.5) * [2, 1] - 0.5, atol=1e-4)


def test_serve_answers_predict_until_it_is_told_to_stop(
    project: Project, first_run: Result, faces: npt.NDArray[np.uint8], tmp_path: Path
) -> None:
    photo = tmp_path / "face.png"
    photo.write_bytes(png(faces))
    grpc_port, rest_port = free_ports(2)
    options = ("--workspace", str(project.workspace), "--port", str(grpc_port), "--rest-api-port", str(rest_port))
    # One of the server's own flags.
    options = (*options, "--file_system_poll_wait_seconds=5")
    command = [sys.executable, "-m", "pipeline.cli", "serve", *options]
    server = subprocess.Popen(command, cwd=project.sources, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout
        assert server.stdout.readline().startswith("Local stand-in for TensorFlow Serving")
        assert server.stdout.readline().startswith("Ready: ")
        for address in (("--rest", f"http://127.0.0.1:{rest_port}"), ("--grpc", f"127.0.0.1:{grpc_port}")):
            asked = project.call("predict", str(photo), *address, "--label", "canary", "--out", str(tmp_path / "drawn"))
            assert asked.code == 0, asked.text
            assert re.search(rf"face.png +1 +({'|'.join(CLASSES)}) +0\.\d+", asked.text)
            assert "tensorflow" not in asked.text
            assert Image.open(tmp_path / "drawn" / "face-faces.png").size[0] >= 48
    finally:
        server.terminate()
    assert server.wait(20) == 0
    refused = project.call("predict", str(photo), "--rest", f"http://127.0.0.1:{rest_port}")
    assert refused.code == 1
    assert "Check that `emotion-ai serve` runs there" in refused.text
    assert refused.text.count("\n") == 1


def test_a_workspace_that_cannot_be_written_is_explained(project: Project, tmp_path: Path) -> None:
    project.workspace, kept = tmp_path / "file" / "workspace", project.workspace
    (tmp_path / "file").write_text("in the way")
    try:
        result = project.run()
    finally:
        project.workspace = kept
    assert result.code == 1
    assert "Check --workspace" in result.text
    assert result.text.count("\n") == 1


def test_a_pushed_model_scores_a_file_and_can_be_withdrawn(project: Project, first_run: Result, tmp_path: Path) -> None:
    """Last: it takes a version away."""
    out = tmp_path / "scores.csv"
    scored = project.call(
        *("score", "--csv", str(project.emotions_csv), "--out", str(out), "--workspace", str(project.workspace))
    )
    assert scored.code == 0, scored.text
    rows = out.read_text().splitlines()
    assert rows[0] == "row,label,Angry,Disgust,Sad,Happy,Surprise"
    assert [int(row.split(",")[0]) for row in rows[1:]] == list(range(1, 321))

    newest = project.versions("facial_keypoints")[-1]
    withdrawn = project.call(
        *("rollback", "facial_keypoints", "--why", "a test", "--who", "Ada"),
        *("--workspace", str(project.workspace)),
    )
    assert withdrawn.code == 0, withdrawn.text
    assert newest not in project.versions("facial_keypoints")
    [record] = project.store().get_executions_by_type("Rollback")
    assert (record.properties["who"].string_value, record.properties["why"].string_value) == ("Ada", "a test")
    again = project.run()
    assert newest not in project.versions("facial_keypoints")
    assert "not pushed" in again.text
