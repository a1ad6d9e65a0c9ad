"""A flow at points of a grid, as cameras are fitted to it."""

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Points = NDArray[np.float64]
Grid = tuple[slice, slice]

COUNT, FEW = 1600, 300
"""About how many points are fitted in the end, and while alternatives are compared."""

TRUSTED = 0.2
"""Flow is fitted where it is trusted more."""

FEWEST, LEAST_SHARE = 60, 0.15
"""Points, and share of all of them, that must be trusted for anything to be fitted."""

NOISE_PX, NOISE_SHARE = 0.3, 0.02
"""What DIS flow is wrong by: a third of a px, and 2 % of its length (lenses, rolling shutters, second order)."""


def grid_of(step_px: int) -> Grid:
    """Each so-many-th pixel of a frame, both ways, from half a step inside."""
    return slice(step_px // 2, None, step_px), slice(step_px // 2, None, step_px)


def sample(grid: Grid, flow: Array, *planes: Array) -> Points:
    """(4 + n, N): place x and y in widths of the frame from its centre, flow x and y in px, then the planes.

    Args:
        flow: (2, h, w) px.
        planes: n of (h, w).
    """
    h, w = flow.shape[1:]
    y, x = np.mgrid[0:h, 0:w][(slice(None), *grid)].astype(np.float64)
    width = float(max(h, w))
    placed = ((x - (w - 1) / 2) / width, (y - (h - 1) / 2) / width, *(plane[grid] for plane in (*flow, *planes)))
    return np.stack([plane.astype(np.float64).ravel() for plane in placed])


def trusted_points(flow: Array, trust: Array) -> tuple[Grid, NDArray[np.bool_], Points] | None:
    """A grid, which of its points have trusted flow, and those, (5, N): x, y, flow and trust; None where few have.

    Args:
        flow: (2, h, w) px.
        trust: (h, w), 0 to 1.
    """
    grid = grid_of(max(1, math.isqrt(trust.size // COUNT)))
    known = trust[grid] > TRUSTED
    if known.sum() < max(FEWEST, LEAST_SHARE * known.size):
        return None
    return grid, known, np.ascontiguousarray(sample(grid, flow, trust)[:, known.ravel()])


def a_few(points: Points) -> Points:
    """Some of the points (n, N), evenly."""
    return np.ascontiguousarray(points[:, :: max(1, points.shape[1] // FEW)])


def flow_length(points: Points) -> float:
    """Median length of the points' flow, px."""
    return float(np.median(np.hypot(points[2], points[3])))


def flow_noise(points: Points) -> float:
    """What the points' flow may be wrong by, px."""
    return NOISE_PX + NOISE_SHARE * flow_length(points)
