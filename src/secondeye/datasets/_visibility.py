"""Which pixels of the right view the left camera saw, by disparity.

A right pixel at x shows a point that the left camera has at x + disparity. It is a hole (disocclusion) where that is
outside the left frame, or where the left view shows another point there: the two maps disagree.

    left     . . . . N N N F F F        N near, F far, disparity of N 2 px, of F 0
    right    . . N N N H H F F F        H: far as well, but at x + 0 the left view shows N
"""

import numpy as np
from numpy.typing import NDArray

from secondeye.depth.gaps import closed_from_behind

Map = NDArray[np.float32]
Mask = NDArray[np.bool_]

TOLERANCE_PX = 1.0
"""By so much the maps may differ where they show one point: the usual left-right check."""


def hole_by_check(left: Map, right: Map, tolerance_px: float = TOLERANCE_PX) -> Mask:
    """Holes of the right view from the disparity maps of both.

    Unknown pixels are taken for the farther of their nearest known neighbours in the row, as half-occluded ones are.

    Args:
        left: (H, W) px, x_left - x_right of the left view's pixels, NaN where unknown.
        right: (H, W) px, the same of the right view's pixels.
        tolerance_px: by so much they may differ where they show one point.

    Returns:
        (H, W) bool, True = hole.
    """
    left, right = filled_from_behind(left), filled_from_behind(right)
    width = right.shape[1]
    x = np.arange(width, dtype=np.float32) + right
    inside = (x > -0.5) & (x < width - 0.5)
    seen = np.zeros(right.shape, bool)
    for round_to in (np.floor, np.ceil):
        column = np.clip(round_to(x), 0, width - 1).astype(np.intp)
        seen |= np.abs(np.take_along_axis(left, column, 1) - right) <= tolerance_px
    return np.asarray(~(inside & seen), np.bool_)


def filled_from_behind(disparity: Map) -> Map:
    """A map without NaN: each unknown pixel is taken for background, and rows of which nothing is known for 0 px."""
    return np.nan_to_num(closed_from_behind(disparity), nan=0.0)
