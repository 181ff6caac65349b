"""Drawing primitives on batches of images: pixel grids, windows, ramps, bumps and strokes.

The per-pixel arithmetic of this package is limited to + - * /, square roots, comparisons and table look-ups
in float32: IEEE 754 fixes their results to the last bit, so the same seed gives the same bytes on any CPU.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.drawn_faces.anatomy import Pose
from pipeline.drawn_faces.expressions import FloatArray

VISIBLE_DEPTH = 0.01  # a share of the tone that 8-bit pixels can show


def per_face(values: FloatArray) -> FloatArray:
    """Shape (faces,) -> (faces, 1, 1), to broadcast over pixels."""
    return values[:, None, None]


def clip01(values: FloatArray) -> FloatArray:
    """In place clip to [0, 1]."""
    np.maximum(values, np.float32(0), out=values)
    return np.minimum(values, np.float32(1), out=values)


def smooth(values: FloatArray) -> FloatArray:
    """Cubic smoothstep from 0 to 1, in place clip first."""
    values = clip01(values)
    return values * values * (3 - 2 * values)


@dataclass
class Grid:
    """Where the pixels of a rectangle of each image lie in the face plane."""

    u: FloatArray  # (faces, rows, columns)
    v: FloatArray

    def across(self, origin: FloatArray, unit: float) -> FloatArray:
        """How far to the right of a face-plane u, shape (faces,), each pixel lies, in units."""
        distance = self.u - per_face(origin)
        distance *= np.float32(1 / unit)
        return distance

    def down(self, origin: FloatArray, unit: float) -> FloatArray:
        """How far below a face-plane v, shape (faces,), each pixel lies, in units."""
        distance = self.v - per_face(origin)
        distance *= np.float32(1 / unit)
        return distance

    def of_faces(self, chosen: npt.NDArray[np.int64]) -> "Grid":
        """The grid of some of the faces."""
        return Grid(self.u[chosen], self.v[chosen])


def pixel_grid(pose: Pose, x: FloatArray, y: FloatArray) -> Grid:
    """The grid of image columns x, (faces or 1, columns), and rows y, (faces or 1, rows), in pixels."""
    sin, cos = per_face(pose.roll_sin / pose.scale), per_face(pose.roll_cos / pose.scale)
    dx: FloatArray = x[:, None, :] - per_face(pose.centre_x)
    dy: FloatArray = y[:, :, None] - per_face(pose.centre_y)
    return Grid(u=cos * dx + sin * dy, v=cos * dy - sin * dx)


@dataclass
class Window:
    """A rectangle of one size in every image of a batch, at a place of its own in each."""

    canvas: FloatArray  # (faces, height, width), the whole images
    index: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]
    grid: Grid
    tone: FloatArray  # (faces, rows, columns)

    def paint(self, alpha: FloatArray, ink: FloatArray | float) -> None:
        """Cover the tone with ink where alpha is 1."""
        cover(self.tone, alpha, ink)

    def darken(self, amount: FloatArray) -> None:
        """Take a share of the tone away."""
        self.tone *= 1 - amount

    def wrinkle(self, start: FloatArray, end: FloatArray, sag: float, width: float, depth: FloatArray) -> None:
        """Darken along a crease by a depth, shape (faces,); faces without the wrinkle cost nothing."""
        chosen = np.flatnonzero(depth > VISIBLE_DEPTH)
        line = crease(self.grid.of_faces(chosen), start[chosen], end[chosen], sag, width)
        self.tone[chosen] *= 1 - line * per_face(depth[chosen])

    def close(self) -> None:
        """Write the window back to the images."""
        self.canvas[self.index] = self.tone


def cover(tone: FloatArray, alpha: FloatArray, ink: FloatArray | float) -> None:
    """In place: tone becomes ink where alpha is 1, stays where it is 0."""
    change = ink - tone
    change *= alpha
    tone += change


def open_window(canvas: FloatArray, pose: Pose, centre: FloatArray, rows: int, columns: int) -> Window:
    """A window around an image point of each face, shape (faces, 2), moved to lie inside the image."""
    faces, height, width = canvas.shape
    left = np.clip(np.rint(centre[:, 0]).astype(np.int64) - columns // 2, 0, width - columns)
    top = np.clip(np.rint(centre[:, 1]).astype(np.int64) - rows // 2, 0, height - rows)
    x, y = left[:, None] + np.arange(columns), top[:, None] + np.arange(rows)
    index = (np.arange(faces)[:, None, None], y[:, :, None], x[:, None, :])
    return Window(canvas, index, pixel_grid(pose, x.astype(np.float32), y.astype(np.float32)), canvas[index])


def bump(grid: Grid, centre: FloatArray, radius_u: float, radius_v: float) -> FloatArray:
    """A smooth hill of height 1 at a face-plane point, shape (faces, 2), that ends at the radii."""
    across, down = grid.across(centre[:, 0], radius_u), grid.down(centre[:, 1], radius_v)
    across *= across
    down *= down
    across += down
    np.subtract(np.float32(1), across, out=across)
    np.maximum(across, np.float32(0), out=across)
    across *= across
    return across


@dataclass
class Chord:
    """Pixels as seen from a straight line: along it from -1 to 1, and pixels below (or beside) it."""

    along: FloatArray  # (faces, rows, columns)
    below: FloatArray
    centre: FloatArray  # (faces, 2)
    half: FloatArray  # (faces, 2)

    def height_of(self, point: FloatArray) -> FloatArray:
        """How far below the line a face-plane point lies: (faces, 2) -> (faces, 1, 1)."""
        half, offset = self.half, point - self.centre
        length = np.sqrt(half[:, 0] * half[:, 0] + half[:, 1] * half[:, 1])
        return per_face((offset[:, 1] * half[:, 0] - offset[:, 0] * half[:, 1]) / (length * _downwards(half)))

    def place_of(self, point: FloatArray) -> FloatArray:
        """How far along the line a face-plane point lies, kept off the ends: (faces, 2) -> (faces, 1, 1)."""
        half, offset = self.half, point - self.centre
        length2 = half[:, 0] * half[:, 0] + half[:, 1] * half[:, 1]
        along = (offset[:, 0] * half[:, 0] + offset[:, 1] * half[:, 1]) / length2
        return per_face(np.clip(along, np.float32(-0.6), np.float32(0.6)))

    def arch(self, middle: FloatArray | float) -> FloatArray:
        """A rounded arch over the line: 1 at the place `middle`, 0 at the ends, negative outside."""
        offset = self.along - middle
        squared = np.minimum(offset, 0) / (1 + middle) + np.maximum(offset, 0) / (1 - middle)
        squared *= squared
        return (1 - squared) * (1 + np.float32(0.45) * squared)


def _downwards(half: FloatArray) -> FloatArray:
    """Down stays down whichever way a line runs."""
    return np.where(half[:, 0] < 0, np.float32(-1), np.float32(1))


def chord(grid: Grid, start: FloatArray, end: FloatArray) -> Chord:
    """The pixels seen from the line between two face-plane points, shape (faces, 2)."""
    half, centre = (end - start) / 2, (start + end) / 2
    length2 = np.maximum(half[:, 0] * half[:, 0] + half[:, 1] * half[:, 1], np.float32(0.01))
    from_centre_u, from_centre_v = grid.across(centre[:, 0], 1), grid.down(centre[:, 1], 1)
    along = from_centre_u * per_face(half[:, 0] / length2)
    along += from_centre_v * per_face(half[:, 1] / length2)
    length = np.sqrt(length2) * _downwards(half)
    below = from_centre_v
    below *= per_face(half[:, 0] / length)
    from_centre_u *= per_face(half[:, 1] / length)
    below -= from_centre_u
    return Chord(along, below, centre, half)


def crease(grid: Grid, start: FloatArray, end: FloatArray, sag: float, width: float) -> FloatArray:
    """Alpha of a soft line from start to end that tapers off; sag pixels lower (or beside) in its middle."""
    line = chord(grid, start, end)
    taper = line.along
    taper *= taper
    np.subtract(np.float32(1), taper, out=taper)
    np.maximum(taper, np.float32(0), out=taper)
    across = line.below
    across -= np.float32(sag) * taper
    across *= np.float32(1 / width)
    across *= across
    np.subtract(np.float32(1), across, out=across)
    np.maximum(across, np.float32(0), out=across)
    across *= taper
    return across


def between(upper: FloatArray, lower: FloatArray, edge: float = 1.1) -> FloatArray:
    """Alpha of a band: `upper` and `lower` are the distances inside its two edges, in face-plane pixels."""
    inside = np.minimum(upper, lower)
    inside *= np.float32(1 / edge)
    inside += np.float32(0.5)
    return clip01(inside)
