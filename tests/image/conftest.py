"""The image, built once."""

from __future__ import annotations

import pytest

from tests.image import engine

# The package, and volumes to run it with.
from tests.kubeflow.conftest import package, package_file, volumes

__all__ = ["image", "package", "package_file", "volumes"]


@pytest.fixture(scope="session")
def image() -> str:
    reason = engine.why_not()
    if reason:
        pytest.skip(f"no image to test: {reason}")
    try:
        return engine.image()
    except LookupError as error:
        pytest.skip(str(error))
