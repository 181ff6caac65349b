"""Functions that are TFX components. TFX wants their annotations as types, and so no `from __future__` here."""

from tfx.dsl.component.experimental.annotations import OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import String


@component
def first_component(rows: Parameter[int], text: OutputArtifact[String]):
    """Has an output that is another one's parameter."""


@component
def second_component(text: Parameter[str]):
    """Has a parameter that is known when it runs."""


@component
def exit_component(status: Parameter[str]):
    """Runs when all others have ended."""
