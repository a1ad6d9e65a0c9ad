"""Take the colours for holes from the frames that show what is there.

A frame's colour counts less where something nearer stands close by in it, whose colour may have mixed in, and the
farther it is in time. Of the best three that one counts to which the others are most alike, and they with it.
"""

from typing import NamedTuple

import numpy as np

from secondeye.compiled import bare_step, kernel
from secondeye.inpainters.propagate.camera import DISPARITY_STEPS
from secondeye.inpainters.propagate.frames import Ring
from secondeye.inpainters.propagate.lattice import Lattice, curves_of_row, ray
from secondeye.inpainters.propagate.sample import LANES, cubic, fetch
from secondeye.inpainters.propagate.search import NO_HOLE, NOTHING, SOURCES, Bools, Bytes, Floats, Ints, Steps

FADE_FRAMES = 3
"""Colours from the last so many frames within reach count less and less, so that none pops in or out."""

MIXED = 3
"""So many frames give one pixel its colour."""

ALIKE = 0.3
"""Colours that differ by no more, summed over red, green and blue, are taken for the same."""

NEARER_PX = 1.2
"""What has so much more disparity stands in front."""

CLOSE, BESIDE = 0.05, 0.5
"""What a colour counts where something nearer stands one step away, and two."""

SAME_SURFACE_PX = 1.0
"""The pixels around a place belong to one surface if they are so close to its disparity."""

CLOSE_PX, FARTHEST_PX = 0.1, 4.0
"""What another frame shows is looked for so closely, and so far from the disparity that was found for a block."""


class Scratch(NamedTuple):
    """Room for what is known of one block.

    Attributes:
        pixels: (block_px^2, 2) row and column of those that are to be painted.
        curve: (9,) the ray of its middle in one frame, see `Lattice`.
        places: (SOURCES, 5) x, y and disparity, DISPARITY_STEPS, of its middle in other frames, weight and nearness.
        frames: (SOURCES,) which frames of the lattice they are.
        colors: (SOURCES, block_px, lanes) at those places, as bright as here, 0 to 1: red, green, blue, red and so on.
        shown: (SOURCES, block_px, block_px) whether the block's pixels are shown there.
        patch, tall: (block_px + 3, lanes) and (2 lanes,) colours on their way to `colors`.
    """

    pixels: Ints
    curve: Floats
    places: Floats
    frames: Ints
    colors: Floats
    shown: Bools
    patch: Floats
    tall: Floats


@kernel
def paint_blocks(
    ring: Ring,
    lattice: Lattice,
    hole: Bools,
    block_px: int,
    pace: float,
    depth: Floats,
    sources: Bytes,
    right: Floats,
    start: int,
    stop: int,
) -> None:
    """Lay over the hole pixels of block rows [start, stop) what was found for their blocks, or for those beside them.

    Args:
        pace: px between disparities that `search_blocks` told apart.
        depth, sources: see `search_blocks`.
        right: (3, H, W), filled in some way.
    """
    lanes = (3 * (block_px + 3) + LANES - 1) // LANES * LANES
    scratch = Scratch(
        np.empty((block_px * block_px, 2), np.int32),
        np.empty(9, np.float32),
        np.empty((SOURCES, 5), np.float32),
        np.empty(SOURCES, np.int32),
        np.empty((SOURCES, block_px, lanes), np.float32),
        np.empty((SOURCES, block_px, block_px), np.bool_),
        np.zeros((block_px + 3, lanes), np.float32),
        np.zeros(2 * lanes, np.float32),
    )
    curves = np.empty((lattice.curves.shape[0], lattice.curves.shape[2], 9), np.float32)
    for j in range(start, stop):
        ready = False
        for i in range(depth.shape[1]):
            if depth[j, i] != NO_HOLE:
                if not ready:
                    curves_of_row(lattice, (j + 0.5) * block_px - 0.5, curves)
                    ready = True
                if not _is_alone(depth, j, i, pace):
                    _paint_block(ring, lattice, curves, hole, j, i, block_px, depth, sources, scratch, right)


@bare_step
def _is_alone(depth: Floats, j: int, i: int, pace: float) -> bool:
    """Whether something is found for a block, and for fewer than two of those around it about as far away."""
    like = 0
    for y in range(max(j - 1, 0), min(j + 2, depth.shape[0])):
        for x in range(max(i - 1, 0), min(i + 2, depth.shape[1])):
            like += abs(depth[y, x] - depth[j, i]) <= 2 * pace
    return depth[j, i] > NOTHING and like < 3


@bare_step
def _paint_block(
    ring: Ring,
    lattice: Lattice,
    curves: Floats,
    hole: Bools,
    j: int,
    i: int,
    block_px: int,
    depth: Floats,
    sources: Bytes,
    scratch: Scratch,
    right: Floats,
) -> None:
    """Paint the hole pixels of block (j, i) by what was found for it, and what that leaves by what was for others."""
    left, middle = _list_holes(hole, j, i, block_px, scratch.pixels), (i + 0.5) * block_px - 0.5
    for k in range(5):
        y, x = j + (k == 3) - (k == 4), i + (k == 1) - (k == 2)
        if left > 0 and 0 <= y < depth.shape[0] and 0 <= x < depth.shape[1] and depth[y, x] > NOTHING:
            e = np.float32(depth[y, x] - lattice.levels[1])
            found = _find(ring.disparity, lattice, curves, middle, block_px, e, sources, y, x, scratch)
            for place in range(found):
                _take(ring, lattice, block_px, place, scratch)
            left = _paint(j * block_px, i * block_px, found, left, scratch, right)


