"""Whether code that a package names can be imported here, found out without running any of it."""

from __future__ import annotations

import ast
import functools
import importlib.util
from collections.abc import Iterator
from importlib.machinery import SOURCE_SUFFIXES, all_suffixes
from pathlib import Path

from pipeline.on_kubeflow.doctor.nodes import nodes_of
from pipeline.on_kubeflow.doctor.problem import Problem, error, warning
from pipeline.on_kubeflow.doctor.values import names_code
from pipeline.on_kubeflow.package import Package

_UNKNOWN = "unknown"
_OF_FUNCTION = "_Executor"


def check_imports(package: Package) -> Iterator[Problem]:
    """Every class, function and module that a container's command line or parameters name.

    What has no source that can be read (a compiled module, `from x import *`) is taken to be right.
    """
    for node in nodes_of(package):
        for label, path in names_code(node):
            module, _, attribute = (path, "", "") if label == "-m" else path.rpartition(".")
            wrong = _wrong_with(module, attribute)
            if module == "__main__":
                yield error(
                    node.name,
                    f"{label} names {path}: it was defined in the script that compiled the package, and containers "
                    "run another one.",
                    "Move it into a module of its own, which the image has.",
                )
            elif wrong == _UNKNOWN:
                yield warning(
                    node.name,
                    f"{label} names {path}, and this environment has no package {path.partition('.')[0]}.",
                    "Run doctor where the image's packages are, or install them here; correct the path if it is wrong.",
                )
            elif wrong:
                yield error(
                    node.name,
                    f"{label} names {path}, which cannot be imported: {wrong}.",
                    "Correct the path, or add the code to the package that the image has.",
                )


@functools.cache
def _wrong_with(module: str, attribute: str) -> str | None:
    """What is wrong with a module and a name in it; None if nothing is."""
    found = _find(module)
    if isinstance(found, str):
        return found
    if not attribute or found.suffix not in SOURCE_SUFFIXES:
        return None if found.is_file() or not attribute else f"{found} has no __init__.py, and so no {attribute}"
    try:
        tree = ast.parse(found.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError, RecursionError) as failure:
        return f"{found} is not valid Python ({failure})"
    except OSError:
        return None
    names = set(_names(tree.body))
    # TFX adds the executor of a function that is a component when it decorates it.
    if names & {attribute, attribute.removesuffix(_OF_FUNCTION), "*", "__getattr__"}:
        return None
    return f"{found} has no {attribute}"


def _find(module: str) -> Path | str:
    """The module's file, the folder of a package without one, or what is wrong.

    Only the first part is asked of the import system, which imports a module's parents to find it: TensorFlow, here.
    """
    top, *rest = module.split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        return _UNKNOWN
    folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
    found = Path(spec.origin) if spec.origin else folders[0]
    name = top
    for part in rest:
        if not folders:
            return f"{name} is no package"
        name = f"{name}.{part}"
        places = [place for folder in folders if (place := _in_folder(folder, part))]
        if not places:
            return f"there is no module {name}"
        found = places[0]
        is_package = found.is_dir() or found.stem == "__init__"
        folders = [folder / part for folder in folders if (folder / part).is_dir()] if is_package else []
    return found


def _in_folder(folder: Path, part: str) -> Path | None:
    suffixes = all_suffixes()
    for stem in (folder / part / "__init__", folder / part):
        for suffix in suffixes:
            file = stem.with_name(stem.name + suffix)
            if file.is_file():
                return file
    return folder / part if (folder / part).is_dir() else None


def _names(body: list[ast.stmt]) -> Iterator[str]:
    """Names that statements bind in their module; '*' for those of other modules."""
    for statement in body:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield statement.name
        elif isinstance(statement, (ast.Import, ast.ImportFrom)):
            for alias in statement.names:
                yield alias.asname or alias.name.partition(".")[0]
        else:
            for node in ast.iter_child_nodes(statement):
                yield from (
                    name.id for name in ast.walk(node) if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
                )
            for field in ("body", "orelse", "finalbody"):
                yield from _names(getattr(statement, field, []))
            for handler in getattr(statement, "handlers", []):
                yield from _names(handler.body)
