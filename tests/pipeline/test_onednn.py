"""TensorFlow computes with oneDNN on every CPU, unless a person says otherwise."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

VARIABLE = "TF_ENABLE_ONEDNN_OPTS"
# What TensorFlow itself has made of the variable.
ASK = "import pipeline; from tensorflow.python.util import _pywrap_util_port as port; print(port.IsMklEnabled())"


@pytest.mark.parametrize(("given", "enabled"), [(None, "True"), ("0", "False")])
def test_onednn_is_on_unless_it_was_switched_off(given: str | None, enabled: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    if given is not None:
        environment[VARIABLE] = given
    asked = subprocess.run([sys.executable, "-c", ASK], env=environment, capture_output=True, text=True, check=True)
    assert asked.stdout.strip() == enabled
