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
from secondeye.inpainters.propagate.lattice import Lattice, curves_of_row, ray

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

LANES = 8
"""So many places are computed at once; whatever is beyond the last is not looked at."""

NO_HOLE, NOTHING = -2e9, -1e9
"""No disparity: a block that nothing is missing of, and one of which nothing is found."""


def pace_of(lattice: Lattice, block_px: int) -> float:
    """Px from one tried disparity to the next."""
    return max(PACE_PX * block_px, (lattice.most - lattice.least) / (TRIED - LANES))


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
        depth: (rows, columns) of blocks, px of disparity, written; see NO_HOLE and NOTHING.
        sources: (rows, columns, SOURCES) how many frames away what is there is shown, written; 0 ends them.
    """
    height, width = hole.shape
    disparity, moves = ring.disparity.reshape(-1), ring.moves
    curves = np.empty((lattice.curves.shape[0], lattice.curves.shape[2], 9), np.float32)
    tried, votes, empty = np.zeros(TRIED, np.float32), np.empty(TRIED, np.float32), np.empty(TRIED, np.float32)
    seen, asked = np.empty(TRIED, np.uint8), np.empty(ASKED, np.int8)
    curve, off, where = np.empty(9, np.float32), np.empty(TRIED, np.float32), np.empty(TRIED, np.int32)
    here = ring.disparity[frame % len(ring.disparity)]
    for j in range(start, stop):
        ready = False
        for i in range(depth.shape[1]):
            depth[j, i] = NO_HOLE
            row, column = _first_hole(hole, j * block_px, i * block_px, block_px)
            if row < 0:
                continue
            depth[j, i] = NOTHING
            if not ready:
                middle = (j + 0.5) * block_px - 0.5
                curves_of_row(lattice.curves, lattice.first, lattice.last, lattice.gap[0], middle, curves)
                ready = True
            least, most = _bounds(here, row, column, lattice.least, lattice.most)
            count = _hidden(here, lattice.most, lattice.middle, row, column, pace, least, most, tried)
            if count == 0:
                continue
            votes[:] = 0
            empty[:] = 0
            seen[:] = 0
            number = 0
            reach = len(lattice.slots) // 2
            for turn in range(2, 2 * reach + 2):
                away = turn // 2 * (1 - 2 * (turn % 2))
                at = reach + away
                if not lattice.first <= at <= lattice.last:
                    continue
                ray(curves, at, lattice.gap[1], (i + 0.5) * block_px - 0.5, curve)
                _locate(curve, tried, count, height, width, where, off)
                if _ask(disparity, moves, lattice.slots[at], height, width, where, off, count, pace, np.float32(1 / (1 + 0.1 * abs(away))), np.uint8(1 << number), votes, empty, seen):
                    asked[number] = away
                    number += 1
                    if number == ASKED:
                        break
            for k in range(count):
                if votes[k] > SURER * empty[k] + LEAST_VOTES:
                    depth[j, i] = tried[k] + lattice.middle
                    n = 0
                    for m in range(number):
                        if seen[k] >> m & 1:
                            sources[j, i, n] = asked[m]
                            n += 1
                    if n < SOURCES:
                        sources[j, i, n] = 0
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
def _bounds(here: Steps, row: int, column: int, least: float, most: float) -> tuple[float, float]:
    """The least and the most disparity that is believed of what a right pixel shows behind what hides it.

    Where the ground begins beside what hides it, what stands close to that is likely to be a part of it that moved,
    and what lies beyond the ground would be seen through something that moved away.
    """
    width, d = here.shape[1], most
    while d > least:
        x = int(column + d + 0.5)
        if 0 <= x < width and here[row, x] >= (d - 0.5) * DISPARITY_STEPS:
            hider = here[row, x] / DISPARITY_STEPS
            for i in range(x, min(x + int(most - least) + 8, width)):
                if here[row, i] < (hider - 1.0) * DISPARITY_STEPS:
                    ground = here[row, min(i + 1, width - 1)] / DISPARITY_STEPS
                    return ground, ground + GAP_SHARE * (hider - ground)
                if i < x + 3:
                    hider = max(hider, here[row, i] / DISPARITY_STEPS)
            return least, most
        d -= 0.5
    return least, most


@step
def _hidden(
    here: Steps, highest: float, middle: float, row: int, column: int, pace: float, least: float, most: float, tried: Floats
) -> int:
    """Disparities, nearest first, at which the left eye cannot tell what stands on a right pixel's ray; how many."""
    count, d, width = 0, highest, here.shape[1]
    if d > most:
        d -= pace * np.ceil((d - most) / pace)
    while d > least - BEYOND * pace and count < TRIED:
        left = int(np.floor(column + d + 0.5))
        if left < 0 or left >= width or here[row, left] > (d - 0.5 * pace) * DISPARITY_STEPS:
            tried[count] = d - middle
            count += 1
        d -= pace
    return count


@step
def _locate(curve: Floats, tried: Floats, count: int, height: int, width: int, where: Ints, off: Floats) -> None:
    """Where another frame shows what is tried on a ray, as a pixel's number, and its disparity in DISPARITY_STEPS there.

    A pixel outside the frame is -1.
    """
    x0, x1, x2 = curve[0] + np.float32(0.5), curve[3], curve[6]
    y0, y1, y2 = curve[1] + np.float32(0.5), curve[4], curve[7]
    d0, d1, d2 = curve[2], curve[5], curve[8]
    one, right, bottom = np.float32(1), np.float32(width - 1), np.float32(height - 1)
    for begin in range(0, count, LANES):
        for lane in range(LANES):
            k = np.uint64(begin + lane)
            e = tried[k]
            x, y = x0 + e * (x1 + e * x2), y0 + e * (y1 + e * y2)
            inside = (x >= one) & (x < right) & (y >= one) & (y < bottom)
            x, y = (x if inside else one), (y if inside else one)
            number = np.int32(y) * np.int32(width) + np.int32(x)
            where[k] = number if inside else np.int32(-1)
            off[k] = d0 + e * (d1 + e * d2)


@step
def _ask(
    disparity: Steps, moves: NDArray[np.uint8], slot: int, height: int, width: int, where: Ints, off: Floats, count: int, pace: float, weight: float, bit: int,
    votes: Floats, empty: Floats, seen: NDArray[np.uint8]
) -> bool:
    start = slot * height * width
    past, same = np.float32(-1.5 * pace * DISPARITY_STEPS), np.float32(0.75 * pace * DISPARITY_STEPS)
    shows = False
    for k in range(count):
        if where[k] < 0:
            continue
        before = np.float32(disparity[np.uint64(start + where[k])]) - off[k]
        if before < past:
            empty[k] += weight
        elif abs(before) <= same and not _moves(moves, slot, where[k], height, width):
            votes[k] += weight
            seen[k] |= bit
            shows = True
    return shows


@step
def _moves(moves: NDArray[np.uint8], slot: int, where: int, height: int, width: int) -> bool:
    """Whether what a frame shows at a pixel moves by itself."""
    row, column = where // width, where % width
    return bool(moves[slot, row * moves.shape[1] // height, column * moves.shape[2] // width])
