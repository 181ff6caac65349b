"""Reads waivers: which findings in the data are accepted, by whom, why and until when."""

from __future__ import annotations

import datetime
from collections import Counter
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, ValidationError

from components.errors import InputError
from components.findings_gen.catalogue import CHECKS
from components.findings_gen.waivers import Waiver
from pipeline.yaml_files import describe_problem, read_yaml


class _Entry(BaseModel):
    """One entry of a waivers file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    finding: Annotated[str, Field(pattern=r"^\w+/\w+(:.+)?$")]
    who: Annotated[str, Field(min_length=1)]
    why: Annotated[str, Field(min_length=1)]
    until: datetime.date
    at_most: NonNegativeInt | None = None


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    waivers: list[_Entry]


def load_waivers(path: Path, task_names: list[str], today: datetime.date) -> dict[str, list[Waiver]]:
    """The waivers in a YAML file by task name.

    Args:
      path: the file; see schemas/waivers.yaml.
      task_names: the data sets that there are.
      today: for which waivers have expired.

    Raises:
      InputError: the file cannot be read, or an entry lacks something or names what does not exist.
    """
    values = read_yaml(path, "the setting data.waivers")
    try:
        entries = _File.model_validate(values or {"waivers": []}).waivers
    except ValidationError as error:
        raise InputError(f"{path}: {'; '.join(describe_problem(p) for p in error.errors())}.") from None
    waivers: dict[str, list[Waiver]] = {name: [] for name in task_names}
    for entry in entries:
        data_set, _, name = entry.finding.partition("/")
        if data_set not in waivers:
            raise InputError(f"{path}: '{entry.finding}': no data set '{data_set}'; there are {', '.join(waivers)}.")
        if name.split(":")[0] not in CHECKS:
            raise InputError(f"{path}: '{entry.finding}': no finding '{name}'; there are {', '.join(CHECKS)}.")
        waivers[data_set].append(
            Waiver(name, entry.who, entry.why, entry.until.isoformat(), entry.until < today, entry.at_most)
        )
    for data_set, found in waivers.items():
        twice = [name for name, count in Counter(waiver.finding for waiver in found).items() if count > 1]
        if twice:
            raise InputError(f"{path}: '{data_set}/{twice[0]}' is waived twice. Remove one.")
    return waivers
