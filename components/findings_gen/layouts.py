"""Looks at keypoints: left and right swapped, and layouts that no other face has."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
from sklearn.covariance import MinCovDet

Points = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

# Rows to learn the usual layout from. With more, scikit-learn tries ten times as many starts; the result is alike.
MAX_SAMPLE = 500
# Of complete rows, for each coordinate. With 5, one real face in 8,000 is found far that is not; with 10, in 30,000.
_MIN_ROWS_PER_COORDINATE = 10
# Nobody marks a point more exactly than this many pixels. Without it the distances would be all about points that drawn
# faces have in exact proportion.
_MARKING_ERROR = 0.5
# How many directions in which layouts differ most are looked at one by one: size, place and turn of the head.
_MAIN_DIRECTIONS = 4
# For each of the distances below, in robust standard deviations of its logarithm. The furthest of 3,218 real and 1,500
# drawn faces come to 4.9, 4.8 and 2.6. Of the real ones a point moved by 10 of 96 pixels is found in half.
_FAR = (6.0, 5.5, 3.5)


def swapped(points: Points, pairs: list[tuple[int, int]]) -> Mask:
    """Which rows have a left point that is not on the left of the person, the larger x.

    Args:
      points: [n, coordinates], NaN where missing.
      pairs: columns of the left and the right x.
    """
    result = np.zeros(len(points), bool)
    for left, right in pairs:
        # A missing point compares false.
        result |= points[:, left] <= points[:, right]
    return result


@dataclasses.dataclass
class UsualLayout:
    """Where points usually are, and how they move together.

    Learned robustly (minimum covariance determinant), so that the rows to be found do not hide themselves.
    """

    location: npt.NDArray[np.float64]
    covariance: npt.NDArray[np.float64]
    sample: Points

    @classmethod
    def learn(cls, points: Points) -> UsualLayout | None:
        """Learns from the complete rows of points [n, coordinates]; None where there are too few."""
        complete = points[~np.isnan(points).any(axis=1)][:MAX_SAMPLE]
        if len(complete) < _MIN_ROWS_PER_COORDINATE * points.shape[1]:
            return None
        robust = MinCovDet(random_state=0).fit(complete)
        marking = _MARKING_ERROR**2 * np.eye(points.shape[1])
        return cls(robust.location_, robust.covariance_ + marking, complete)

    def far(self, points: Points) -> Mask:
        """Which rows of points [n, coordinates] lie far from the usual layout, by the points that they have.

        Distances of rows with other points missing do not compare: each is judged by those that the sample would have
        with the same points missing.
        """
        result = np.zeros(len(points), bool)
        patterns, which = np.unique(~np.isnan(points), axis=0, return_inverse=True)
        for number, present in enumerate(patterns):
            if not present.any():
                continue
            rows = np.flatnonzero(which.reshape(-1) == number)
            usual = self._log_distances(self.sample, present)
            middle = np.median(usual, axis=0)
            spread = 1.4826 * np.median(np.abs(usual - middle), axis=0)
            result[rows] = (self._log_distances(points[rows], present) > middle + _FAR * spread).any(axis=1)
        return result

    def _log_distances(self, points: Points, present: Mask) -> npt.NDArray[np.float64]:
        """Logarithms of three distances from the usual layout, [n, 3].

        The whole layout's (Mahalanobis); the largest of one coordinate from where the others let it be expected; the
        largest along one of the main directions. The first alone overlooks a single point that is out of step, and a
        layout that is only much too small.
        """
        covariance = self.covariance[np.ix_(present, present)]
        precision = np.linalg.pinv(covariance)
        difference = points[:, present] - self.location[present]
        weighted = difference @ precision
        whole = np.sqrt(np.maximum((weighted * difference).sum(axis=1), 0))
        one = np.abs(weighted / np.sqrt(np.diag(precision))).max(axis=1)
        variances, directions = (part[..., -_MAIN_DIRECTIONS:] for part in np.linalg.eigh(covariance))
        main = np.abs(difference @ directions / np.sqrt(variances)).max(axis=1)
        return np.asarray(np.log(np.maximum(np.stack([whole, one, main], axis=1), 1e-6)))
