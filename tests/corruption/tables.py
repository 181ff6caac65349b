"""A CSV in memory, to be damaged cell by cell."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]


@dataclasses.dataclass
class Table:
    """Header and rows of a CSV; `rows[0]` is row 1. Cells are written as they are, without quotes."""

    header: list[str]
    rows: list[list[str]]

    @classmethod
    def read(cls, path: Path) -> Table:
        header, *rows = [line.split(",") for line in path.read_text().splitlines()]
        return cls([name.strip() for name in header], rows)

    def text(self) -> str:
        return "\n".join(",".join(row) for row in [self.header, *self.rows]) + "\n"

    def write(self, path: Path) -> Path:
        path.write_text(self.text(), encoding="utf-8", errors="surrogateescape")
        return path

    def get(self, row: int, column: str) -> str:
        return self.rows[row - 1][self.header.index(column)]

    def set(self, row: int, column: str, value: str) -> None:
        self.rows[row - 1][self.header.index(column)] = value

    def image(self, row: int) -> Image:
        values = np.array(self.rows[row - 1][-1].split(), np.uint8)
        return values.reshape(int(len(values) ** 0.5), -1)

    def set_image(self, row: int, image: Image) -> None:
        self.rows[row - 1][-1] = " ".join(map(str, image.ravel()))
