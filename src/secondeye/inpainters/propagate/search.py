"""Search what the right eye sees in holes: which surface along a pixel's ray other frames of the left eye show.

    frame t    F hides the ray of a hole from the left eye, so that anything may stand there: d2 or d1
    frame s    sees past d2, to what lies behind it: d2 is empty; and sees a surface at d1: that is it

The nearest disparity wins at which far more frames see a surface than see past it. What moves by itself is not counted
as a surface, for it is elsewhere at other times. Holes are searched in blocks of a few
pixels, of which one is asked for all.
"""

import numpy as np
from numpy.typing import NDArray

from secondeye.compiled import kernel, step
from secondeye.inpainters.propagate.camera import DISPARITY_STEPS
from secondeye.inpainters.propagate.frames import Ring
from secondeye.inpainters.propagate.lattice import Lattice, along, ray

Doubles = NDArray[np.float64]
Floats = NDArray[np.float32]
Ints = NDArray[np.int32]
Bools = NDArray[np.bool_]
Bytes = NDArray[np.int8]
Steps = NDArray[np.int16]

SOURCES = 5
"""Most frames from which one block takes colours."""

ASKED = 5
"""No further frames are asked about a ray once so many show something of it."""

TRIED = 64
"""Most disparities that are tried along a ray."""

PACE_PX = 0.8
"""From one tried disparity to the next, for each px of a block's side."""

SURER, LEAST_VOTES = 4.0, 1.2
"""So many times as many frames must see a surface as see past it, and more than one."""

GAP_SHARE = 0.65
"""What is found may stand in so much of the gap in disparity between the ground beside a hole and what hides it."""

BEYOND = 2.0
"""So many paces it may lie beyond the ground."""

NOTHING = -1e9
"""No disparity."""


def pace_of(lattice: Lattice, block_px: int) -> float:
    """Px from one tried disparity to the next."""
    return max(PACE_PX * block_px, float(lattice.levels[2] - lattice.levels[0]) / (TRIED - 2))


@kernel
def search_blocks(
    ring: Ring,
    lattice: Lattice,
    hole: Bools,
    frame: int,
    block_px: int,
    pace: float,
    depth: Floats,
    sources: Bytes,
    start: int,
    stop: int,
) -> None:
    """Search for the hole pixels of the blocks in block rows [start, stop).

    Args:
        hole: (H, W).
        block_px: a block's side.
        pace: px from one tried disparity to the next.
        depth: (rows, columns) of blocks, px of disparity, written; NOTHING where there is no hole or nothing is shown.
        sources: (rows, columns, SOURCES) how many frames away what is there is shown, written; 0 ends them.
    """
    tried, votes, empty = np.empty(TRIED), np.empty(TRIED), np.empty(TRIED)
    near, coefficients = np.empty((TRIED, SOURCES), np.int8), np.empty((3, 3))
    off = np.empty(TRIED, np.float32)
    here = ring.disparity[frame % len(ring.disparity)]
    for j in range(start, stop):
        for i in range(depth.shape[1]):
            depth[j, i] = NOTHING
            sources[j, i] = 0
            row, column = _first_hole(hole, j * block_px, i * block_px, block_px)
            if row < 0:
                continue
            least, most = _bounds(here, row, column, lattice.levels)
            count = _hidden(here, lattice.levels, row, column, pace, least, most, tried)
            _vote(ring, lattice, frame, row, column, pace, tried[:count], votes, empty, near, coefficients, off)
            for k in range(count):
                if votes[k] > SURER * empty[k] + LEAST_VOTES:
                    depth[j, i] = tried[k]
                    sources[j, i] = near[k]
                    break


@step
def _first_hole(hole: Bools, top: int, left: int, block_px: int) -> tuple[int, int]:
    """Row and column of a block's first hole pixel, or -1."""
    for y in range(top, min(top + block_px, hole.shape[0])):
        for x in range(left, min(left + block_px, hole.shape[1])):
            if hole[y, x]:
                return y, x
    return -1, -1


