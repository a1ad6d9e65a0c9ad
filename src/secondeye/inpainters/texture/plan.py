"""What lies at the two ends of every run of holes: which pixels, how far, how clean, and how texture runs there."""

from typing import NamedTuple

import numpy as np

from secondeye.compiled import kernel, step
from secondeye.inpainters._runs import (
    NOTHING,
    Bools,
    Floats,
    Ints,
    Longs,
    background_px,
    disparity_beside,
    landed_disparity,
    mixed_share,
)

DOUBTFUL_SHARE = np.float32(0.3)
"""A pixel beside a hole with that share of the other side's colour in it counts half: outlines are not quite where
disparity has them."""

CLEAN_PX = 4
"""So many pixels on, nothing of another surface is mixed in."""

SLOPE_COLUMNS = 4
"""Texture beside a hole is looked at over so many pixels along the row and three rows."""

FAR = 1e9
"""Disparity of what is not to be taken; above every real one."""


class Plan(NamedTuple):
    """The runs of holes of all rows of all frames, row by row; each has an end before it and one after it.

    Attributes:
        first: (T * H + 1,) index of each row's first run.
        spans: (runs, 4) first column, the one past the last, and the columns of the two ends' pixels; -1 for none.
        sides: (runs, 2) disparity of the ends, FAR where the frame ends.
        trusts: (runs, 2) what the ends' pixels count, above 0 to 1.
        slopes: (runs, 2, 3) structure tensors of the texture beside them: xx, xy, yy.
    """

    first: Longs
    spans: Ints
    sides: Floats
    trusts: Floats
    slopes: Floats


def new_plan(first: Longs) -> Plan:
    """Room for the plan of as many runs as `first` counts."""
    count = int(first[-1])
    sides, trusts = np.empty((count, 2), np.float32), np.empty((count, 2), np.float32)
    return Plan(first, np.empty((count, 4), np.int32), sides, trusts, np.empty((count, 2, 3), np.float32))


@kernel
def plan_rows(right: Floats, hole: Bools, disparity: Floats, near: Floats, plan: Plan, start: int, stop: int) -> None:
    """Plan the runs of some rows, and say in `near` which disparity each known pixel has: FAR where it has none."""
    _, height, width = hole.shape
    for row in range(start, stop):
        t, y = row // height, row % height
        landed = landed_disparity(disparity[t, y])
        x = 0
        for run in range(plan.first[row], plan.first[row + 1]):
            while not hole[t, y, x]:
                x += 1
            begin = x
            while x < width and hole[t, y, x]:
                x += 1
            _plan_run(right[t, :, y], hole[t, y], landed, begin, x, plan.spans[run], plan.sides[run], plan.trusts[run])
        for x in range(width):
            near[t, y, x] = FAR if hole[t, y, x] or landed[x] == NOTHING else landed[x]


@step
def _plan_run(
    right: Floats, hole: Bools, landed: Floats, begin: int, end: int, span: Ints, side: Floats, trust: Floats
) -> None:
    """Say where a run begins and ends, which known pixel lies before it and after it, how near, how far to be trusted.

    Where the frame ends, the pixel is -1 and FAR.
    """
    span[0], span[1], span[2], span[3] = begin, end, -1, -1
    side[0], side[1], trust[0], trust[1] = FAR, FAR, np.float32(1), np.float32(1)
    if begin > 0:
        side[0] = disparity_beside(landed, hole, begin - 1, -1)
        span[2] = background_px(right, hole, landed, begin - 1, -1, end, side[0])
    if end < len(hole):
        side[1] = disparity_beside(landed, hole, end, 1)
        span[3] = background_px(right, hole, landed, end, 1, begin - 1, side[1])
    if begin > 0 and end < len(hole):
        trust[0] = _trust(right, hole, landed, span[2], -1, span[3], side[0])
        trust[1] = _trust(right, hole, landed, span[3], 1, span[2], side[1])


@step
def _trust(right: Floats, hole: Bools, landed: Floats, source: int, way: int, other: int, side: float) -> float:
    """What a pixel beside a hole counts, by the share of the other side's colour that it has in it."""
    clean = source
    for _ in range(CLEAN_PX):
        x = clean + way
        if not 0 <= x < len(hole) or hole[x] or landed[x] == NOTHING or landed[x] > side + np.float32(1):
            break
        clean = x
    doubt = max(np.float32(mixed_share(right, source, clean, other)), np.float32(0)) / DOUBTFUL_SHARE
    return float(np.float32(1) / (np.float32(1) + doubt * doubt))


@kernel
def slope_rows(right: Floats, near: Floats, plan: Plan, start: int, stop: int) -> None:
    """Find the structure tensor of the known texture beside each end of the runs of some rows."""
    height = near.shape[1]
    for row in range(start, stop):
        for run in range(plan.first[row], plan.first[row + 1]):
            for end in range(2):
                source, limit = plan.spans[run, 2 + end], plan.sides[run, end] + np.float32(1)
                if source >= 0:
                    _slope(right, near, row // height, row % height, source, end, limit, plan.slopes[run, end])


@step
def _slope(right: Floats, near: Floats, t: int, y: int, source: int, end: int, limit: float, slope: Floats) -> None:
    """The mean structure tensor (xx, xy, yy) of the 2x2 squares of one surface beside a run, outwards from `source`."""
    _, height, width = near.shape
    xx = xy = yy = count = np.float32(0)
    for along in range(SLOPE_COLUMNS):
        i = source + 1 + along if end else source - along - 2  # the square's left column
        for j in range(max(y - 1, 0), min(y + 1, height - 1)):
            if i < 0 or i + 1 >= width or _nearest(near, t, j, i) > limit:
                continue
            for c in range(3):
                p, q, r, s = right[t, c, j, i], right[t, c, j, i + 1], right[t, c, j + 1, i], right[t, c, j + 1, i + 1]
                across, down = np.float32(0.5) * (q - p + s - r), np.float32(0.5) * (r - p + s - q)
                xx += across * across
                xy += across * down
                yy += down * down
            count += np.float32(1)
    count = max(count, np.float32(1))
    slope[0], slope[1], slope[2] = xx / count, xy / count, yy / count


@step
def _nearest(near: Floats, t: int, j: int, i: int) -> float:
    """The greatest disparity of a 2x2 square of pixels."""
    return float(max(near[t, j, i], near[t, j, i + 1], near[t, j + 1, i], near[t, j + 1, i + 1]))
