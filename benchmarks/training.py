"""What the Trainers cost beyond the training itself, and what a minute of training buys.

    python -m benchmarks.training [--config FILE] [--minutes M] [--rounds N] [--steps N]
        [--keypoints-csv FILE] [--emotions-csv FILE | --workspace FOLDER]

The rows are those that Transform has left in a workspace, the newest ones, or comes to on the given CSVs: real
executors run first; without a CSV, on the drawn faces. The settings of both trainings are the defaults or those of a
`--config` file. Each net is measured in processes of its own.

- *Speed*: our `fit` (uint8 rows, sampled and augmented in batches, our optimizer, all callbacks) against Keras's
  `model.fit` on NumPy arrays in memory, for the same net and batch, with Keras's AdamW. After each epoch of the one
  comes an epoch of the other, so that both meet the same neighbours on a shared machine. Timed is from the begin of
  step WARM_STEPS + 1 to the end of the last step of each epoch. What happens between epochs is on neither side:
  there, `model.fit` on arrays waits for tf.data's tuner, up to seconds that would flatter us where epochs are as short
  as here.
- *Augmentation*: seconds that a batch takes with the net left out, less those of batches that are not augmented, as a
  part of a step. The other CPUs compute the step meanwhile: what is left of this in the speed is what it costs.
- *Batch normalisation*: the net with our fused layer and with Keras's, steps on the same batch, in alternation.
- *Optimizer*: the net with our fused AdamW and with Keras's, the same way.
- *Moving faces*: our `warp` and TensorFlow's ImageProjectiveTransform on the same batch, in alternation.
- *oneDNN*: steps of the net alone, in processes with TF_ENABLE_ONEDNN_OPTS=1, which is the pipeline's default, and 0.
- *Answer*: CPU time of an image and its mirror image, as the exported graph has them, alone and in a batch.
- *Node*: the real executor of the Trainer in a fresh process, with two epochs of a few steps: where its time goes.
- *Per minute*: validation after so many minutes of a training that was planned to end with them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

TASKS = ("keypoints", "emotion")
TARGET_RATIO, TARGET_OVERHEAD_S, TARGET_ANSWER_MS = 0.97, 15.0, 2.0
TABLE_ROWS = 12


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training")
    parser.add_argument("--config", type=Path, help="settings of the trainings, as of `emotion-ai run`")
    parser.add_argument("--task", choices=TASKS, action="append", help="only this one")
    parser.add_argument("--minutes", type=float, default=0.25, help="of training for each net; 0 to leave it out")
    parser.add_argument("--rounds", type=int, default=3, help="epochs of each side")
    parser.add_argument("--steps", type=int, default=60, help="of an epoch")
    parser.add_argument("--keypoints-csv", type=Path)
    parser.add_argument("--emotions-csv", type=Path)
    parser.add_argument("--workspace", type=Path, help="where a run has left its artifacts")
    return parser.parse_args()


def turn(name: str, environment: dict[str, str] | None = None, **arguments: Any) -> Any:
    """What `benchmarks.training_turns` finds, in a process of its own, with some more environment variables."""
    process = subprocess.run(
        [sys.executable, "-m", "benchmarks.training_turns", name, json.dumps(arguments), str(time.time())],
        capture_output=True,
        text=True,
        env=os.environ | (environment or {}),
    )
    if process.returncode:
        sys.exit(process.stderr)
    return json.loads(process.stdout.splitlines()[-1])


def print_speed(found: dict[str, Any]) -> None:
    ours, plain = found["ours"], found["plain"]
    step = statistics.median(wall for wall, _ in ours)
    rates = (found["batch_size"] / statistics.median(wall for wall, _ in side) for side in (ours, plain))
    print("  our fit {:,.0f} images/s, model.fit on NumPy arrays {:,.0f}".format(*rates), end="")
    print(f"; batches of {found['batch_size']}")
    by_wall, by_cpu = ([b[kind] / a[kind] for a, b in zip(ours, plain, strict=True)] for kind in (0, 1))
    print(f"  ratio {statistics.median(by_wall):.3f} (target {TARGET_RATIO};", end=" ")
    print(f"rounds {min(by_wall):.3f} to {max(by_wall):.3f}; by CPU time {statistics.median(by_cpu):.3f})")
    augmentation = (found["batch_s"] - found["plain_batch_s"]) / step
    print(
        f"  augmentation: {augmentation:.1%} of a step ({(found['batch_s'] - found['plain_batch_s']) * 1e3:.2f} of "
        f"{step * 1e3:.2f} ms); sampling, gathering and casting {found['plain_batch_s'] / step:.1%}"
    )
    print_turns("batch normalisation", "Keras's layer", "step", *found["normalisation"])
    print_turns("optimizer", "Keras's AdamW", "step", *found["optimizer"])
    print_turns("moving faces", "TensorFlow's operation", "batch", *found["warp"])
    answers = (f"{seconds * 1e3:.2f} ms in a batch of {n}" for n, seconds in found["answer_cpu_s"].items())
    print(f"  CPU time of an answer, with the mirror image: {', '.join(answers)} (target under {TARGET_ANSWER_MS:g})")
    monitoring = [statistics.median(seconds) * 1e3 for seconds in zip(*found["monitoring"], strict=True)]
    print("  monitoring: {:.0f} ms at the end of an epoch (CPU {:.0f} ms)".format(*monitoring))


def print_turns(what: str, theirs: str, unit: str, our_s: list[float], their_s: list[float]) -> None:
    ratio = statistics.median(b / a for a, b in zip(our_s, their_s, strict=True))
    milliseconds = (statistics.median(seconds) * 1e3 for seconds in (their_s, our_s))
    print(f"  {what}: {theirs} takes {ratio:.2f} times as long a {unit}", end=" ")
    print("({:.1f} ms against {:.1f})".format(*milliseconds))


def print_onednn(**common: Any) -> None:
    with_it, without = (turn("step", {"TF_ENABLE_ONEDNN_OPTS": switch}, **common) for switch in "10")
    print(f"  oneDNN: a step of the net takes {with_it / without:.2f} of the time without", end=" ")
    print(f"({with_it * 1e3:.1f} ms against {without * 1e3:.1f})")


def print_node(found: dict[str, list[float]]) -> None:
    wall, cpu = (sum(seconds) for seconds in zip(*found.values(), strict=True))
    print(f"  node beyond training: {wall:.1f} s (target under {TARGET_OVERHEAD_S:g}; CPU {cpu:.1f} s)")
    for name, (of_wall, of_cpu) in found.items():
        print(f"    {name:22} {of_wall:6.1f} s (CPU {of_cpu:.1f} s)")


def print_curve(found: dict[str, Any]) -> None:
    epochs = found["epochs"]
    names = [name for name in epochs[0] if name != "minutes"]
    print(f"  {'minutes':>9} {'epoch':>6}  " + "  ".join(f"{name:>14}" for name in names))
    every = -(-len(epochs) // TABLE_ROWS)
    for number, epoch in enumerate(epochs, start=1):
        if number % every == 0 or number == len(epochs):
            values = "  ".join(f"{epoch[name]:14.4f}" for name in names)
            print(f"  {epoch['minutes']:9.2f} {number:6}  {values}")


def main() -> None:
    given = options()
    tasks = given.task or TASKS
    with tempfile.TemporaryDirectory() as folder:
        files = {"keypoints": given.keypoints_csv, "emotion": given.emotions_csv}
        csvs = {task: str(files[task].resolve()) if files[task] else None for task in tasks}
        config = str(given.config) if given.config else None
        workspace = str(given.workspace.resolve()) if given.workspace else None
        artifacts = turn("prepare", folder=folder, csvs=csvs, workspace=workspace)
        for task in tasks:
            common = {"task": task, "artifacts": artifacts[task], "config": config}
            found = turn("measure", **common, rounds=given.rounds, steps=given.steps, minutes=given.minutes)
            print(f"\n{task}: width {found['width']}, {found['rows']:,} rows, {os.cpu_count()} CPUs;", end=" ")
            print(f"medians of {given.rounds} rounds of {given.steps} steps")
            print_speed(found)
            print_onednn(**common)
            print_node(turn("node", **common, folder=str(Path(folder, task, "node"))))
            if found["epochs"]:
                print_curve(found)
            sys.stdout.flush()


if __name__ == "__main__":
    main()
