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
      point_columns: names of the columns with coordinates in pixels, x and y of each point in turn; an empty cell is
        a missing value.
      mirrored_columns: pairs of x columns of which the first is the larger: the points of a left and a right.
      class_column: name of the column with an integer class code, or '' where there is none.
      classes: names of the classes to keep; rows of any other class are left out.
      class_codings: coding name -> {code in the file: class name}.
    """

    image_column: str
    image_size: int
    point_columns: tuple[str, ...] = ()
    mirrored_columns: tuple[tuple[str, str], ...] = ()
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
        pairs = tuple((first, second) for first, second in fields["mirrored_columns"])
        return cls(**{**fields, **tuples, "mirrored_columns": pairs})

    def coding_for(self, codes: set[str], wanted: str, path: str) -> dict[str, str]:
        """The class coding to read a file with.

        Args:
          codes: the codes that stand in the file.
          wanted: a coding's name, or 'auto' to take the only one that fits.
          path: the file, for messages.

        Returns:
          code -> class name.

        Raises:
          InputError: several codings hold all the codes, and none was chosen.
        """
        if wanted != "auto":
            return self.class_codings[wanted]
        fitting = self.fitting_codings(codes)
        if len(fitting) == 1 or not codes:  # no codes, no rows: any will do
            return self.class_codings[fitting[0]]
        meanings = "; ".join(f"{name}: {_spell(self.class_codings[name])}" for name in fitting)
        raise InputError(
            f"{path}: column '{self.class_column}' holds only the codes {', '.join(sorted(codes)[:10])}, which "
            f"fit more than one coding. Say which one it is with --emotion-coding ({meanings})."
        )

    def fitting_codings(self, codes: set[str]) -> list[str]:
        """Names of the codings that hold all the codes. A code that is in none is a bad row's, and tells nothing."""
        known = codes & set().union(*self.class_codings.values())
        return [name for name, coding in self.class_codings.items() if known <= coding.keys()]


def _spell(coding: dict[str, str]) -> str:
    return ", ".join(f"{code} {name}" for code, name in coding.items())
