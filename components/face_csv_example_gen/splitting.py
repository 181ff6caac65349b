"""Which split a face belongs to: train 60 %, eval 20 %, test 20 %."""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

SPLITS = ("train", "eval", "test")
# FER2013's own split, in its own words.
USAGE_SPLITS = {"Training": "train", "PublicTest": "eval", "PrivateTest": "test"}

_TRAIN_SHARE, _EVAL_SHARE = 0.6, 0.2


def split_by_pixels(images: npt.NDArray[np.uint8]) -> list[str]:
    """Split of each image of uint8 [n, h, w] by a hash of its pixels.

    The same picture always falls in the same split, wherever and however often it stands in the file.
    """
    return [_split_of(hashlib.blake2b(image.data, digest_size=8).digest()) for image in images]


def _split_of(digest: bytes) -> str:
    position = int.from_bytes(digest, "big") / 2**64
    if position < _TRAIN_SHARE:
        return "train"
    return "eval" if position < _TRAIN_SHARE + _EVAL_SHARE else "test"
