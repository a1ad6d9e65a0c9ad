"""A flow at points of a grid, as cameras are fitted to it."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
Points = NDArray[np.float64]
Grid = tuple[slice, slice]


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
