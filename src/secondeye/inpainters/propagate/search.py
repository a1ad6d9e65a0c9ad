"""Search what the right eye sees in holes: which surface along a pixel's ray other frames of the left eye show.

    frame t    F hides the ray of a hole from the left eye, so that anything may stand there: d2 or d1
    frame s    sees past d2, to what lies behind it: d2 is empty; and sees a surface at d1: that is it

The nearest disparity wins at which far more frames see a surface than see past it. What moves by itself is not counted
as a surface, for it is elsewhere at other times. Holes are searched in blocks of a few pixels, whose middle is asked
for all.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from secondeye.compiled import bare_step, kernel
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

CHUNK = 32
"""Rows are looked through for holes by so many pixels at once."""

NO_HOLE, NOTHING = -2e9, -1e9
"""No disparity: a block that nothing is missing of, and one of which nothing is found."""


def pace_of(lattice: Lattice, block_px: int) -> float:
    """Px from one tried disparity to the next."""
    return max(PACE_PX * block_px, float(lattice.levels[2] - lattice.levels[0]) / (TRIED - 2))


class Tally(NamedTuple):
    """What is known of the disparities that are tried along one ray.

    Attributes:
        tried: (TRIED,) px more than the middle of the lattice's.
        votes, empty: (TRIED,) of how many frames show a surface there, and of how many see past it; near ones more.
        seen: (TRIED,) a bit for each of the frames that show a surface.
        asked: (ASKED,) how far away those frames are.
        curve: (9,) the ray in one frame, see `Lattice`.
    """

    tried: Floats
    votes: Floats
    empty: Floats
    seen: NDArray[np.uint8]
    asked: Bytes
    curve: Floats


@kernel
def search_blocks(
    ring: Ring,
    lattice: Lattice,
    hole: Bools,
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
    here = ring.disparity[lattice.slots[len(lattice.slots) // 2]]
    curves = np.empty((lattice.curves.shape[0], lattice.curves.shape[2], 9), np.float32)
    line, blocks = np.empty(-(-hole.shape[1] // CHUNK) * CHUNK, np.bool_), np.empty(depth.shape[1], np.int32)
    three = np.empty((3, TRIED), np.float32)
    bits, asked, curve = np.empty(TRIED, np.uint8), np.empty(ASKED, np.int8), np.empty(9, np.float32)
    tally = Tally(three[0], three[1], three[2], bits, asked, curve)
    corner = (block_px - 1) // 2
    for j in range(start, stop):
        depth[j] = NO_HOLE
        count = _list_blocks(hole, j, block_px, line, blocks)
        if count == 0:
            continue
        curves_of_row(lattice, (j + 0.5) * block_px - 0.5, curves)
        row = min(j * block_px + corner, here.shape[0] - 1)
        for n in range(count):
            i = blocks[n]
            column = min(i * block_px + corner, here.shape[1] - 1)
            least, most = _bounds(here, row, column, lattice.levels)
            tries = _hidden(here, lattice.levels, row, column, pace, least, most, tally.tried)
            shown = 0
            if tries > 0:
                shown = _vote(
                    ring.disparity, ring.moves, lattice, curves, (i + 0.5) * block_px - 0.5, pace, tries, tally
                )
            depth[j, i] = _elect(tally, tries, shown, lattice.levels[1], sources, j, i)


@bare_step
def _list_blocks(hole: Bools, j: int, block_px: int, line: Bools, blocks: Ints) -> int:
    """Columns of the blocks of a row in which something is missing; how many."""
    count, last, width = 0, -1, hole.shape[1]
    line[:] = False
    for row in range(j * block_px, min((j + 1) * block_px, hole.shape[0])):
        for x in range(width):
            line[x] |= hole[row, x]
    for begin in range(0, len(line), CHUNK):
        some = False
        for x in range(begin, begin + CHUNK):
            some |= line[x]
        if some:
            for x in range(begin, min(begin + CHUNK, width)):
                if line[x] and x // block_px != last:
                    last = x // block_px
                    blocks[count] = last
                    count += 1
    return count


@bare_step
def _bounds(here: Steps, row: int, column: int, levels: Doubles) -> tuple[float, float]:
    """The least and the most disparity that is believed of what a right pixel shows behind what hides it.

    Where the ground begins beside what hides it, what stands close to that is likely to be a part of it that moved,
    and what lies beyond the ground would be seen through something that moved away.
    """
    width = here.shape[1]
    x = min(int(column + levels[2] + 0.5), width - 1)
    last = max(int(column + levels[0] + 0.5), 0)
    while x > last and here[row, x] < (x - column - 1) * DISPARITY_STEPS:
        x -= 1
    if x <= last:
        return levels[0], levels[2]
    hider, end = here[row, x], min(x + int(levels[2] - levels[0]) + 8, width)
    for i in range(x, end):
        if here[row, i] < hider - DISPARITY_STEPS:
            ground = here[row, min(i + 1, width - 1)] / DISPARITY_STEPS
            return ground, ground + GAP_SHARE * (hider / DISPARITY_STEPS - ground)
        if i < x + 3:
            hider = max(hider, here[row, i])
    return levels[0], levels[2]


@bare_step
def _hidden(
    here: Steps, levels: Doubles, row: int, column: int, pace: float, least: float, most: float, tried: Floats
) -> int:
    """Disparities, nearest first, at which the left eye cannot tell what stands on a right pixel's ray; how many."""
    count, d, width = 0, levels[2], here.shape[1]
    while d > most:
        d -= pace
    while d > least - BEYOND * pace and count < TRIED:
        left = int(np.floor(column + d + 0.5))
        if left < 0 or left >= width or here[row, left] > (d - 0.5 * pace) * DISPARITY_STEPS:
            tried[count] = d - levels[1]
            count += 1
        d -= pace
    return count


