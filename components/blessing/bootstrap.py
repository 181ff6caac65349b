"""Intervals of metrics that follow from sums over rows.

Poisson bootstrap: each row counts as often as a Poisson variable of mean 1 says (Chamandy et al., "Estimating
uncertainty for massive data streams", 2012). Sums of weighted rows are all it needs, block by block.
"""

from __future__ import annotations

import numpy as np

from components.blessing.measures import Floats

RESAMPLES = 1000
_BLOCK_ROWS = 10_000
_SEED = 1


def resampled_sums(summands: Floats) -> Floats:
    """Sums [RESAMPLES, k] of summands [n, k] over resampled rows; the same rows each time for the same n."""
    rng = np.random.default_rng(_SEED)
    sums = np.zeros((RESAMPLES, summands.shape[1]))
    for start in range(0, len(summands), _BLOCK_ROWS):
        block = summands[start : start + _BLOCK_ROWS]
        sums += rng.poisson(1.0, (RESAMPLES, len(block))) @ block
    return sums


def interval(values: Floats) -> tuple[float, float] | None:
    """The middle 95 % of resampled values [RESAMPLES]; None where some are undefined."""
    if np.isnan(values).any():
        return None
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high)
