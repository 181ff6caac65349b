"""The benchmark of the trainings runs; what it measures is no business of tests."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

CONFIG = """
emotion:
  training: {width: 16, batch_size: 16}
"""


def test_it_prints_ratios_parts_and_the_curve(drawn_csvs: tuple[Path, Path], tmp_path: Path) -> None:
    config = tmp_path / "small.yaml"
    config.write_text(CONFIG)
    command = [sys.executable, "-m", "benchmarks.training", "--config", str(config), "--task", "emotion"]
    options = ["--emotions-csv", str(drawn_csvs[1]), "--rounds", "1", "--steps", "10", "--minutes", "0.01"]
    process = subprocess.run([*command, *options], capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    for line in (
        r"emotion: width 16, [\d,]+ rows",
        r"our fit [\d,]+ images/s, model\.fit on NumPy arrays [\d,]+; batches of 16",
        r"ratio \d+\.\d{3} \(target 0\.97",
        r"augmentation: -?\d+\.\d% of a step",
        r"optimizer: Keras's AdamW takes \d+\.\d\d times as long a step",
        r"Keras's layer takes \d+\.\d\d times as long a step",
        r"TensorFlow's operation takes \d+\.\d\d times as long a batch",
        r"oneDNN: a step of the net takes \d+\.\d\d of the time without",
        r"monitoring: \d+ ms at the end of an epoch",
        r"node beyond training: \d+\.\d s \(target under 15",
        r"imports +\d+\.\d s",
        r"export +\d+\.\d s",
        r"minutes +epoch +val_accuracy +val_loss +val_macro_f1",
        r"\d\.\d\d +1 +\d\.\d{4} +\d\.\d{4} +\d\.\d{4}",
    ):
        assert re.search(line, process.stdout), f"{line} not in\n{process.stdout}"