@bare_step
def _vote(
    disparity: Steps,
    moves: NDArray[np.uint8],
    lattice: Lattice,
    curves: Floats,
    column: float,
    pace: float,
    tries: int,
    tally: Tally,
) -> int:
    """Let frames vote about the first `tries` disparities, near ones first, until ASKED show something; how many do."""
    reach, shown = len(lattice.slots) // 2, 0
    for k in range(tries):
        tally.votes[k] = tally.empty[k] = 0
        tally.seen[k] = 0
    for turn in range(2, 2 * reach + 2):
        away = turn // 2 * (1 - 2 * (turn % 2))
        if shown < ASKED and lattice.first <= reach + away <= lattice.last:
            ray(curves, reach + away, lattice.gap[1], column, tally.curve)
            weight = np.float32(1 / (1 + 0.1 * abs(away)))
            if _ask(disparity, moves, lattice.slots[reach + away], pace, tries, weight, np.uint8(1 << shown), tally):
                tally.asked[shown] = away
                shown += 1
    return shown


@bare_step
def _ask(
    disparity: Steps,
    moves: NDArray[np.uint8],
    slot: int,
    pace: float,
    tries: int,
    weight: np.float32,
    bit: np.uint8,
    tally: Tally,
) -> bool:
    """Let one frame vote about what is tried on a ray; whether it shows a surface anywhere."""
    height, width = disparity.shape[1], disparity.shape[2]
    down, across = np.float32(moves.shape[1] / height), np.float32(moves.shape[2] / width)
    past, same = np.float32(-1.5 * pace * DISPARITY_STEPS), np.float32(0.75 * pace * DISPARITY_STEPS)
    one, half, right, bottom = np.float32(1), np.float32(0.5), np.float32(width - 1), np.float32(height - 1)
    x0, x1, x2 = tally.curve[0] + half, tally.curve[3], tally.curve[6]
    y0, y1, y2 = tally.curve[1] + half, tally.curve[4], tally.curve[7]
    d0, d1, d2 = tally.curve[2], tally.curve[5], tally.curve[8]
    shows = False
    for k in range(tries):
        e = tally.tried[k]
        x, y = x0 + e * (x1 + e * x2), y0 + e * (y1 + e * y2)
        if x >= one and x < right and y >= one and y < bottom:
            before = np.float32(disparity[slot, np.uint32(y), np.uint32(x)]) - (d0 + e * (d1 + e * d2))
            if before < past:
                tally.empty[k] += weight
            elif abs(before) <= same and not moves[slot, np.uint32(y * down), np.uint32(x * across)]:
                tally.votes[k] += weight
                tally.seen[k] |= bit
                shows = True
    return shows


@bare_step
def _elect(tally: Tally, tries: int, shown: int, middle: float, sources: Bytes, j: int, i: int) -> float:
    """The nearest disparity with votes enough, or NOTHING; and which frames show it, to block (j, i) of `sources`."""
    k = n = 0
    while k < tries and tally.votes[k] <= SURER * tally.empty[k] + LEAST_VOTES:
        k += 1
    if k < tries:
        for m in range(shown):
            if tally.seen[k] >> m & 1:
                sources[j, i, n] = tally.asked[m]
                n += 1
    if n < SOURCES:
        sources[j, i, n] = 0
    return middle + tally.tried[k] if k < tries else NOTHING