@bare_step
def _list_holes(hole: Bools, j: int, i: int, block_px: int, pixels: Ints) -> int:
    """Row and column of a block's hole pixels; how many."""
    count = 0
    for row in range(j * block_px, min((j + 1) * block_px, hole.shape[0])):
        for column in range(i * block_px, min((i + 1) * block_px, hole.shape[1])):
            if hole[row, column]:
                pixels[count, 0], pixels[count, 1] = row, column
                count += 1
    return count


@bare_step
def _find(
    disparity: Steps,
    lattice: Lattice,
    curves: Floats,
    column: float,
    block_px: int,
    e: np.float32,
    sources: Bytes,
    y: int,
    x: int,
    scratch: Scratch,
) -> int:
    """Where others show what a block's middle shows if it is as far away as (y, x), most telling first; how many do.

    Args:
        column: of the block's middle, in the row of `curves`.
        e: disparity, px more than the middle level.
    """
    reach, count, clear, places = len(lattice.slots) // 2, 0, 0, scratch.places
    for k in range(SOURCES):
        away = int(sources[y, x, k])
        if away == 0 or clear == MIXED:  # frames come nearest first, so that no other can count more
            break
        slot = lattice.slots[reach + away]
        ray(curves, reach + away, lattice.gap[1], column, scratch.curve)
        if _settle(disparity, slot, scratch.curve, e, places, count):
            near = np.float32(min(1.0, ((lattice.ahead if away > 0 else reach) + 1 - abs(away)) / (FADE_FRAMES + 1)))
            free = _clearance(disparity, slot, block_px, places, count)
            places[count, 3], places[count, 4] = free * near * near / np.float32(away * away), near
            scratch.frames[count] = reach + away
            _rise(places, scratch.frames, count)
            count, clear = count + 1, clear + (free == 1)
    return count


@bare_step
def _settle(disparity: Steps, slot: int, curve: Floats, e: np.float32, places: Floats, k: int) -> bool:
    """Find place k, where another frame shows itself what a ray meets near `e`; whether it does."""
    half, first, tries = np.float32(0.5), e, 0
    one, right, bottom = np.float32(1), np.float32(disparity.shape[2] - 2), np.float32(disparity.shape[1] - 2)
    shows, off = True, np.float32(1)
    while shows and abs(off) >= CLOSE_PX and tries < 4:
        u, v = curve[0] + e * (curve[3] + e * curve[6]), curve[1] + e * (curve[4] + e * curve[7])
        there = curve[2] + e * (curve[5] + e * curve[8])
        shows = bool(u >= one and u < right and v >= one and v < bottom)
        if shows:
            places[k, 0], places[k, 1], places[k, 2] = u, v, there
            seen = np.float32(disparity[slot, np.uint32(v + half), np.uint32(u + half)])
            off = (seen - there) * np.float32(1 / DISPARITY_STEPS)
            e += off
            shows = bool(abs(e - first) <= FARTHEST_PX)
        tries += 1
    return shows


@bare_step
def _clearance(disparity: Steps, slot: int, block_px: int, places: Floats, k: int) -> np.float32:
    """What the colour of place k counts, by whether something nearer stands a block's side away, or two."""
    height, width, half = disparity.shape[1], disparity.shape[2], np.float32(0.5)
    column, row = int(places[k, 0] + half), int(places[k, 1] + half)
    limit = np.int32(places[k, 2] + np.float32(NEARER_PX * DISPARITY_STEPS))
    far, nearest = 0, disparity[slot, row, column]
    while far < 2 and nearest <= limit:
        far += 1
        left, right = np.uint32(max(column - far * block_px, 0)), np.uint32(min(column + far * block_px, width - 1))
        for way in range(-1, 2):
            y = row + way * far * block_px
            at = np.uint32(min(max(y, 0), height - 1))
            most = max(disparity[slot, at, left], disparity[slot, at, np.uint32(column)])
            nearest = max(nearest, most, disparity[slot, at, right])
    return np.float32(1.0 if nearest <= limit else CLOSE if far < 2 else BESIDE)


@bare_step
def _rise(places: Floats, frames: Ints, k: int) -> None:
    """Move place k before those that count less."""
    while k > 0 and places[k - 1, 3] < places[k, 3]:
        for c in range(places.shape[1]):
            places[k - 1, c], places[k, c] = places[k, c], places[k - 1, c]
        frames[k - 1], frames[k] = frames[k], frames[k - 1]
        k -= 1


