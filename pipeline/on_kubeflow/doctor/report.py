"""Prints what the doctor finds."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

from rich.markup import escape

from pipeline.on_kubeflow.doctor.examination import examine
from pipeline.on_kubeflow.doctor.problem import Problem
from pipeline.terminal import new_console, simple_table

_COLOURS = {"error": "red", "warning": "yellow"}
_PACKAGE = "the package"
_SHOWN_NODES = 6


def show_problems(package: Path, terminal: TextIO) -> bool:
    """Prints a package's problems, those of several nodes as one.

    Args:
      package: its file.
      terminal: to print to.

    Returns:
      Whether Kubeflow runs it: there is no error, though there may be warnings.

    Raises:
      InputError: it cannot be read.
    """
    problems = examine(package)
    console = new_console(terminal)
    if problems:
        table = simple_table("severity")
        table.add_column("node", overflow="fold", max_width=28)
        table.add_column("what, and what to do", overflow="fold")
        for (severity, what, remedy), nodes in _grouped(problems).items():
            table.add_row(
                f"[{_COLOURS[severity]}]{severity}[/]",
                escape(_listed(nodes)),
                f"{escape(what)}\n[dim]{escape(remedy)}[/]",
            )
        console.print(table)
    errors = sum(problem.severity == "error" for problem in problems)
    console.print(f"{package}: {_count(errors, 'error')}, {_count(len(problems) - errors, 'warning')}", soft_wrap=True)
    return errors == 0


def _grouped(problems: list[Problem]) -> dict[tuple[str, str, str], list[str]]:
    groups: dict[tuple[str, str, str], list[str]] = {}
    for problem in problems:
        groups.setdefault((problem.severity, problem.what, problem.remedy), []).append(problem.node or _PACKAGE)
    return groups


def _listed(nodes: list[str]) -> str:
    more = len(nodes) - _SHOWN_NODES
    return "\n".join([*nodes[:_SHOWN_NODES], *([f"and {more} more"] if more > 0 else [])])


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
