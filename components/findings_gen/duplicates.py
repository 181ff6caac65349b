"""Finds copies and near copies of pictures among any number of rows.

Near copies are pictures whose perceptual hashes differ in few bits (pHash: Zauner, "Implementation and benchmarking of
perceptual image hash functions", 2010; here 256 bits). Comparing all with all would not scale, so that hashes meet
only where one of their 16 bands of 16 bits is equal (locality-sensitive hashing by banding: Leskovec et al., "Mining of
Massive Datasets", chapter 3). Hashes that differ in 24 of 256 bits share a band with probability 0.98, in 32 with 0.87.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import scipy.fft
import scipy.sparse

BANDS = 16
MAX_DIFFERENT_BITS = 32
_FREQUENCIES = 16
# In a bucket of more than this many hashes each meets only so many: bounds the work where all pictures are alike.
_MAX_NEIGHBOURS = 500

_BIT_COUNTS = np.array([bin(byte).count("1") for byte in range(256)], np.uint8)

Signatures = npt.NDArray[np.void]
Pairs = npt.NDArray[np.void]

PAIR = np.dtype([("rows", np.int64, (2,)), ("splits", np.uint8, (2,)), ("same", np.bool_), ("conflict", np.bool_)])


def signature_dtype(labels: int) -> np.dtype[np.void]:
    """What is known of each picture when it meets others; `labels` is how many numbers its label has."""
    return np.dtype(
        [
            ("row", np.int64),
            ("split", np.uint8),
            ("digest", np.uint64),
            ("hash", np.uint8, (BANDS * 2,)),
            ("label", np.float32, (labels,)),
        ]
    )


def signatures(
    rows: npt.NDArray[np.int64], split: int, images: npt.NDArray[np.uint8], labels: npt.NDArray[np.float32]
) -> Signatures:
    """Signatures [n] of images uint8 [n, size, size].

    Args:
      rows: their numbers.
      split: id of their split.
      images: the pictures.
      labels: float32 [n, k], NaN where missing.
    """
    result = np.zeros(len(rows), signature_dtype(labels.shape[1]))
    result["row"], result["split"], result["label"] = rows, split, labels
    result["digest"] = [int.from_bytes(hashlib.blake2b(i.data, digest_size=8).digest(), "big") for i in images]
    result["hash"] = perceptual_hash(images)
    return result


def perceptual_hash(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Which of the 256 lowest frequencies of a picture are above their median: 256 bits as uint8 [n, 32].

    Bits 16 b to 16 b + 15 are band b; each band holds low and high frequencies.
    """
    basis, order = _basis(images.shape[1])
    spectrum = (basis @ images.astype(np.float32) @ basis.T).reshape(len(images), -1)
    above = spectrum > np.median(spectrum, axis=1, keepdims=True)
    return np.packbits(above[:, order], axis=1)


@lru_cache
def _basis(size: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """The cosines of the lowest frequencies but 0, and the order of their products that mixes them into bands."""
    basis = scipy.fft.dct(np.eye(size), axis=0, norm="ortho")[1 : _FREQUENCIES + 1].astype(np.float32)
    vertical, horizontal = np.indices((_FREQUENCIES, _FREQUENCIES))
    order = np.argsort(((vertical + horizontal) % BANDS).ravel(), kind="stable")
    return basis, order


def band_values(found: Signatures) -> npt.NDArray[np.uint16]:
    """The bands of each hash: uint16 [n, BANDS]."""
    return np.ascontiguousarray(found["hash"]).view(np.uint16)


def find_pairs(found: Signatures, band: int, tolerance: float) -> Pairs:
    """Pairs of signatures that share a band and are copies or near copies.

    Args:
      found: signatures, of which those with an equal value in the band are all there.
      band: which one.
      tolerance: labels that differ by more are in conflict.
    """
    found = found[np.argsort(found["row"])]
    # Copies meet the first of their kind only: a thousand copies are a thousand pairs, not half a million.
    _, first, kind = np.unique(found["digest"], return_index=True, return_inverse=True)
    copies = np.flatnonzero(first[kind] != np.arange(len(found)))
    pairs = [_pairs(found[first[kind[copies]]], found[copies], True, tolerance)]

    distinct = found[first]
    values = band_values(distinct)[:, band]
    order = np.argsort(values, kind="stable")
    distinct, values = distinct[order], values[order]
    hashes = distinct["hash"]
    for step in range(1, min(len(distinct), _MAX_NEIGHBOURS)):
        candidates = np.flatnonzero(values[step:] == values[:-step])
        if not len(candidates):
            break
        others = candidates + step
        different = _BIT_COUNTS[hashes[candidates] ^ hashes[others]].sum(axis=1, dtype=np.int64)
        near = different <= MAX_DIFFERENT_BITS
        pairs.append(_pairs(distinct[candidates[near]], distinct[others[near]], False, tolerance))
    return np.concatenate(pairs)


def _pairs(left: Signatures, right: Signatures, same: bool, tolerance: float) -> Pairs:
    pairs = np.zeros(len(left), PAIR)
    pairs["rows"] = np.stack([left["row"], right["row"]], axis=1)
    pairs["splits"] = np.stack([left["split"], right["split"]], axis=1)
    pairs["same"] = same
    # A point that only one of the two has is no contradiction: NaN compares false.
    pairs["conflict"] = (np.abs(left["label"] - right["label"]) > tolerance).any(axis=1)
    return pairs


def groups_of(pairs: Pairs) -> list[tuple[int, ...]]:
    """Row numbers that the pairs join, directly or not, each group ascending, the group of the lowest row first."""
    rows, ends = np.unique(pairs["rows"], return_inverse=True)
    ends = ends.reshape(-1, 2)
    graph = scipy.sparse.coo_matrix((np.ones(len(ends)), ends.T), shape=(len(rows), len(rows)))
    _, component = scipy.sparse.csgraph.connected_components(graph, directed=False)
    order = np.argsort(component, kind="stable")
    starts = np.flatnonzero(np.diff(component[order])) + 1
    return sorted(tuple(int(row) for row in rows[group]) for group in np.split(order, starts) if len(group))
