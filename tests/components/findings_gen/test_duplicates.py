from __future__ import annotations

import numpy as np
import numpy.typing as npt

from components.findings_gen import duplicates
from pipeline.drawn_faces import draw_emotion_faces

Images = npt.NDArray[np.uint8]


def faces(n: int) -> Images:
    images, _ = draw_emotion_faces(n, seed=5)
    return images


def all_pairs(images: Images, labels: npt.NDArray[np.float32] | None = None) -> duplicates.Pairs:
    """As the Beam transform does it: band by band, those with equal values together."""
    label = np.zeros((len(images), 1), np.float32) if labels is None else labels
    found = duplicates.signatures(np.arange(1, len(images) + 1), 0, images, label)
    return np.unique(
        np.concatenate([duplicates.find_pairs(found, band, tolerance=0.5) for band in range(duplicates.BANDS)])
    )


def rows_of(pairs: duplicates.Pairs) -> set[tuple[int, ...]]:
    return {tuple(sorted(pair)) for pair in pairs["rows"].tolist()}


def test_slight_changes_change_few_bits_and_other_faces_most() -> None:
    images = faces(60)
    noise = np.random.default_rng(0).integers(-6, 7, images.shape)
    changed = np.clip(images * 0.9 + 12 + noise, 0, 255).astype(np.uint8)
    bits, changed_bits = (np.unpackbits(duplicates.perceptual_hash(part), axis=1) for part in (images, changed))
    assert bits.shape == (60, 256)
    assert (bits != changed_bits).sum(axis=1).max() <= duplicates.MAX_DIFFERENT_BITS
    between = (bits[:, None] != bits[None]).sum(axis=2)[np.triu_indices(60, 1)]
    assert between.min() > duplicates.MAX_DIFFERENT_BITS


def test_bands_find_nearly_all_that_comparing_all_with_all_finds() -> None:
    rng = np.random.default_rng(1)
    images = faces(40)
    copies = [np.clip(images + rng.integers(-s, s + 1, images.shape), 0, 255).astype(np.uint8) for s in (4, 12, 20, 28)]
    together = np.concatenate([images, *copies])
    bits = np.unpackbits(duplicates.perceptual_hash(together), axis=1).astype(int)
    different = (bits[:, None] != bits[None]).sum(axis=2)
    left, right = np.nonzero(np.triu(different <= duplicates.MAX_DIFFERENT_BITS, 1))
    expected = {(a + 1, b + 1) for a, b in zip(left.tolist(), right.tolist(), strict=True)}
    found = rows_of(all_pairs(together))
    assert len(expected) > 200
    assert found <= expected
    assert len(found) > 0.95 * len(expected)


def test_copies_are_paired_with_their_first_and_conflicts_are_seen() -> None:
    image = faces(1)
    pairs = all_pairs(np.concatenate([image] * 4), np.array([[0], [0], [3], [np.nan]], np.float32))
    assert rows_of(pairs) == {(1, 2), (1, 3), (1, 4)}
    assert pairs["same"].all()
    assert rows_of(pairs[pairs["conflict"]]) == {(1, 3)}, "a missing label contradicts nothing"


def test_groups_join_what_is_joined_indirectly() -> None:
    pairs = np.zeros(4, duplicates.PAIR)
    pairs["rows"] = [[9, 2], [2, 5], [30, 7], [5, 9]]
    assert duplicates.groups_of(pairs) == [(2, 5, 9), (7, 30)]
    assert duplicates.groups_of(pairs[:0]) == []


def test_a_crowded_bucket_takes_bounded_work() -> None:
    """5,000 different pictures with one and the same hash: 12 million pairs are not looked at."""
    found = np.zeros(5000, duplicates.signature_dtype(1))
    found["row"] = found["digest"] = np.arange(5000)
    pairs = duplicates.find_pairs(found, 0, tolerance=0.5)
    assert len(pairs) < 5000 * 500
    assert len(duplicates.groups_of(pairs)) == 1
