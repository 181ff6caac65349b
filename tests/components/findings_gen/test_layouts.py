from __future__ import annotations

import numpy as np
import pytest

from components.findings_gen import layouts
from components.findings_gen.layouts import Points, UsualLayout


def some_faces(n: int, seed: int = 0) -> Points:
    """Ten points that move, turn and grow together, marked to half a pixel."""
    rng = np.random.default_rng(seed)
    shape = np.array(
        [[-15, -15], [15, -15], [-20, -25], [20, -25], [0, 0], [-10, 15], [10, 15], [0, 11], [0, 19], [0, -9]]
    )
    size, place = rng.normal(1, 0.05, (n, 1, 1)), rng.normal(48, 2, (n, 1, 2))
    points = shape * size + place + rng.normal(0, 0.5, (n, 10, 2))
    return points.reshape(n, 20).astype(np.float32)


@pytest.fixture(scope="module")
def usual() -> UsualLayout:
    learned = UsualLayout.learn(some_faces(400))
    assert learned
    return learned


def test_usual_layouts_are_not_far(usual: UsualLayout) -> None:
    assert usual.far(some_faces(3000, seed=1)).sum() <= 3


@pytest.mark.parametrize("missing", [[], [0, 1], [4, 5, 6, 7, 8, 9]])
def test_a_point_out_of_step_is_found_whatever_is_missing(usual: UsualLayout, missing: list[int]) -> None:
    points = some_faces(50, seed=2)
    points[:, 14] += 12
    points[:, missing] = np.nan
    assert usual.far(points).all()
    points[:, 14] -= 12
    assert not usual.far(points).any()


def test_a_layout_that_is_only_too_small_is_found(usual: UsualLayout) -> None:
    assert usual.far(48 + (some_faces(50, seed=3) - 48) * 0.4).all()


def test_the_rows_to_be_found_do_not_hide_themselves() -> None:
    points = some_faces(400)
    points[:60, 14] += 25
    usual = UsualLayout.learn(points)
    assert usual
    assert usual.far(points)[:60].all()
    assert usual.far(points)[60:].sum() <= 1


def test_too_few_complete_rows_teach_nothing() -> None:
    points = some_faces(400)
    points[150:, 0] = np.nan
    assert UsualLayout.learn(points) is None


def test_swapped_needs_both_points() -> None:
    nan = np.nan
    points = np.array([[60, 30], [30, 60], [nan, 30], [30, nan], [30, 30]], np.float32)
    assert layouts.swapped(points, [(0, 1)]).tolist() == [False, True, False, False, True]
