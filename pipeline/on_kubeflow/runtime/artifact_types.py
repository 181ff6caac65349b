"""Python classes of artifact types, by the titles that a package gives them."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any

import yaml
from tfx.orchestration.kubeflow.v2 import compiler_utils
from tfx.types import artifact
from tfx.utils import import_utils


def title_of(schema: Any) -> str:
    """The title of an ArtifactTypeSchema; '' where it is empty, as the driver leaves those of inputs."""
    if schema.instance_schema:
        return str(yaml.safe_load(schema.instance_schema).get("title", ""))
    return str(schema.schema_title)


def register(titles: Iterable[str]) -> None:
    """Tells TFX the classes of types that are not its own.

    TFX takes an unknown title for an import path, which ours (`system.HTML`) are not. The class is looked for among
    those that are loaded already: an executor that uses a class has imported it. For others a bare class will do.

    Args:
      titles: of the node's inputs and outputs.
    """
    loaded = {cls.TYPE_NAME: cls for cls in _subclasses(artifact.Artifact) if cls.TYPE_NAME}
    for title in titles:
        if title and title not in compiler_utils.TITLE_TO_CLASS_PATH:
            cls = loaded.get(title) or type(artifact.Artifact)(title, (artifact.Artifact,), {"TYPE_NAME": title})
            # TFX imports it by module and name.
            name = "Registered_" + re.sub(r"\W", "_", title)
            setattr(sys.modules[__name__], name, cls)
            compiler_utils.TITLE_TO_CLASS_PATH[title] = f"{__name__}.{name}"


def class_of(title: str) -> Any:
    """The class of a type of TFX's own, or of a registered one."""
    return import_utils.import_class_by_path(compiler_utils.TITLE_TO_CLASS_PATH[title])


def _subclasses(cls: Any) -> Iterator[Any]:
    for subclass in cls.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)
