"""A reader that behaves as TensorFlow Serving does, in a process of its own."""

from __future__ import annotations

from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import tensorflow as tf

from tests.components.push_faults.pushing import versions


def export(folder: Path, answer: float) -> Path:
    """Writes a SavedModel whose signature gives the answer times its input."""

    class Scaled(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.factor = tf.Variable(answer)

        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
        def __call__(self, values: tf.Tensor) -> dict[str, tf.Tensor]:
            return {"outputs": values * self.factor}

    scaled = Scaled()
    tf.saved_model.save(scaled, str(folder / "Format-Serving"), signatures=scaled.__call__)
    return folder


LOADS, VERSIONS = 200, 20


def read_on(base: Path, enough: Event, stop: Event, results: Any) -> None:
    """Loads the newest version and asks it, again and again; says when it has done so often enough.

    Puts (loads, of how many versions, how many versions were withdrawn before they were loaded, failures).
    """
    loads, seen, missed, failures = 0, set(), set(), []
    while not stop.is_set():
        version = versions(base)[-1]
        try:
            answer = ask(base / str(version))
            if answer != [2.0, 4.0]:
                failures.append(f"{version} says {answer}")
            loads += 1
            seen.add(version)
            if loads >= LOADS and len(seen) >= VERSIONS:
                enough.set()
        except (OSError, ValueError, tf.errors.OpError) as error:
            # TensorFlow Serving goes on with what it has loaded when a version is withdrawn before it is loaded.
            if (base / f".withdrawn-{version}").is_dir():
                missed.add(version)
            else:
                failures.append(f"{version}: {error}")
    results.put((loads, len(seen), len(missed), failures))


def ask(folder: Path) -> list[float]:
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        loaded = tf.compat.v1.saved_model.load(session, ["serve"], str(folder))
        signature = loaded.signature_def["serving_default"]
        [fed], [fetched] = signature.inputs.values(), signature.outputs.values()
        answer: list[float] = session.run(fetched.name, {fed.name: [1.0, 2.0]}).tolist()
        return answer
