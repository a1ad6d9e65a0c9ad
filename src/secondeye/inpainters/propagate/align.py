"""Make a support's motion exact at full size, by comparing the two frames themselves; and take colours there.

Lucas and Kanade's method for an affine motion, with a gain and an offset of brightness, held to what is known from the
steps before. So neither the errors of flow nor those of many steps add up.

Source: Baker, Matthews, "Lucas-Kanade 20 years on" (2004).
"""

import numpy as np
from numpy.typing import NDArray

from secondeye.compiled import step
from secondeye.flow.linear import solve
from secondeye.inpainters.propagate.support import LEAST, Doubles, Support

TURNS = 5
"""Most steps of a comparison."""

MATCH_NOISE = 0.05
"""What brightness differs by where two frames match; the more, the less a comparison moves what was known before."""

BEND_HOLD = 8.0
"""How much surer it is known how a support turns, bends and grows than where it is."""


@step
def cubic(colors: NDArray[np.uint8], x: float, y: float, weights: Doubles, into: Doubles) -> None:
    """The colour at (x, y), at least 1 px inside, by Catmull-Rom's cubic; into (3,), 0 to 1.

    Args:
        weights: (8,) scratch.
    """
    height, width = colors.shape[0], colors.shape[1]
    left, top = int(np.floor(x)), int(np.floor(y))
    _cubic_weights(x - left, weights[:4])
    _cubic_weights(y - top, weights[4:])
    into[:] = 0
    for j in range(4):
        row = min(max(top - 1 + j, 0), height - 1)
        for i in range(4):
            column = min(max(left - 1 + i, 0), width - 1)
            weight = weights[4 + j] * weights[i] / 255.0
            for c in range(3):
                into[c] += weight * colors[row, column, c]


@step
def _cubic_weights(a: float, into: Doubles) -> None:
    into[0] = a * (-0.5 + a * (1 - 0.5 * a))
    into[1] = 1 + a * a * (1.5 * a - 2.5)
    into[2] = a * (0.5 + a * (2 - 1.5 * a))
    into[3] = a * a * (0.5 * a - 0.5)


@step
def _cubic_grey(grey: NDArray[np.uint8], x: float, y: float, weights: Doubles) -> float:
    """Brightness 0 to 1 at (x, y), at least 1 px inside, by Catmull-Rom's cubic; weights (8,) are scratch."""
    height, width = grey.shape
    left, top = int(x), int(y)
    _cubic_weights(x - left, weights[:4])
    _cubic_weights(y - top, weights[4:])
    total = 0.0
    for j in range(4):
        row = min(max(top - 1 + j, 0), height - 1)
        if 1 <= left < width - 2:
            line = (
                weights[0] * grey[row, left - 1]
                + weights[1] * grey[row, left]
                + weights[2] * grey[row, left + 1]
                + weights[3] * grey[row, left + 2]
            )
        else:
            line = 0.0
            for i in range(4):
                line += weights[i] * grey[row, min(max(left - 1 + i, 0), width - 1)]
        total += weights[4 + j] * line
    return total / 255.0


@step
def align(support: Support, grey: NDArray[np.uint8], motion: Doubles, slack: float, tone: Doubles) -> float:
    """Make a motion exact by comparing the frames, and find how brightness changed.

    Args:
        support: what is seen in frame t.
        grey: (H, W) of frame s.
        motion: (6,) as `fit` gives it, corrected in place.
        slack: px that the motion may be wrong by.
        tone: (2,) gain and offset of brightness from t to s, written.

    Returns:
        Root mean square of what differs after all, 0 to 1; 9 where the two cannot be compared.
    """
    height, width = grey.shape[0], grey.shape[1]
    count, reach = support.taken[0], support.frame[2]
    first = motion.copy()
    matrix, right, j = np.empty((8, 8)), np.empty(8), np.empty(8)
    weights = np.empty(8)
    tone[0], tone[1] = 1.0, 0.0
    scale, error = 0.08, 9.0
    trust = (MATCH_NOISE / slack) ** 2
    for turn in range(TURNS):
        matrix[:] = 0
        right[:] = 0
        total, squares, seen = 1e-9, 0.0, 0
        for k in range(count):
            x = motion[0] + motion[1] * support.x[k] + motion[2] * support.y[k]
            y = motion[3] + motion[4] * support.x[k] + motion[5] * support.y[k]
            if not (1 <= x <= width - 2 and 1 <= y <= height - 2):
                continue
            off = _cubic_grey(grey, x, y, weights) - tone[0] * support.grey[k] - tone[1]
            weight = 1 / (1 + (off / scale) ** 2)
            total += weight
            squares += weight * off * off
            seen += 1
            u, v = support.x[k] / reach, support.y[k] / reach
            j[0], j[1], j[2] = support.slope_x[k], support.slope_x[k] * u, support.slope_x[k] * v
            j[3], j[4], j[5] = support.slope_y[k], support.slope_y[k] * u, support.slope_y[k] * v
            j[6], j[7] = -support.grey[k], -1.0
            for a in range(8):
                for b in range(a, 8):
                    matrix[a, b] += weight * j[a] * j[b]
                right[a] -= weight * j[a] * off
        if seen < max(LEAST, 0.5 * count):
            return 9.0
        error = np.sqrt(squares / total)
        if turn == TURNS - 1:
            break
        scale = max(2.0 * error, 0.01)
        for a in range(8):
            for b in range(a):
                matrix[a, b] = matrix[b, a]
        for a in range(6):
            unit, hold = (reach, trust * BEND_HOLD) if a % 3 else (1.0, trust)
            matrix[a, a] += hold
            right[a] -= hold * unit * (motion[a] - first[a])
        matrix[6, 6] += 0.05
        matrix[7, 7] += 0.05
        right[6] -= 0.05 * (tone[0] - 1)
        right[7] -= 0.05 * tone[1]
        solve(matrix, right)
        for a in range(6):
            motion[a] += right[a] / (reach if a % 3 else 1.0)
        tone[0] += right[6]
        tone[1] += right[7]
        if abs(motion[0] - first[0]) + abs(motion[3] - first[3]) > 4 * slack + 0.5:
            return 9.0
        if turn > 0 and np.abs(right[:6]).max() < 0.02:
            break
    return error
