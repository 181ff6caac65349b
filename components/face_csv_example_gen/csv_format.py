"""What a face CSV looks like: the one description that reading, decoding and encoding follow."""

from __future__ import annotations

import dataclasses
import json

from components.errors import InputError

USAGE_COLUMN = "Usage"


@dataclasses.dataclass(frozen=True)
class FaceCsvFormat:
    """Columns and meaning of one kind of face CSV: an image, and either a class or points (or both).

    Attributes:
      image_column: name of the column with `image_size`**2 gray values 0..255, row-major, separated by spaces.
      image_size: height and width of the square image in pixels.
      point_columns: names of the columns with coordinates in pixels; an empty cell is a missing value.
      class_column: name of the column with an integer class code, or '' where there is none.
      classes: names of the classes to keep; rows of any other class are left out.
      class_codings: coding name -> {code in the file: class name}.
    """

    image_column: str
    image_size: int
    point_columns: tuple[str, ...] = ()
    class_column: str = ""
    classes: tuple[str, ...] = ()
    class_codings: dict[str, dict[str, str]] = dataclasses.field(default_factory=dict)

    @property
    def required_columns(self) -> list[str]:
        """Columns that every file of this format has, in the order of the Example's features."""
        return [*self.point_columns, *([self.class_column] if self.class_column else []), self.image_column]

    def to_json(self) -> str:
        """The format as a JSON object, for an execution property."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> FaceCsvFormat:
        """Inverse of `to_json`."""
        fields = json.loads(text)
        tuples = {key: tuple(fields[key]) for key in ("point_columns", "classes")}
        return cls(**{**fields, **tuples})

    def coding_for(self, codes: set[str], wanted: str, path: str) -> dict[str, str]:
        """The class coding to read a file with.

        Args:
          codes: the codes that stand in the file.
          wanted: a coding's name, or 'auto' to take the only one that fits.
          path: the file, for messages.

        Returns:
          code -> class name.

        Raises:
          InputError: no coding holds all the codes, or several do and none was chosen.
        """
        if wanted != "auto":
            return self.class_codings[wanted]
        fitting = [name for name, coding in self.class_codings.items() if codes <= coding.keys()]
        if len(fitting) == 1:
            return self.class_codings[fitting[0]]
        if fitting:
            meanings = "; ".join(f"{name}: {_spell(self.class_codings[name])}" for name in fitting)
            raise InputError(
                f"{path}: column '{self.class_column}' holds only the codes {', '.join(sorted(codes))}, which "
                f"fit more than one coding. Say which one it is with --emotion-coding ({meanings})."
            )
        # A stray code is a bad row, which decoding reports with its number; judge by the widest coding.
        return max(self.class_codings.values(), key=len)


def _spell(coding: dict[str, str]) -> str:
    return ", ".join(f"{code} {name}" for code, name in coding.items())
