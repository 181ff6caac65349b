"""Fingerprints that let the cache see what TFX's own keys do not hold: our code and file contents."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_PACKAGES = ("pipeline", "components", "serving", "dashboard")
_CHUNK_BYTES = 1 << 20


def file_fingerprint(path: Path) -> str:
    """SHA-256 of a file's content, as hexadecimal digits."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def code_fingerprint(module: str, files: Iterable[Path] = ()) -> str:
    """SHA-256 of the sources of a module and of all of ours that it imports, directly or not.

    Found by parsing, nothing is imported. Libraries do not count: they are pinned.

    Args:
      module: dotted path of a module of this project.
      files: further files that the code reads.

    Returns:
      16 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for name, path in sorted(_closure(module).items()):
        digest.update(f"{name}\0".encode() + path.read_bytes())
    for path in files:
        digest.update(file_fingerprint(path).encode())
    return digest.hexdigest()[:16]


def _closure(module: str) -> dict[str, Path]:
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = _source(name)
        if path is None or name in found:
            continue
        found[name] = path
        waiting += _imports(path)
    return found


def _imports(path: Path) -> list[str]:
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            # An imported name may be a module itself; _source drops those that are not.
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [name for name in names if name.split(".")[0] in _PACKAGES]


def _source(module: str) -> Path | None:
    base = _ROOT.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None
