"""How a camera moved between two frames, once the depth of what it sees is known."""

from dataclasses import dataclass

import numpy as np

from secondeye.compiled import njit
from secondeye.flow.linear import mirror, solve_ridged
from secondeye.flow.points import Array, Points, grid_of, sample

ROUNDS = 6

POINTS = 4000
"""About how many points are fitted."""

RIDGE = 1e-9
"""Far below what a turn or a move weighs that the points tell of; what they do not is left at zero."""


@dataclass(frozen=True)
class Camera:
    """A turn and a move: the flow at (x, y), in widths of the frame from its centre, of inverse depth q is

        turn about x, y and the axis + q * (x move_z - focal move_x, y move_z - focal move_y)

    as in Longuet-Higgins and Prazdny (1980), with `focal` in widths.

    Attributes:
        focal: focal length, widths of the frame.
        turn: (3,) px, see `motion`.
        move: (3,) px per unit of inverse depth; which way round makes what is near great.
    """

    focal: float
    turn: Points
    move: Points


def fit_camera(flow: Array, trust: Array, inverse_depth: Array, focal: float, noise_px: float) -> Camera:
    """The camera that explains a flow best, by least squares that count outliers little.

    Args:
        flow: (2, h, w) px.
        trust: (h, w), 0 to 1, of flow and depth.
        inverse_depth: (h, w) of the frame that the flow starts from.
        focal: focal length, widths of the frame.
        noise_px: what the flow is wrong by as a rule.
    """
    h, w = trust.shape
    grid = grid_of(max(1, round((h * w / POINTS) ** 0.5)))
    points = sample(grid, flow, trust, inverse_depth)
    found = _fit(points, focal, noise_px)
    return Camera(focal, found[:3], found[3:])


@njit(error_model="numpy")
def _fit(points: Points, focal: float, noise_px: float) -> Points:
    """Turn and move (6,) from points (6, N): x, y, flow, trust, inverse depth."""
    kappa, found = focal**-2, np.zeros(6)
    rows = np.empty((6, 2))
    for turn in range(ROUNDS):
        matrix, right = np.zeros((6, 6)), np.zeros(6)
        scale = noise_px * max(1.0, 8.0 / 2**turn)
        for k in range(points.shape[1]):
            x, y, u, v, weight, q = points[:, k]
            rows[0, 0], rows[0, 1] = kappa * x * y, 1 + kappa * y * y
            rows[1, 0], rows[1, 1] = -1 - kappa * x * x, -kappa * x * y
            rows[2, 0], rows[2, 1] = y, -x
            rows[3, 0], rows[3, 1] = -q * focal, 0.0
            rows[4, 0], rows[4, 1] = 0.0, -q * focal
            rows[5, 0], rows[5, 1] = q * x, q * y
            du, dv = u, v
            for i in range(6):
                du -= rows[i, 0] * found[i]
                dv -= rows[i, 1] * found[i]
            if turn > 0:
                weight /= (1 + (du * du + dv * dv) / (scale * scale)) ** 2
            for i in range(6):
                right[i] += weight * (rows[i, 0] * u + rows[i, 1] * v)
                for j in range(i + 1):
                    matrix[i, j] += weight * (rows[i, 0] * rows[j, 0] + rows[i, 1] * rows[j, 1])
        mirror(matrix)
        solve_ridged(matrix, right, RIDGE)
        found = right
    return found
