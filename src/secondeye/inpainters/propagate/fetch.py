"""Fetch for the holes of one frame what other frames show there."""

import numpy as np
from numpy.typing import NDArray

from secondeye.compiled import kernel, step
from secondeye.inpainters.propagate.frames import DISPARITY_STEPS, Ring
from secondeye.inpainters.propagate.support import (
    FOLLOWED,
    Doubles,
    Floats,
    Ints,
    Support,
    align,
    cubic,
    fit,
    follow,
    nearer_beside,
    new_support,
    take_support,
)

CANDIDATES = 4
"""Most frames that one cell takes colours from."""

FADE_FRAMES = 3
"""Colours from the last so many frames within reach count less and less, so that none pops in or out."""

WORST_MATCH = 0.06
"""Root mean square difference of the supports above which a frame is not believed."""

TESTED = 24
"""Hole pixels of a cell that are looked up before a frame is compared more closely."""


@kernel
def fetch_cells(
    ring: Ring,
    runs: Ints,
    surface: Floats,
    first: Ints,
    frame: int,
    oldest: int,
    newest: int,
    reach_frames: int,
    reach_px: int,
    edge_px: int,
    right: Floats,
    sure: Floats,
    start: int,
    stop: int,
) -> None:
    """Fill the cells [start, stop) of frame `frame` from frames oldest to newest.

    Args:
        ring: all of these frames.
        runs, surface, first: see `Holes`.
        reach_frames: how far a frame may be away at most.
        reach_px: how far a support goes.
        edge_px: how near nothing may stand that is nearer.
        right: (3, H, W), holes filled in some way; what is found is laid over it.
        sure: (H, W), how far what was found is trusted, written in holes.
    """
    support = new_support()
    for cell in range(start, stop):
        part = slice(first[cell], first[cell + 1])
        _fetch_cell(
            ring,
            runs[part],
            surface[part],
            frame,
            oldest,
            newest,
            reach_frames,
            reach_px,
            edge_px,
            right,
            sure,
            support,
        )


@step
def _fetch_cell(
    ring: Ring,
    runs: Ints,
    surface: Floats,
    frame: int,
    oldest: int,
    newest: int,
    reach_frames: int,
    reach_px: int,
    edge_px: int,
    right: Floats,
    sure: Floats,
    support: Support,
) -> None:
    slots = len(ring.colors)
    own = frame % slots
    if not take_support(ring.colors[own], ring.disparity[own], runs, surface, reach_px, edge_px, support):
        return
    count = (support.taken[0] + FOLLOWED - 1) // FOLLOWED
    at_x, at_y = np.empty((2, count)), np.empty((2, count))
    alive = np.ones((2, count), np.bool_)
    for k in range(count):
        at_x[:, k] = support.x[k * FOLLOWED] + support.frame[0]
        at_y[:, k] = support.y[k * FOLLOWED] + support.frame[1]
    motions, tones = np.empty((CANDIDATES, 6)), np.empty((CANDIDATES, 2))
    others, trust = np.empty(CANDIDATES, np.int32), np.empty(CANDIDATES)
    offsets = np.empty(CANDIDATES)
    found, motion, tone = 0, np.empty(6), np.empty(2)
    going = np.ones(2, np.bool_)
    hits = np.zeros(TESTED, np.int32)
    for away in range(1, reach_frames + 1):
        for way in range(2):
            other = frame + (away if way == 0 else -away)
            if not going[way] or other < oldest or other > newest:
                continue
            if way == 0:
                flow, back = ring.forward[(other - 1) % slots], ring.backward[other % slots]
            else:
                flow, back = ring.backward[(other + 1) % slots], ring.forward[other % slots]
            left = follow(flow, back, ring.shrink, at_x[way], at_y[way], alive[way])
            if left < count * 0.3 or not fit(support, at_x[way], at_y[way], alive[way], motion):
                going[way] = False
                continue
            disparity = ring.disparity[other % slots]
            offset = _disparity_offset(support, disparity, motion)
            if offset > 1e6 or not _reveals(
                runs, support, disparity, motion, offset, edge_px, hits, found < CANDIDATES, False
            ):
                continue
            error = align(support, ring.colors[other % slots], motion, 1.0 + 0.5 * ring.shrink, tone)
            if error > WORST_MATCH or abs(tone[0] - 1) > 0.5:
                continue
            _reveals(runs, support, disparity, motion, offset, edge_px, hits, True, True)
            motions[found], tones[found], others[found], offsets[found] = motion, tone, other, offset
            near = min(1.0, (reach_frames + 1 - away) / (FADE_FRAMES + 1))
            trust[found] = near / (1 + (error / 0.01) ** 2)
            found += 1
            if found == CANDIDATES:
                break
        if found == CANDIDATES or not (going[0] or going[1]):
            break
    if found:
        _paint(
            ring,
            runs,
            support,
            motions[:found],
            tones[:found],
            others[:found],
            offsets[:found],
            trust[:found],
            frame,
            reach_frames,
            edge_px,
            right,
            sure,
        )


