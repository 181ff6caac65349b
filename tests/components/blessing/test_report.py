from __future__ import annotations

import json
import math
from pathlib import Path

from components.blessing import report


def test_what_is_not_defined_is_null(tmp_path: Path) -> None:
    found = {
        "metrics": {"": {"nme": math.nan, "mse_px": 2.5}},
        "thresholds": [{"value": math.nan, "interval": (1.0, 2.0)}],
    }
    report.write(str(tmp_path), found)
    strict = json.loads((tmp_path / "blessing.json").read_text(), parse_constant=lambda name: 1 / 0)
    assert strict == {
        "metrics": {"": {"nme": None, "mse_px": 2.5}},
        "thresholds": [{"value": None, "interval": [1.0, 2.0]}],
    }
    assert report.read(str(tmp_path)) == strict
