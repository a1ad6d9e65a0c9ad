"""Fetch for the holes of one frame what other frames show there."""

import numpy as np
from numpy.typing import NDArray

from secondeye.compiled import kernel, step
from secondeye.inpainters.propagate.align import align, cubic
from secondeye.inpainters.propagate.camera import DISPARITY_STEPS
from secondeye.inpainters.propagate.frames import Ring
from secondeye.inpainters.propagate.support import (
    FOLLOWED,
    Doubles,
    Floats,
    Ints,
    Support,
    follow,
    follow_camera,
    mismatch,
    nearer_beside,
    new_support,
    take_support,
)

CANDIDATES = 6
"""Most frames that one cell takes colours from."""

FADE_FRAMES = 3
"""Colours from the last so many frames within reach count less and less, so that none pops in or out."""

CAMERA_DOUBT, FLOW_DOUBT = 0.05, 0.3
"""By how many small px a step by the camera, and one by the flow, may be wrong."""

GOOD_MATCH = 0.015
"""Mean difference below which the camera's motion is taken without looking at the flow."""

WORST_MATCH = 0.06
"""Root mean square difference of the supports above which a frame is not believed."""

ENOUGH = 3
"""No further frames are looked at once so many show every tested pixel."""

LEAST_USE = 1.0
"""Tested pixels that a further frame must show at least."""

SECOND_USE = 0.2
"""What a pixel counts that one other frame shows already."""

TESTED = 40
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
    support: Support,
) -> None:
    own = frame % len(ring.colors)
    if not take_support(ring.grey[own], ring.disparity[own], runs, surface, reach_px, edge_px, support):
        return
    others, motions = np.empty(2 * reach_frames, np.int32), np.empty((2 * reach_frames, 6))
    offsets, slack = np.empty(2 * reach_frames), np.empty(2 * reach_frames)
    shown = np.empty((2 * reach_frames, TESTED), np.bool_)
    count = _scan(
        ring, runs, support, frame, oldest, newest, reach_frames, edge_px, others, motions, offsets, slack, shown
    )
    tones, trust = np.empty((CANDIDATES, 2)), np.empty(CANDIDATES)
    tone, hits, reached = np.empty(2), np.zeros(TESTED, np.int32), np.zeros(TESTED)
    found = 0
    while found < CANDIDATES:
        best = _most_useful(others[found:count], shown[found:count], hits, reached, frame, reach_frames)
        if best < 0:
            break
        best += found
        motion = motions[best].copy()
        error = align(support, ring.grey[others[best] % len(ring.colors)], motion, slack[best], tone)
        if error > WORST_MATCH or abs(tone[0] - 1) > 0.5:
            count -= 1
            _move(others, motions, offsets, slack, shown, count, best)
            continue
        near = _nearness(others[best] - frame, reach_frames)
        hits += shown[best]
        for i in range(TESTED):
            if shown[best, i]:
                reached[i] = max(reached[i], near)
        _swap(others, motions, offsets, slack, shown, found, best)
        motions[found], tones[found] = motion, tone
        trust[found] = near * near / (1 + (error / 0.01) ** 2)
        found += 1
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
        )


@step
def _nearness(away: int, reach_frames: int) -> float:
    """1, but less and less for the last FADE_FRAMES within reach."""
    return min(1.0, (reach_frames + 1 - abs(away)) / (FADE_FRAMES + 1))


@step
def _scan(
    ring: Ring,
    runs: Ints,
    support: Support,
    frame: int,
    oldest: int,
    newest: int,
    reach_frames: int,
    edge_px: int,
    others: Ints,
    motions: Doubles,
    offsets: Doubles,
    slack: Doubles,
    shown: NDArray[np.bool_],
) -> int:
    """Follow a cell through the frames, nearest first; how many show something of its hole.

    Of each such frame its number, the cell's motion there, its disparity's offset, by how many px the motion may be
    wrong, and which tested pixels it shows are written into the last five.
    """
    slots = len(ring.colors)
    at, offset_there = np.zeros((2, 6)), np.zeros(2)
    at[:, 0], at[:, 1], at[:, 3], at[:, 5] = support.frame[0], 1, support.frame[1], 1
    seen = np.zeros(TESTED, np.int32)
    going, found, doubt = np.ones(2, np.bool_), 0, np.full(2, 0.1)
    for away in range(1, reach_frames + 1):
        for way in range(2):
            other = frame + (away if way == 0 else -away)
            if not going[way] or other < oldest or other > newest:
                continue
            going[way] = _step(ring, support, other, way, offset_there[way], at[way], doubt[way : way + 1])
            disparity = ring.disparity[other % slots]
            offset = _disparity_offset(support, disparity, at[way]) if going[way] else 1e9
            if offset > 1e6:
                going[way] = False
                continue
            offset_there[way] = offset
            motions[found] = at[way]
            if _reveals(runs, support, disparity, motions[found], offset, edge_px, shown[found]):
                others[found], offsets[found], slack[found] = other, offset, doubt[way]
                seen += shown[found]
                found += 1
        if seen.min() >= ENOUGH:
            break
    return found


