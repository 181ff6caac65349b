"""Plain numbers that say what an image is like, for statistics, validation and slices."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Images = npt.NDArray[np.uint8]
Values = npt.NDArray[np.float32]


def brightness(images: Images) -> Values:
    """Mean gray value, 0 (black) to 1 (white). Images uint8 [n, h, w]; returns float32 [n]."""
    return np.asarray(images.mean(axis=(1, 2)) / 255, np.float32)


def contrast(images: Images) -> Values:
    """Standard deviation of the gray values (RMS contrast), 0 to 0.5. Same shapes as `brightness`."""
    return np.asarray(images.astype(np.float32).std(axis=(1, 2)) / 255, np.float32)


def sharpness(images: Images) -> Values:
    """Standard deviation of the 4-neighbour Laplacian over 255; low where blurred. Shapes as `brightness`.

    After the focus measure LAPV of Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy" (2000).
    """
    pixels = images.astype(np.int16)
    laplacian = (
        pixels[:, :-2, 1:-1]
        + pixels[:, 2:, 1:-1]
        + pixels[:, 1:-1, :-2]
        + pixels[:, 1:-1, 2:]
        - 4 * pixels[:, 1:-1, 1:-1]
    )
    return np.asarray(laplacian.astype(np.float32).std(axis=(1, 2)) / 255, np.float32)
