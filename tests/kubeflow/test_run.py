"""The whole package, each container's own command as a process of its own, and what the UI shows of it.

The tests share one installation and run in order: each looks at what its own run adds.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pipeline.emotion.features import CLASSES
from tests.kubeflow.conftest import PARAMETERS, training
from tests.kubeflow.packages import part_of
from tests.kubeflow.platform import ui
from tests.kubeflow.platform.metadata import properties
from tests.kubeflow.platform.package import Package
from tests.kubeflow.platform.scheduler import Kubeflow, Run

# Three runs, the first of them of all nodes.
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

MODELS = {"emotion_ai": 48, "facial_keypoints": 96}
PUSHERS = {"EmotionPusher", "KeypointsPusher"}
# What a Trainer's settings touch, and nothing before it.
FROM_TRAINER_ON = (
    "Trainer",
    "BaselineModel",
    "Evaluator",
    "BlessingGen",
    "ServableCheck",
    "ModelCardGen",
    "RunReport",
    "Pusher",
)


def failures(run: Run) -> str:
    return "\n".join(
        f"{name}: {run.tasks[name].message}\n{run.tasks[name].log_text[-3000:]}" for name in run.in_state("FAILED")
    )


def versions(volumes: dict[str, Path], model: str) -> list[int]:
    return sorted(int(path.name) for path in (volumes["models"] / model).glob("[0-9]*"))


def test_all_nodes_are_green(first_run: Run, package: Package) -> None:
    assert first_run.state == "SUCCEEDED", failures(first_run)
    assert first_run.in_state("SUCCEEDED") == package.tasks.keys()
    again = {name: task.logs[0].read_text()[-3000:] for name, task in first_run.tasks.items() if task.attempts > 1}
    assert not again
    slowest = sorted(first_run.tasks.items(), key=lambda item: -item[1].seconds)[:5]
    print(f"{first_run.seconds:.0f} s; {', '.join(f'{name} {task.seconds:.0f}' for name, task in slowest)}")


@pytest.mark.parametrize("model", MODELS)
def test_both_models_are_pushed_and_answer(first_run: Run, volumes: dict[str, Path], model: str) -> None:
    version = versions(volumes, model)[0]
    path = volumes["models"] / model / str(version)
    assert (path / "assets.extra" / "model_card.html").is_file()
    # As TensorFlow Serving loads it.
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        loaded = tf.compat.v1.saved_model.load(session, ["serve"], str(path))
        signature = loaded.signature_def["serving_tensor"]
        images = np.zeros((2, MODELS[model], MODELS[model]), np.float32)
        names = {key: output.name for key, output in signature.outputs.items()}
        answer = session.run(names, {signature.inputs["images"].name: images})
    assert answer["probabilities" if model == "emotion_ai" else "keypoints"].shape[0] == 2
    task = first_run.tasks["EmotionPusher" if model == "emotion_ai" else "KeypointsPusher"]
    assert f"/models/{model}/{version}" in json.dumps(task.metadata("pushed_model"))


def test_artifacts_are_where_kubeflow_put_them(first_run: Run, kubeflow: Kubeflow) -> None:
    """Nothing that a container sees only for itself gets out, and what is said to be there is there."""
    for name, task in first_run.tasks.items():
        for key, artifact in task.outputs.items():
            assert artifact.uri.startswith(f"minio://mlpipeline/v2/emotion-ai/{first_run.id}/{name}/"), (name, key)
            known = json.dumps(properties(artifact))
            assert "/minio/" not in known, (name, key, known)
            empty = not kubeflow.objects.names(artifact.uri)
            assert not empty or artifact.type.startswith("system."), (name, key)


def test_pages_are_single_files_that_need_nothing_else(first_run: Run, kubeflow: Kubeflow) -> None:
    shown = {
        "RunReport": {"html": "training", "evaluation_html": "evaluation"},
        "DataReport": {"statistics_html": "data", "findings_html": "findings"},
    }
    for branch in ("Emotion", "Keypoints"):
        for node, pages in shown.items():
            for key, section in pages.items():
                page = ui.html(first_run.tasks[f"{branch}{node}"].outputs[key], kubeflow.objects)
                assert f"{branch}: {section}" in page, (branch, node, key)
                assert "cannot be shown" not in page


def test_scalar_metrics_are_numbers_with_names_for_people(first_run: Run) -> None:
    emotion = ui.scalar_metrics(first_run.tasks["EmotionRunReport"].outputs["metrics"])
    keypoints = ui.scalar_metrics(first_run.tasks["KeypointsRunReport"].outputs["metrics"])
    assert 0 <= emotion["accuracy"] <= 1
    assert emotion["rows"] > 0
    assert emotion["blessed"] == keypoints["blessed"] == keypoints["servable"] == 1
    assert any("px" in name for name in keypoints)


def test_the_confusion_matrix_is_that_of_the_evaluated_rows(first_run: Run) -> None:
    artifact = first_run.tasks["EmotionRunReport"].outputs["classification_metrics"]
    labels, rows = ui.confusion_matrix(artifact)
    metrics = ui.scalar_metrics(first_run.tasks["EmotionRunReport"].outputs["metrics"])
    assert tuple(labels) == tuple(CLASSES)
    assert np.sum(rows) == metrics["rows"]
    assert np.trace(rows) / np.sum(rows) == pytest.approx(metrics["accuracy"], abs=1e-5)
    curve = ui.roc_curve(artifact)
    assert curve == sorted(curve)
    assert curve[-1] == (1, 1)


def test_before_the_first_push_there_is_no_baseline(first_run: Run) -> None:
    for branch in ("Emotion", "Keypoints"):
        assert first_run.tasks[f"{branch}BaselineModel"].metadata("baseline")["absent"] == 1


@pytest.fixture(scope="module")
def second_run(kubeflow: Kubeflow, package: Package, first_run: Run, volumes: dict[str, Path]) -> Run:
    """Other settings for one Trainer; the rest is as before."""
    assert first_run.state == "SUCCEEDED"
    return kubeflow.run(package, {**PARAMETERS, "emotion_training": training(2, 32)})


def test_what_was_done_before_is_not_done_again(second_run: Run, package: Package) -> None:
    assert second_run.state == "SUCCEEDED", failures(second_run)
    again = {f"Emotion{node}" for node in FROM_TRAINER_ON} | PUSHERS
    assert second_run.in_state("SUCCEEDED") == again
    assert second_run.in_state("CACHED") == package.tasks.keys() - again


def test_a_second_model_is_compared_with_the_first_and_pushed(second_run: Run, volumes: dict[str, Path]) -> None:
    first, second = versions(volumes, "emotion_ai")
    baseline = second_run.tasks["EmotionBaselineModel"].metadata("baseline")
    assert "absent" not in baseline
    assert baseline["version"] == first
    metrics = ui.scalar_metrics(second_run.tasks["EmotionRunReport"].outputs["metrics"])
    assert metrics["last blessed version"] == first
    assert len(versions(volumes, "facial_keypoints")) == 1, "the same model is not pushed twice"
    assert f"/models/emotion_ai/{second}" in json.dumps(second_run.tasks["EmotionPusher"].metadata("pushed_model"))


def test_another_data_version_is_read_anew(kubeflow: Kubeflow, package: Package, first_run: Run) -> None:
    reading = part_of(package, "KeypointsExampleGen")
    assert kubeflow.run(reading, PARAMETERS).in_state("CACHED") == {"KeypointsExampleGen"}
    assert kubeflow.run(reading, {**PARAMETERS, "data_version": "2"}).in_state("SUCCEEDED") == {"KeypointsExampleGen"}


def test_bad_data_stop_their_branch_only(
    kubeflow: Kubeflow, package: Package, first_run: Run, volumes: dict[str, Path]
) -> None:
    header, *rows = (volumes["emotion-ai-data"] / "icml_face_data.csv").read_text().splitlines()
    # As many black pictures as no check lets pass.
    black = [f"{row.split(',')[0]},Training,{' '.join(['0'] * 2304)}" if row[0] == "3" else row for row in rows]
    (volumes["emotion-ai-data"] / "black.csv").write_text("\n".join([header, *black]) + "\n")
    before = versions(volumes, "emotion_ai")
    run = kubeflow.run(package, {**PARAMETERS, "emotions_csv": "/data/black.csv"})
    assert run.state == "FAILED"
    assert run.in_state("FAILED") == {"EmotionAnomalyGate"}, failures(run)
    last = run.tasks["EmotionAnomalyGate"].log_text.splitlines()[-1]
    assert last.startswith("EmotionAnomalyGate failed: ")
    assert "black_images" in last
    assert run.in_state("SKIPPED") >= {"EmotionTransform", "EmotionTrainer", "EmotionPusher"}
    assert run.tasks["KeypointsPusher"].state == "SUCCEEDED"
    assert versions(volumes, "emotion_ai") == before