@step
def _disparity_offset(support: Support, disparity: NDArray[np.int16], motion: Doubles) -> float:
    """By how much the support's disparity exceeds in the other frame what it is in this one; huge where unknown."""
    height, width = disparity.shape
    count = support.taken[0]
    values = np.empty(count)
    known = 0
    for k in range(0, count, FOLLOWED):
        x = int(np.round(motion[0] + motion[1] * support.x[k] + motion[2] * support.y[k]))
        y = int(np.round(motion[3] + motion[4] * support.x[k] + motion[5] * support.y[k]))
        if 0 <= x < width and 0 <= y < height:
            plane = support.frame[3] + support.frame[4] * support.x[k] + support.frame[5] * support.y[k]
            values[known] = disparity[y, x] / DISPARITY_STEPS - plane
            known += 1
    if known < 4:
        return 1e9
    values[:known].sort()
    return float(values[known // 2])


@step
def _hidden_x(support: Support, column: int, y: float) -> float:
    """Where, from the support's centre, the hole pixel `column` of the right view lies in the left one."""
    level = support.frame[3] + support.frame[5] * y
    slope = min(max(support.frame[4], -0.5), 0.5)
    return float((column + level - support.frame[0]) / (1 - slope))


@step
def _look_up(
    support: Support,
    disparity: NDArray[np.int16],
    motion: Doubles,
    offset: float,
    edge_px: int,
    x: float,
    y: float,
    place: Doubles,
) -> bool:
    """Whether another frame shows background where (x, y) of the support's plane should be, and where exactly."""
    height, width = disparity.shape
    plane = support.frame[3] + support.frame[4] * x + support.frame[5] * y
    tolerance = 0.6 + 0.03 * (abs(x) + abs(y))
    for turn in range(2):
        place[0] = motion[0] + motion[1] * x + motion[2] * y
        place[1] = motion[3] + motion[4] * x + motion[5] * y
        column, row = int(np.round(place[0])), int(np.round(place[1]))
        if not (1 <= column < width - 1 and 1 <= row < height - 1):
            return False
        step_px = disparity[row, column] / DISPARITY_STEPS - offset - plane
        if abs(step_px) > tolerance:
            return False
        if turn == 0:
            x += step_px
    return not nearer_beside(disparity, column, row, edge_px, plane + offset + tolerance)


@step
def _reveals(
    runs: Ints,
    support: Support,
    disparity: NDArray[np.int16],
    motion: Doubles,
    offset: float,
    edge_px: int,
    hits: Ints,
    wanted: bool,
    count: bool,
) -> bool:
    """Whether another frame shows hole pixels that too few others did; `count` them if so asked."""
    total = 0
    for run in range(len(runs)):
        total += runs[run, 2] - runs[run, 1]
    stride = max(1, total // TESTED)
    place, number, useful = np.empty(2), 0, False
    for run in range(len(runs)):
        y = runs[run, 0] - support.frame[1]
        for column in range(runs[run, 1], runs[run, 2]):
            if number % stride == 0 and number // stride < TESTED:
                k = number // stride
                if hits[k] < 3 and _look_up(
                    support, disparity, motion, offset, edge_px, _hidden_x(support, column, y), y, place
                ):
                    useful = True
                    if count:
                        hits[k] += 1
            number += 1
    return useful


@step
def _paint(
    ring: Ring,
    runs: Ints,
    support: Support,
    motions: Doubles,
    tones: Doubles,
    others: Ints,
    offsets: Doubles,
    trust: Doubles,
    frame: int,
    reach_frames: int,
    edge_px: int,
    right: Floats,
    sure: Floats,
) -> None:
    """Lay over the hole pixels of a cell what the chosen frames show there."""
    slots = len(ring.colors)
    place, weights, color, total = np.empty(2), np.empty(8), np.empty(3), np.empty(3)
    for run in range(len(runs)):
        row = runs[run, 0]
        y = row - support.frame[1]
        for column in range(runs[run, 1], runs[run, 2]):
            x = _hidden_x(support, column, y)
            total[:] = 0
            weight, near = 0.0, 0.0
            for k in range(len(others)):
                slot = others[k] % slots
                if not _look_up(support, ring.disparity[slot], motions[k], offsets[k], edge_px, x, y, place):
                    continue
                cubic(ring.colors[slot], place[0], place[1], weights, color)
                away = abs(others[k] - frame)
                total += trust[k] * (color - tones[k, 1]) / tones[k, 0]
                weight += trust[k]
                near = max(near, min(1.0, (reach_frames + 1 - away) / (FADE_FRAMES + 1)))
            if weight > 0:
                for c in range(3):
                    value = min(max(total[c] / weight, 0.0), 1.0)
                    right[c, row, column] += near * (value - right[c, row, column])
                sure[row, column] = near