@step
def _bounds(here: Steps, row: int, column: int, levels: Doubles) -> tuple[float, float]:
    """The least and the most disparity that is believed of what a right pixel shows behind what hides it.

    Where the ground begins beside what hides it, what stands close to that is likely to be a part of it that moved,
    and what lies beyond the ground would be seen through something that moved away.
    """
    width, d = here.shape[1], levels[2]
    while d > levels[0]:
        x = int(column + d + 0.5)
        if 0 <= x < width and here[row, x] >= (d - 0.5) * DISPARITY_STEPS:
            hider = here[row, x] / DISPARITY_STEPS
            for i in range(x, min(x + int(levels[2] - levels[0]) + 8, width)):
                if here[row, i] < (hider - 1.0) * DISPARITY_STEPS:
                    ground = here[row, min(i + 1, width - 1)] / DISPARITY_STEPS
                    return ground, ground + GAP_SHARE * (hider - ground)
                if i < x + 3:
                    hider = max(hider, here[row, i] / DISPARITY_STEPS)
            return levels[0], levels[2]
        d -= 0.5
    return levels[0], levels[2]


@step
def _hidden(
    here: Steps, levels: Doubles, row: int, column: int, pace: float, least: float, most: float, tried: Doubles
) -> int:
    """Disparities, nearest first, at which the left eye cannot tell what stands on a right pixel's ray; how many."""
    count, d, width = 0, levels[2], here.shape[1]
    while d > most:
        d -= pace
    while d > least - BEYOND * pace and count < TRIED:
        left = int(np.round(column + d))
        if left < 0 or left >= width or here[row, left] > (d - 0.5 * pace) * DISPARITY_STEPS:
            tried[count] = d
            count += 1
        d -= pace
    return count


@step
def _vote(
    ring: Ring,
    lattice: Lattice,
    frame: int,
    row: int,
    column: int,
    pace: float,
    tried: Doubles,
    votes: Doubles,
    empty: Doubles,
    near: Bytes,
    coefficients: Doubles,
    off: Floats,
) -> None:
    """Count at each tried disparity the frames that see a surface and those that see past it, near frames more."""
    slots, reach, asked = len(ring.disparity), len(lattice.nodes) // 2, 0
    for k in range(len(tried)):
        votes[k] = empty[k] = 0.0
        for i in range(SOURCES):
            near[k, i] = 0
    for turn in range(2, 2 * reach + 2):
        away = turn // 2 * (1 - 2 * (turn % 2))
        if not lattice.first <= reach + away <= lattice.last:
            continue
        ray(lattice.nodes, reach + away, lattice.gap, column, row, coefficients)
        slot, weight = (frame + away) % slots, 1 / (1 + 0.1 * abs(away))
        _compare(ring.disparity, slot, coefficients, lattice.levels, tried, off)
        shows = False
        for k in range(len(tried)):
            if off[k] < -1.5 * pace:
                empty[k] += weight
            elif abs(off[k]) <= 0.75 * pace and not _moves(ring, slot, coefficients, lattice.levels, tried[k]):
                votes[k] += weight
                shows = True
                _note(near, k, away)
        asked += shows
        if asked == ASKED:
            break


@step
def _compare(disparity: Steps, slot: int, ray: Doubles, levels: Doubles, tried: Doubles, off: Floats) -> None:
    """By how much what another frame shows stands before what is tried on a ray, px; infinite outside the frame."""
    height, width = disparity.shape[1], disparity.shape[2]
    scale, middle = 1 / (levels[2] - levels[1]), levels[1]
    for k in range(len(tried)):
        u, v, there = along(ray, (tried[k] - middle) * scale)
        x, y = int(u + 0.5), int(v + 0.5)
        if 1 <= x < width - 1 and 1 <= y < height - 1:
            off[k] = disparity[slot, y, x] / DISPARITY_STEPS - there
        else:
            off[k] = np.inf


@step
def _moves(ring: Ring, slot: int, ray: Doubles, levels: Doubles, tried: float) -> bool:
    """Whether what a frame shows at a disparity on a ray, inside it, moves by itself."""
    x, y, _ = along(ray, (tried - levels[1]) / (levels[2] - levels[1]))
    row = int(y + 0.5) * ring.moves.shape[1] // ring.disparity.shape[1]
    column = int(x + 0.5) * ring.moves.shape[2] // ring.disparity.shape[2]
    return bool(ring.moves[slot, row, column])


@step
def _note(near: Bytes, k: int, away: int) -> None:
    """Put a frame on the list of those that show something at a disparity, if there is room."""
    for i in range(SOURCES):
        if near[k, i] == 0:
            near[k, i] = away
            return
