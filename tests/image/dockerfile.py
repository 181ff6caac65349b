"""kubeflow/Dockerfile, parsed, for the tests."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = ROOT / "kubeflow" / "Dockerfile"


@dataclasses.dataclass(frozen=True)
class Instruction:
    """One instruction.

    Attributes:
      name: in capitals, say COPY.
      flags: those before its arguments, say {"from": "app"}.
      value: what follows, with continued lines joined.
    """

    name: str
    flags: dict[str, str]
    value: str


@dataclasses.dataclass(frozen=True)
class Stage:
    """What follows one FROM.

    Attributes:
      base: the image that it begins with.
      name: after AS; empty for the last one.
      instructions: all but the FROM.
    """

    base: str
    name: str
    instructions: list[Instruction]

    def all(self, name: str) -> list[Instruction]:
        """The instructions of a kind, in their order."""
        return [instruction for instruction in self.instructions if instruction.name == name]

    @property
    def environment(self) -> dict[str, str]:
        """What ENV sets."""
        return {
            name: value.strip('"')
            for instruction in self.all("ENV")
            for name, value in re.findall(r'(\w+)=("[^"]*"|\S+)', instruction.value)
        }


def parse(text: str) -> tuple[list[Instruction], list[Stage]]:
    """(what stands before the first FROM, the stages)."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    head: list[Instruction] = []
    stages: list[Stage] = []
    for line in re.sub(r"\\\n", " ", "\n".join(lines)).splitlines():
        name, _, rest = line.strip().partition(" ")
        flags = dict(re.findall(r"--([\w-]+)=(\S+)\s", re.match(r"(?:\s*--\S+\s)*", rest).group()))  # type: ignore[union-attr]
        value = re.sub(r"^(\s*--\S+\s)*", "", rest).strip()
        instruction = Instruction(name.upper(), flags, value)
        if instruction.name == "FROM":
            base, _, alias = re.sub(r"\s+AS\s+", " ", value, flags=re.IGNORECASE).partition(" ")
            stages.append(Stage(base, alias, []))
        else:
            (stages[-1].instructions if stages else head).append(instruction)
    return head, stages


HEAD, STAGES = parse(DOCKERFILE.read_text())
PACKAGES, APP, LAST = STAGES