@step
def _step(ring: Ring, support: Support, other: int, way: int, offset: float, motion: Doubles, doubt: Doubles) -> bool:
    """Go on by one frame, to frame `other`, by the flow or as the camera moves, whichever shows the support better."""
    slots = len(ring.colors)
    height, width = ring.forward.shape[2], ring.forward.shape[3]
    by_flow, by_camera = np.empty(6), np.empty(6)
    if way == 0:
        before = (other - 1) % slots
        flow, back, camera = ring.forward[before], ring.backward[other % slots], ring.forward_camera[before]
    else:
        before = (other + 1) % slots
        flow, back, camera = ring.backward[before], ring.forward[other % slots], ring.backward_camera[before]
    grey = ring.grey[other % slots]
    follow_camera(support, camera, height, width, ring.shrink, offset, motion, by_camera)
    off = mismatch(support, grey, by_camera)
    motion_flow = 9.0
    if off > GOOD_MATCH and follow(support, flow, back, ring.shrink, motion, by_flow):
        motion_flow = mismatch(support, grey, by_flow)
    if motion_flow < 0.7 * off - 0.002:
        motion[:] = by_flow
        doubt[0] += FLOW_DOUBT * ring.shrink
        return True
    motion[:] = by_camera
    doubt[0] += CAMERA_DOUBT * ring.shrink
    return off < 1.0


@step
def _most_useful(
    others: Ints, shown: NDArray[np.bool_], hits: Ints, reached: Doubles, frame: int, reach_frames: int
) -> int:
    """Which frame shows most of what was shown too seldom or from too far, rather a near one; -1: none adds enough."""
    best, most = -1, 0.0
    for k in range(len(others)):
        near, use = _nearness(others[k] - frame, reach_frames), 0.0
        for i in range(TESTED):
            if shown[k, i]:
                use += max(near - reached[i], 0.0) + (SECOND_USE if hits[i] < 2 else 0.0)
        if use >= LEAST_USE and use / (4 + abs(others[k] - frame)) > most:
            best, most = k, use / (4 + abs(others[k] - frame))
    return best


@step
def _move(
    others: Ints, motions: Doubles, offsets: Doubles, slack: Doubles, shown: NDArray[np.bool_], source: int, to: int
) -> None:
    others[to], motions[to], offsets[to] = others[source], motions[source], offsets[source]
    slack[to], shown[to] = slack[source], shown[source]


@step
def _swap(
    others: Ints, motions: Doubles, offsets: Doubles, slack: Doubles, shown: NDArray[np.bool_], a: int, b: int
) -> None:
    others[a], others[b] = others[b], others[a]
    offsets[a], offsets[b] = offsets[b], offsets[a]
    slack[a], slack[b] = slack[b], slack[a]
    for i in range(6):
        motions[a, i], motions[b, i] = motions[b, i], motions[a, i]
    for i in range(TESTED):
        shown[a, i], shown[b, i] = shown[b, i], shown[a, i]


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
    shown: NDArray[np.bool_],
) -> bool:
    """Whether another frame shows any of a cell's hole, and which of TESTED pixels spread over it."""
    total = 0
    for run in range(len(runs)):
        total += runs[run, 2] - runs[run, 1]
    stride = total / TESTED
    place, number, k, useful = np.empty(2), 0, 0, False
    shown[:] = False
    for run in range(len(runs)):
        y = runs[run, 0] - support.frame[1]
        length = runs[run, 2] - runs[run, 1]
        while k < TESTED and int(k * stride) < number + length:
            column = runs[run, 1] + int(k * stride) - number
            x = _hidden_x(support, column, y)
            shown[k] = _look_up(support, disparity, motion, offset, edge_px, x, y, place)
            useful |= shown[k]
            k += 1
        number += length
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
                total += trust[k] * (color - tones[k, 1]) / tones[k, 0]
                weight += trust[k]
                near = max(near, _nearness(others[k] - frame, reach_frames))
            if weight > 0:
                for c in range(3):
                    value = min(max(total[c] / weight, 0.0), 1.0)
                    right[c, row, column] += near * (value - right[c, row, column])
