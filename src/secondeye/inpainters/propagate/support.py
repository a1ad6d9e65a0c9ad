"""A cell's support: the background beside it, sampled; how it moves from frame to frame, and how it lies in another.

    frame t    F F F h h [B B B B]        the support B is seen in both frames; its motion, continued, says where in
    frame s    F h h [B B B B]            frame s the hidden h lies

Samples follow the flow from frame to frame, and an affine motion is fitted to where they have come (`fit`); `align.py`
then makes it exact.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from secondeye.compiled import step
from secondeye.flow.linear import solve
from secondeye.inpainters.propagate.camera import DISPARITY_STEPS, camera_flow

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Ints = NDArray[np.int32]

SIDE = 12
"""Most samples along either side of a support."""

FOLLOWED = 3
"""One in so many samples is followed through the flow, which is smooth; all of them are compared."""

LEAST = 12
"""Fewer samples say nothing."""


class Support(NamedTuple):
    """Samples of one cell, as many as `taken[0]`.

    Attributes:
        x, y: px in frame t, about the centre.
        grey, slope_x, slope_y: brightness 0 to 1 there and its slope a px.
        taken: (1,).
        frame: (6,) centre x and y, reach in px, and disparity at the centre with its slope a px in x and y.
    """

    x: Doubles
    y: Doubles
    grey: Doubles
    slope_x: Doubles
    slope_y: Doubles
    taken: Ints
    frame: Doubles


@step
def new_support() -> Support:
    """Room for the samples of one cell."""
    room = SIDE * SIDE
    return Support(
        np.empty(room),
        np.empty(room),
        np.empty(room),
        np.empty(room),
        np.empty(room),
        np.zeros(1, np.int32),
        np.zeros(6),
    )


@step
def nearer_beside(disparity: NDArray[np.int16], x: int, y: int, reach: int, most: float) -> bool:
    """Whether something of more than `most` px stands at or within `reach` px of (x, y)."""
    height, width = disparity.shape
    limit = most * DISPARITY_STEPS
    for j in (-reach, 0, reach):
        row = min(max(y + j, 0), height - 1)
        for i in (-reach, 0, reach):
            if disparity[row, min(max(x + i, 0), width - 1)] > limit:
                return True
    return False


@step
def take_support(
    grey: NDArray[np.uint8],
    disparity: NDArray[np.int16],
    runs: Ints,
    surface: Floats,
    reach: int,
    edge: int,
    into: Support,
) -> bool:
    """Sample the background beside a cell's runs in frame t; False where too little of it is seen."""
    height, width = disparity.shape
    side = runs[0, 4]
    begin, end = runs[:, 3].min(), runs[:, 3].max()
    first_x, last_x = (begin - reach // 2, end + reach) if side > 0 else (begin - reach, end + reach // 2)
    first_y, last_y = runs[0, 0] - reach // 3, runs[-1, 0] + reach // 3
    first_x, last_x = max(first_x, 1), min(last_x, width - 2)
    first_y, last_y = max(first_y, 1), min(last_y, height - 2)
    across, down = max(1.0, (last_x - first_x + 1) / SIDE), max(1.0, (last_y - first_y + 1) / SIDE)
    level, centre_x, centre_y = surface.mean(), 0.5 * (begin + end), runs[:, 0].mean()
    count = 0
    depth = np.empty(SIDE * SIDE)
    for j in range(SIDE):
        y = int(first_y + down * j)
        if y > last_y:
            break
        for i in range(SIDE):
            x = int(first_x + across * i)
            if x > last_x:
                break
            value = disparity[y, x] / DISPARITY_STEPS
            tolerance = 0.6 + 0.06 * (abs(x - centre_x) + abs(y - centre_y))
            if abs(value - level) > tolerance or nearer_beside(disparity, x, y, edge, level + tolerance + 0.5):
                continue
            into.x[count], into.y[count], depth[count] = x, y, value
            count += 1
    if count < LEAST:
        return False
    kept = _fit_plane(into, depth, count, reach)
    into.taken[0] = kept
    for k in range(kept):
        x, y = int(into.x[k] + into.frame[0]), int(into.y[k] + into.frame[1])
        into.grey[k] = grey[y, x] / 255.0
        into.slope_x[k] = (float(grey[y, x + 1]) - float(grey[y, x - 1])) / 510.0
        into.slope_y[k] = (float(grey[y + 1, x]) - float(grey[y - 1, x])) / 510.0
    return kept >= LEAST


@step
def _fit_plane(into: Support, depth: Doubles, count: int, reach: int) -> int:
    """Fit a plane to the disparity of the samples, keep those near it, and count positions from their centre."""
    centre_x = np.round(into.x[:count].mean())
    centre_y = np.round(into.y[:count].mean())
    plane = np.zeros(3)
    weights = np.ones(count)
    matrix, right = np.empty((3, 3)), np.empty(3)
    for _ in range(3):
        matrix[:] = 0
        right[:] = 0
        for k in range(count):
            u, v, w = (into.x[k] - centre_x) / reach, (into.y[k] - centre_y) / reach, weights[k]
            _add3(matrix, right, u, v, w, depth[k])
        matrix[1, 1] += 0.02 * count
        matrix[2, 2] += 0.02 * count
        solve(matrix, right)
        plane[:] = right
        for k in range(count):
            u, v = (into.x[k] - centre_x) / reach, (into.y[k] - centre_y) / reach
            off = (depth[k] - plane[0] - plane[1] * u - plane[2] * v) / 0.3
            weights[k] = 1 / (1 + off * off)
    kept = 0
    for k in range(count):
        if weights[k] > 0.1:  # within 0.9 px of the plane
            into.x[kept], into.y[kept] = into.x[k] - centre_x, into.y[k] - centre_y
            kept += 1
    into.frame[0], into.frame[1], into.frame[2] = centre_x, centre_y, reach
    into.frame[3], into.frame[4], into.frame[5] = plane[0], plane[1] / reach, plane[2] / reach
    return kept


@step
def _add3(matrix: Doubles, right: Doubles, u: float, v: float, weight: float, value: float) -> None:
    matrix[0, 0] += weight
    matrix[0, 1] += weight * u
    matrix[0, 2] += weight * v
    matrix[1, 1] += weight * u * u
    matrix[1, 2] += weight * u * v
    matrix[2, 2] += weight * v * v
    matrix[1, 0], matrix[2, 0], matrix[2, 1] = matrix[0, 1], matrix[0, 2], matrix[1, 2]
    right[0] += weight * value
    right[1] += weight * value * u
    right[2] += weight * value * v


@step
def follow(support: Support, flow: Floats, back: Floats, shrink: float, motion: Doubles, into: Doubles) -> bool:
    """Move a support along one frame's flow.

    Args:
        flow: (2, h, w) to the other frame, in its small px.
        back: (2, h, w) from the other frame.
        shrink: px a small px.
        motion: (6,) from frame t to where the flow begins.
        into: (6,) to where it ends, written.

    Returns:
        Whether enough samples came back to where they began.
    """
    height, width = flow.shape[1], flow.shape[2]
    count = (support.taken[0] + FOLLOWED - 1) // FOLLOWED
    at_x, at_y, alive = np.empty(count), np.empty(count), np.zeros(count, np.bool_)
    for k in range(count):
        u, v = support.x[k * FOLLOWED], support.y[k * FOLLOWED]
        x = (motion[0] + motion[1] * u + motion[2] * v + 0.5) / shrink - 0.5
        y = (motion[3] + motion[4] * u + motion[5] * v + 0.5) / shrink - 0.5
        if not (0 <= x <= width - 1 and 0 <= y <= height - 1):
            continue
        move_x, move_y = _sample(flow[0], x, y), _sample(flow[1], x, y)
        new_x, new_y = x + move_x, y + move_y
        if 0 <= new_x <= width - 1 and 0 <= new_y <= height - 1:
            error = np.hypot(move_x + _sample(back[0], new_x, new_y), move_y + _sample(back[1], new_x, new_y))
            alive[k] = error < 0.5 + 0.05 * np.hypot(move_x, move_y)
        at_x[k], at_y[k] = (new_x + 0.5) * shrink - 0.5, (new_y + 0.5) * shrink - 0.5
    return fit(support, at_x, at_y, alive, into)


@step
def follow_camera(
    support: Support,
    camera: Doubles,
    height: int,
    width: int,
    shrink: float,
    offset: float,
    motion: Doubles,
    into: Doubles,
) -> None:
    """Move a support as it moves if it is at rest and only the camera moves.

    Args:
        camera: (2, 7), see `camera_flow`.
        height, width: of the small frame.
        shrink: px a small px.
        offset: by how much disparity there exceeds that in frame t.
        motion, into: see `follow`.
    """
    reach = support.frame[2]
    flow, ends = np.empty(2), np.empty((3, 2))
    for k in range(3):
        u, v = reach * (k == 1), reach * (k == 2)
        x = (motion[0] + motion[1] * u + motion[2] * v + 0.5) / shrink - 0.5
        y = (motion[3] + motion[4] * u + motion[5] * v + 0.5) / shrink - 0.5
        disparity = support.frame[3] + support.frame[4] * u + support.frame[5] * v + offset
        camera_flow(camera, x, y, disparity, width, height, flow)
        ends[k, 0], ends[k, 1] = (x + flow[0] + 0.5) * shrink - 0.5, (y + flow[1] + 0.5) * shrink - 0.5
    for axis in range(2):
        into[3 * axis] = ends[0, axis]
        into[3 * axis + 1] = (ends[1, axis] - ends[0, axis]) / reach
        into[3 * axis + 2] = (ends[2, axis] - ends[0, axis]) / reach


@step
def mismatch(support: Support, grey: NDArray[np.uint8], motion: Doubles) -> float:
    """How much a support differs in brightness from where its motion puts it, mean difference taken out; 9 outside."""
    height, width = grey.shape[0], grey.shape[1]
    count = support.taken[0]
    off = np.empty(count)
    seen = 0
    for k in range(0, count, FOLLOWED):
        x = motion[0] + motion[1] * support.x[k] + motion[2] * support.y[k]
        y = motion[3] + motion[4] * support.x[k] + motion[5] * support.y[k]
        if 0 <= x < width - 1 and 0 <= y < height - 1:
            left, top = int(x), int(y)
            a, b = x - left, y - top
            upper = (1 - a) * grey[top, left] + a * grey[top, left + 1]
            lower = (1 - a) * grey[top + 1, left] + a * grey[top + 1, left + 1]
            off[seen] = ((1 - b) * upper + b * lower) / 255.0 - support.grey[k]
            seen += 1
    if seen < LEAST // 3 or seen * FOLLOWED < 0.4 * count:
        return 9.0
    return float(np.abs(off[:seen] - off[:seen].mean()).mean())


@step
def _sample(plane: Floats, x: float, y: float) -> float:
    """Bilinear, borders repeated."""
    height, width = plane.shape
    x, y = min(max(x, 0.0), width - 1.0), min(max(y, 0.0), height - 1.0)
    left, top = min(int(x), max(width - 2, 0)), min(int(y), max(height - 2, 0))
    a, b = x - left, y - top
    right, bottom = min(left + 1, width - 1), min(top + 1, height - 1)
    upper = (1 - a) * plane[top, left] + a * plane[top, right]
    lower = (1 - a) * plane[bottom, left] + a * plane[bottom, right]
    return float((1 - b) * upper + b * lower)


@step
def fit(support: Support, at_x: Doubles, at_y: Doubles, alive: NDArray[np.bool_], motion: Doubles) -> bool:
    """Fit an affine motion to followed samples: (x, y) from the centre lie at motion[0] + motion[1] x + motion[2] y
    in the other frame, and at motion[3] + motion[4] x + motion[5] y; False where too few remain."""
    reach = support.frame[2]
    count = 0
    for k in range(len(at_x)):
        count += alive[k]
    if count < LEAST // 2:
        return False
    weights = np.ones(len(at_x))
    matrix, horizontal, vertical = np.empty((3, 3)), np.empty(3), np.empty(3)
    again = np.empty((3, 3))
    for _ in range(3):
        matrix[:] = 0
        horizontal[:] = 0
        vertical[:] = 0
        again[:] = 0
        for k in range(len(at_x)):
            if alive[k]:
                x, y = support.x[k * FOLLOWED], support.y[k * FOLLOWED]
                _add3(matrix, horizontal, x / reach, y / reach, weights[k], at_x[k] - x)
                _add3(again, vertical, x / reach, y / reach, weights[k], at_y[k] - y)
        for i in (1, 2):
            matrix[i, i] += 0.05 * count
        again[:] = matrix
        solve(matrix, horizontal)
        solve(again, vertical)
        for k in range(len(at_x)):
            x, y = support.x[k * FOLLOWED], support.y[k * FOLLOWED]
            u, v = x / reach, y / reach
            off_x = at_x[k] - x - horizontal[0] - horizontal[1] * u - horizontal[2] * v
            off_y = at_y[k] - y - vertical[0] - vertical[1] * u - vertical[2] * v
            weights[k] = 1 / (1 + (off_x * off_x + off_y * off_y))
    motion[0], motion[1], motion[2] = horizontal[0], 1 + horizontal[1] / reach, horizontal[2] / reach
    motion[3], motion[4], motion[5] = vertical[0], vertical[1] / reach, 1 + vertical[2] / reach
    return True
