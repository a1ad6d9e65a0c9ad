"""How a camera that stays in its place turned and zoomed between two frames, told from their flow.

The focal length is unknown: a long lens turns without any of the keystone that tells turning from moving, and so
several are tried.
"""

from dataclasses import dataclass

import numpy as np

from secondeye.compiled import njit
from secondeye.flow.linear import mirror, solve_ridged
from secondeye.flow.points import Array, Points, a_few, flow_noise

FOCALS = (0.6, 0.87, 1.5, 3.0, 8.0)
"""Focal lengths tried, in widths of the frame: 80 degrees across down to 7."""

RIDGE = 1e-6
"""Holds a turn down that the points hardly tell of: a lens so long that turning and zooming look alike."""


@dataclass(frozen=True)
class Turn:
    """A turn and a zoom.

    Flow in px per px of turning about x, y and the axis, and of zooming, at (x, y) widths from the centre:
    (kappa x y, 1 + kappa y^2), (-1 - kappa x^2, -kappa x y), (y, -x), (x, y).

    Attributes:
        cost: mean squared flow that it leaves over, in parts of the flow's noise, capped at 4 a point.
        kappa: 1 / focal length squared, in widths of the frame.
        rates: (4,) px.
    """

    cost: float
    kappa: float
    rates: Points

    def flow(self, height: int, width: int) -> Array:
        """Where it takes each px of a frame, (2, h, w) px."""
        side = float(max(height, width))
        x = (np.arange(width, dtype=np.float32) - np.float32((width - 1) / 2)) / np.float32(side)
        y = ((np.arange(height, dtype=np.float32) - np.float32((height - 1) / 2)) / np.float32(side))[:, None]
        kappa = np.float32(self.kappa)
        about_x, about_y, about_axis, zoom = np.asarray(self.rates, np.float32)
        right = kappa * x * y * about_x - (1 + kappa * x * x) * about_y + y * about_axis + x * zoom
        down = (1 + kappa * y * y) * about_x - kappa * x * y * about_y - x * about_axis + y * zoom
        return np.stack([right, down])


def fit_turn(points: Points) -> Turn:
    """The turn and zoom that explain a flow best.

    Args:
        points: see `trusted_points`.
    """
    few, noise = a_few(points), flow_noise(points)
    kappa = min((focal**-2 for focal in FOCALS), key=lambda value: float(_fit(few, value, noise)[0]))
    cost, rates = _fit(points, kappa, noise)
    return Turn(cost, kappa, rates)


@njit(error_model="numpy")
def _fit(points: Points, kappa: float, noise: float) -> tuple[float, Points]:
    """Turn and zoom by reweighted least squares, from generous to strict; see `Turn`."""
    turn = np.zeros(4)
    cost, scale = 0.0, 1e9
    for step in range(9):
        matrix, right = np.zeros((4, 4)), np.zeros(4)
        cost, total = 0.0, 0.0
        for k in range(points.shape[1]):
            x, y, u, v = points[0, k], points[1, k], points[2, k], points[3, k]
            mixed, row_x, row_y = kappa * x * y, 1 + kappa * x * x, 1 + kappa * y * y
            du = u - (mixed * turn[0] - row_x * turn[1] + y * turn[2] + x * turn[3])
            dv = v - (row_y * turn[0] - mixed * turn[1] - x * turn[2] + y * turn[3])
            error = (du * du + dv * dv) / (noise * noise)
            cost += points[4, k] * min(error, 4.0)
            total += points[4, k]
            weight = 1 / (1 + error / (scale * scale))
            weight *= weight * points[4, k]
            rows = ((mixed, row_y), (-row_x, -mixed), (y, -x), (x, y))
            for i in range(4):
                right[i] += weight * (rows[i][0] * u + rows[i][1] * v)
                for j in range(i + 1):
                    matrix[i, j] += weight * (rows[i][0] * rows[j][0] + rows[i][1] * rows[j][1])
        cost /= total
        if step == 8:
            break
        mirror(matrix)
        solve_ridged(matrix, right, RIDGE)
        turn = right
        scale = max(1.0, 8.0 / 2 ** (step // 2))
    return cost, turn
