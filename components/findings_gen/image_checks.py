"""Looks at single images: which show nothing, or next to nothing."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from components.face_csv_example_gen.image_features import Values

Mask = npt.NDArray[np.bool_]

# Checks whose images show nothing, so that there is nothing to compare.
SHOW_NOTHING = ("black_images", "white_images", "flat_images")

# Where nearly all pixels are darker or lighter than these, nothing can be seen.
_DARK, _LIGHT, _NEARLY_ALL = 16, 239, 0.99
# Standard deviation of the gray values over 255.
_FLAT, _LOW_CONTRAST = 2 / 255, 0.03
# Laplacian over contrast. Over the 32,298 and 3,218 real faces the least of a picture that is not flat is 0.2 at 48
# pixels and 0.08 at 96; a Gaussian blur of 3 % of the width brings half of them below.
_BLURRED_AT_48 = 0.15


def check_images(images: npt.NDArray[np.uint8], contrast: Values, sharpness: Values) -> dict[str, Mask]:
    """Looks at images, each of which is found wrong by one check at most: by the first one in the result.

    Args:
      images: uint8 [n, size, size].
      contrast: float32 [n], see image_features.
      sharpness: float32 [n], see image_features.

    Returns:
      Name of the check -> which images it finds wrong, bool [n].
    """
    masks = {
        "black_images": (images < _DARK).mean(axis=(1, 2)) > _NEARLY_ALL,
        "white_images": (images > _LIGHT).mean(axis=(1, 2)) > _NEARLY_ALL,
        "flat_images": contrast < _FLAT,
        "low_contrast": contrast < _LOW_CONTRAST,
        "blurred_images": sharpness < contrast * _BLURRED_AT_48 * 48 / images.shape[1],
    }
    left = np.ones(len(images), bool)
    for name, mask in masks.items():
        masks[name] = mask & left
        left &= ~mask
    return masks
