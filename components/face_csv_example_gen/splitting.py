"""Which split a face belongs to: train 60 %, eval 20 %, test 20 %, or what FER2013's Usage column says."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

SPLITS = ("train", "eval", "test")
# FER2013's own split, in its own words.
PRIVATE_TEST = "PrivateTest"
USAGE_SPLITS = {"Training": "train", "PublicTest": "eval", PRIVATE_TEST: "test"}

_SHARES = {"train": 0.6, "eval": 0.2, "test": 0.2}
# Of Training, where PublicTest has to be the test.
_SHARES_OF_TRAINING = {"train": 0.9, "eval": 0.1}


def split_by_pixels(images: npt.NDArray[np.uint8]) -> list[str]:
    """Split of each image of uint8 [n, h, w] by a hash of its pixels.

    The same picture always falls in the same split, wherever and however often it stands in the file.
    """
    return [_split_of(image, _SHARES) for image in images]


def split_by_usage(usage: npt.NDArray[np.object_], images: npt.NDArray[np.uint8], has_private_test: bool) -> list[str]:
    """Split of each image by FER2013's Usage column; '' where it holds none of `USAGE_SPLITS`.

    Many copies of FER2013 come without PrivateTest. There PublicTest is the test, and a tenth of Training, by a hash
    of the pixels, is eval.

    Args:
      usage: object [n], text.
      images: uint8 [n, h, w].
      has_private_test: whether any row of the file is PrivateTest.
    """
    if has_private_test:
        return [USAGE_SPLITS.get(value, "") for value in usage]
    return [
        _split_of(image, _SHARES_OF_TRAINING) if value == "Training" else "test" if value in USAGE_SPLITS else ""
        for value, image in zip(usage, images, strict=True)
    ]


def _split_of(image: npt.NDArray[np.uint8], shares: dict[str, float]) -> str:
    position = int.from_bytes(hashlib.blake2b(image.data, digest_size=8).digest(), "big") / 2**64
    for split, share in shares.items():
        if position < share:
            return split
        position -= share
    return split