@bare_step
def _take(ring: Ring, lattice: Lattice, block_px: int, k: int, scratch: Scratch) -> None:
    """What place k shows of a block: which of its pixels, and their colours."""
    at, half = scratch.frames[k], np.float32(0.5 * (block_px - 1))
    x, y = scratch.places[k, 0] - half, scratch.places[k, 1] - half
    left, top = np.float32(np.floor(x)), np.float32(np.floor(y))
    _show(ring.disparity, lattice.slots[at], int(left), int(top), scratch.places[k, 2], scratch.shown, k)
    fetch(ring.colors, lattice.slots[at], int(left) - 1, int(top) - 1, scratch.patch)
    scale, offset = np.float32(1 / (255 * lattice.tones[at, 0])), np.float32(lattice.tones[at, 1])
    cubic(scratch.patch, x - left, y - top, scale, offset, scratch.tall, scratch.colors, k)


@bare_step
def _show(disparity: Steps, slot: int, left: int, top: int, there: np.float32, shown: Bools, k: int) -> None:
    """Whether all four pixels around each of a block's have about disparity `there`; the first are at (left, top)."""
    same = np.float32(SAME_SURFACE_PX * DISPARITY_STEPS)
    least, most, block_px = np.int32(np.ceil(there - same)), np.int32(np.floor(there + same)), shown.shape[1]
    for j in range(block_px):
        for i in range(block_px):
            shown[k, j, i] = 1 <= left + i < disparity.shape[2] - 2 and 1 <= top + j < disparity.shape[1] - 2
    for y in range(max(top, 0), min(top + block_px + 1, disparity.shape[1])):
        for x in range(max(left, 0), min(left + block_px + 1, disparity.shape[2])):
            d = disparity[slot, np.uint32(y), np.uint32(x)]
            if d < least or d > most:
                for j in range(max(y - top - 1, 0), min(y - top + 1, block_px)):
                    for i in range(max(x - left - 1, 0), min(x - left + 1, block_px)):
                        shown[k, j, i] = False


@bare_step
def _paint(top: int, start: int, found: int, left: int, scratch: Scratch, right: Floats) -> int:
    """Paint the first `left` pixels listed from so many places; keep listed what they do not show, and say how many.

    The block's corner is at (top, start).
    """
    kept = 0
    for n in range(left):
        row, column = scratch.pixels[n, 0], scratch.pixels[n, 1]
        count, one, two, three = _best(scratch.shown, found, row - top, column - start)
        if count > 0:
            _mix(
                scratch.places,
                scratch.colors,
                count,
                one,
                two,
                three,
                row - top,
                3 * (column - start),
                row,
                column,
                right,
            )
        else:
            scratch.pixels[kept, 0], scratch.pixels[kept, 1] = row, column
            kept += 1
    return kept


@bare_step
def _best(shown: Bools, found: int, j: int, i: int) -> tuple[int, int, int, int]:
    """How many of the places show a pixel, and the first three of them, some twice if there are fewer."""
    count, one, two, three = 0, 0, 0, 0
    for k in range(found):
        if shown[k, j, i]:
            one = k if count < 1 else one
            two = k if count < 2 else two
            three = k if count < 3 else three
            count += 1
    return count, one, two, three


@bare_step
def _mix(
    places: Floats,
    colors: Floats,
    count: int,
    one: int,
    two: int,
    three: int,
    j: int,
    m: int,
    row: int,
    column: int,
    right: Floats,
) -> None:
    """Lay the colour that most of up to three places agree about over a pixel, whose red is colours[:, j, m]."""
    nothing = np.float32(0)
    a, b, c = places[one, 3], places[two, 3] if count > 1 else nothing, places[three, 3] if count > 2 else nothing
    to_two, to_three = _difference(colors, one, two, j, m), _difference(colors, one, three, j, m)
    between = _difference(colors, two, three, j, m)
    off = b * to_two + c * to_three, a * to_two + c * between, a * to_three + b * between
    if count > 1 and off[1] < off[0] and (count < 3 or off[1] <= off[2]):
        unlike = to_two, nothing, between
    elif count > 2 and off[2] < off[0]:
        unlike = to_three, between, nothing
    else:
        unlike = nothing, to_two, to_three
    a, b, c = a * (unlike[0] <= ALIKE), b * (unlike[1] <= ALIKE), c * (unlike[2] <= ALIKE)
    near = max(places[one, 4] * (a > 0), places[two, 4] * (b > 0), places[three, 4] * (c > 0))
    whole = np.float32(1) / (a + b + c)
    for channel in range(3):
        total = a * colors[one, j, m + channel] + b * colors[two, j, m + channel] + c * colors[three, j, m + channel]
        total = min(max(total * whole, nothing), np.float32(1))
        right[channel, row, column] += near * (total - right[channel, row, column])


@bare_step
def _difference(colors: Floats, a: int, b: int, j: int, m: int) -> np.float32:
    red, green = abs(colors[a, j, m] - colors[b, j, m]), abs(colors[a, j, m + 1] - colors[b, j, m + 1])
    off: np.float32 = red + green + abs(colors[a, j, m + 2] - colors[b, j, m + 2])
    return off
