"""Picks faces out of the splits and makes thumbnails of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from dashboard.blocks import Thumbnail
from dashboard.faces import Faces

# The same faces on each page and at each look.
_SEED = 0


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a face is: its split, the faces of that split, and which one of them it is."""

    split: str
    faces: Faces
    position: int

    @property
    def row(self) -> int:
        """Its row number."""
        return int(self.faces.rows[self.position])


def find(by_split: Mapping[str, Faces], rows: Iterable[int]) -> dict[int, Place]:
    """Row number -> place, of the given rows that are in any split."""
    wanted = sorted(set(rows))
    places = (
        Place(split, faces, position) for split, faces in by_split.items() for position in faces.positions(wanted)
    )
    return {place.row: place for place in places}


def sample(by_split: Mapping[str, Faces], count: int, class_name: str | None = None) -> tuple[list[Place], int]:
    """Some faces of all splits, by row number, and how many there are to pick from.

    Args:
      by_split: split -> its faces.
      count: how many at most.
      class_name: only those of this class; None for all.
    """
    there: list[tuple[str, npt.NDArray[np.int64]]] = []
    for split, faces in by_split.items():
        everyone = np.arange(len(faces.rows))
        if class_name is not None and faces.classes is not None:
            everyone = np.flatnonzero(faces.classes == class_name)
        there.append((split, everyone))
    total = sum(len(positions) for _, positions in there)
    picked = np.sort(np.random.default_rng(_SEED).choice(total, min(count, total), replace=False))
    places = []
    for split, positions in there:
        places += [Place(split, by_split[split], int(positions[number])) for number in picked[picked < len(positions)]]
        picked = picked[picked >= len(positions)] - len(positions)
    return sorted(places, key=lambda place: place.row), total


def thumbnail(place: Place, points: dict[str, npt.NDArray[np.float32]] | None = None) -> Thumbnail:
    """A face with its row number, split and, where it has one, class below it; see Thumbnail for `points`."""
    faces = place.faces
    words = [f"row {place.row}", place.split]
    if faces.classes is not None:
        words.append(str(faces.classes[place.position]))
    return Thumbnail(faces.images[place.position], " · ".join(words), points or {})


def marked(place: Place) -> dict[str, npt.NDArray[np.float32]]:
    """The face's own points, as `thumbnail` takes them; none where it has none."""
    faces = place.faces
    return {} if faces.points is None else {"true": faces.points[place.position]}


def sided(place: Place) -> dict[str, npt.NDArray[np.float32]]:
    """The face's own points by the side that their names say: a swap of left and right is to be seen only so."""
    faces = place.faces
    if faces.points is None:
        return {}
    sides: dict[str, list[int]] = {"left": [], "right": [], "true": []}
    for number, name in enumerate(faces.point_names):
        side = next((side for side in ("left", "right") if side in name.split("_")), "true")
        sides[side].append(number)
    return {side: faces.points[place.position][numbers] for side, numbers in sides.items() if numbers}
