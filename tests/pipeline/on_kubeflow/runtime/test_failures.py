"""The last lines of a container that fails."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys

import pytest
import tensorflow as tf
from apache_beam import Create, Map, Pipeline
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from components.errors import ExplainedError, InputError
from pipeline.on_kubeflow.runtime.failures import describe, report

NODE = "EmotionTrainer"


def test_an_explained_error_is_its_one_message(capfd: pytest.CaptureFixture[str]) -> None:
    report(InputError("icml_face_data.csv: row 7: no number. Correct it."), NODE)
    assert capfd.readouterr().err == "EmotionTrainer failed: icml_face_data.csv: row 7: no number. Correct it.\n"


def test_an_explained_error_under_another_one_is_found() -> None:
    try:
        try:
            raise ExplainedError("2 findings in the data.")
        except ExplainedError as error:
            raise RuntimeError("the executor failed") from error
    except RuntimeError as error:
        assert describe(error, NODE) == "EmotionTrainer failed: 2 findings in the data."


def _fail(_: int) -> None:
    raise InputError("a.csv: row 3: empty. Fill it.")


def _divide(x: int) -> float:
    return 1 / x


def test_an_explained_error_of_a_beam_worker_is_its_message() -> None:
    with pytest.raises(Exception) as caught, Pipeline(runner=FnApiRunner()) as pipeline:
        pipeline | Create([1]) | "Read" >> Map(_fail)
    assert describe(caught.value, NODE) == "EmotionTrainer failed: a.csv: row 3: empty. Fill it."


def test_any_error_of_a_beam_worker_is_one_line() -> None:
    with pytest.raises(Exception) as caught, Pipeline(runner=FnApiRunner()) as pipeline:
        pipeline | Create([0]) | "Divide" >> Map(_divide)
    line = describe(caught.value, NODE)
    assert line.startswith("EmotionTrainer failed: ZeroDivisionError: division by zero")
    assert "\n" not in line


def test_any_other_error_has_its_traceback_above_and_its_place(capfd: pytest.CaptureFixture[str]) -> None:
    try:
        raise ValueError("shapes (3,)\nand (4,)")
    except ValueError as error:
        report(error, NODE)
    *above, last = capfd.readouterr().err.strip().splitlines()
    assert above[0] == "Traceback (most recent call last):"
    assert last.startswith(f"EmotionTrainer failed: ValueError: shapes (3,) and (4,) (in {__file__}:")
    assert last.endswith("The traceback stands above.")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            FileNotFoundError(errno.ENOENT, "No such file or directory", "/data/a.csv"),
            "/data/a.csv'. Does the path stand",
        ),
        (tf.errors.NotFoundError(None, None, "/data/a; No such file"), "on a volume that is mounted into this node"),
        (PermissionError(errno.EACCES, "Permission denied", "/models"), "Check the volume's permissions"),
        (tf.errors.PermissionDeniedError(None, None, "gs://b/x"), "the rights of the service account"),
        (OSError(errno.EROFS, "Read-only file system", "/app/x"), "write below /tmp"),
        (OSError(errno.ENOSPC, "No space left on device", "/tmp/x"), "The disk is full"),
        (tf.errors.ResourceExhaustedError(None, None, "/minio/x; No space left on device"), "The disk is full"),
        (tf.errors.PermissionDeniedError(None, None, "/app/x; Read-only file system"), "write below /tmp"),
        (
            RuntimeError(
                "Traceback (most recent call last):\n  File ...\nOSError: [Errno 28] No space left on device: '/tmp/x' "
                "[while running 'Write']"
            ),
            "The disk is full",
        ),
        (
            tf.errors.ResourceExhaustedError(None, None, "OOM when allocating on device:CPU:0 by allocator cpu"),
            "Raise memory_gb of components.EmotionTrainer",
        ),
        (
            tf.errors.ResourceExhaustedError(None, None, "OOM when allocating on device:GPU:0 by allocator GPU_0_bfc"),
            "Take a smaller batch_size",
        ),
        (MemoryError(), "MemoryError: no message. Raise memory_gb of components.EmotionTrainer in the platform file."),
        (
            tf.errors.UnimplementedError(None, None, "File system scheme 's3' not implemented"),
            "Put the file on a volume",
        ),
        (ModuleNotFoundError("No module named 'shap'"), "The image lacks it"),
    ],
)
def test_what_the_platform_lacks_is_said_in_plain_words(error: Exception, words: str) -> None:
    line = describe(error, NODE)
    assert words in line
    assert "\n" not in line


@pytest.mark.parametrize(
    "error",
    [
        tf.errors.NotFoundError(None, None, "No algorithm worked!"),
        tf.errors.UnimplementedError(None, None, "Cast string to float is not supported"),
    ],
)
def test_an_operation_that_fails_is_no_file(error: Exception) -> None:
    assert describe(error, NODE).endswith("The traceback stands above.")


def test_a_missing_secret_is_named() -> None:
    with pytest.raises(KeyError) as caught:
        os.environ["KAGGLE_KEY_THAT_NOBODY_SET"]
    assert describe(caught.value, NODE) == (
        "EmotionTrainer failed: the environment variable KAGGLE_KEY_THAT_NOBODY_SET is not set. Give it to "
        "components.EmotionTrainer in the platform file, under secrets where a secret holds it, else under env."
    )
    with pytest.raises(KeyError) as caught:
        {}["label"]
    assert describe(caught.value, NODE).startswith("EmotionTrainer failed: KeyError: 'label'")


def test_sigterm_ends_with_a_line() -> None:
    code = """
import os, time
from pipeline.on_kubeflow.runtime.failures import exit_on_sigterm
exit_on_sigterm("EmotionTrainer")
if os.fork() == 0:
    print("ready", flush=True)
    time.sleep(60)
time.sleep(60)
"""
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout and process.stdout.readline() == "ready\n"
        # The whole group, as Argo does it.
        os.killpg(process.pid, signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 143
    assert errors.startswith("EmotionTrainer was stopped by Kubernetes (SIGTERM)")
    assert errors.count("\n") == 1, "only the parent speaks"
