"""Take the colours for holes from the frames that show what is there.

A frame's colour counts less where something nearer stands close by in it, whose colour may have mixed in, and the
farther it is in time. Of the best three that one counts to which the others are most alike, and they with it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from secondeye.compiled import kernel, step
from secondeye.inpainters.propagate.camera import DISPARITY_STEPS
from secondeye.inpainters.propagate.frames import Ring
from secondeye.inpainters.propagate.lattice import Lattice, along, ray
from secondeye.inpainters.propagate.search import NOTHING, SOURCES, Bools, Bytes, Doubles, Floats, Ints, Steps

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

FARTHEST_PX = 4.0
"""What another frame shows may be so far from the disparity that was found for a block."""


class Scratch(NamedTuple):
    """Room for what is known of one block.

    Attributes:
        pixels: (block_px^2, 2) row and column of those that are to be painted.
        ray: (3, 3) into a frame that shows something of it.
        places: (SOURCES, 6) x, y and disparity of its middle in other frames, frames away, weight and nearness.
        colors: (SOURCES, block_px, block_px, 3) of it at those places.
        shown: (SOURCES, block_px, block_px) whether they are shown there.
        taps, lines: (block_px + 3, 3) and (block_px + 3, block_px, 3) colours on their way to `colors`.
        best: (MIXED,) places that show one pixel.
    """

    pixels: Ints
    ray: Doubles
    places: Doubles
    colors: Doubles
    shown: Bools
    taps: Doubles
    lines: Doubles
    best: Ints


@kernel
def paint_blocks(
    ring: Ring,
    lattice: Lattice,
    hole: Bools,
    frame: int,
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
    scratch = Scratch(
        np.empty((block_px * block_px, 2), np.int32),
        np.empty((3, 3)),
        np.empty((SOURCES, 6)),
        np.empty((SOURCES, block_px, block_px, 3)),
        np.empty((SOURCES, block_px, block_px), np.bool_),
        np.empty((block_px + 3, 3)),
        np.empty((block_px + 3, block_px, 3)),
        np.empty(MIXED, np.int32),
    )
    for j in range(start, stop):
        for i in range(depth.shape[1]):
            if depth[j, i] != NOTHING and _is_alone(depth, j, i, pace):
                continue
            left = _list_holes(hole, j, i, block_px, scratch.pixels)
            for k in range(5):
                if left == 0:
                    break
                y, x = j + (k == 3) - (k == 4), i + (k == 1) - (k == 2)
                if 0 <= y < depth.shape[0] and 0 <= x < depth.shape[1] and depth[y, x] != NOTHING:
                    found = _find(ring, lattice, frame, block_px, j, i, depth, sources, y, x, scratch)
                    for place in range(found):
                        _take(ring, lattice, frame, block_px, place, scratch)
                    left = _paint(j * block_px, i * block_px, found, left, scratch, right)


@step
def _list_holes(hole: Bools, j: int, i: int, block_px: int, pixels: Ints) -> int:
    """Row and column of a block's hole pixels; how many."""
    count = 0
    for row in range(j * block_px, min((j + 1) * block_px, hole.shape[0])):
        for column in range(i * block_px, min((i + 1) * block_px, hole.shape[1])):
            if hole[row, column]:
                pixels[count, 0], pixels[count, 1] = row, column
                count += 1
    return count


@step
def _paint(top: int, start: int, found: int, left: int, scratch: Scratch, right: Floats) -> int:
    """Paint the first `left` pixels listed from so many places; keep listed what they do not show.

    The block's corner is at (top, start).
    """
    kept = 0
    for k in range(left):
        row, column = scratch.pixels[k, 0], scratch.pixels[k, 1]
        if not _mix(
            scratch.places,
            scratch.colors,
            scratch.shown,
            scratch.best,
            found,
            row - top,
            column - start,
            row,
            column,
            right,
        ):
            scratch.pixels[kept, 0], scratch.pixels[kept, 1] = row, column
            kept += 1
    return kept


@step
def _is_alone(depth: Floats, j: int, i: int, pace: float) -> bool:
    """Whether fewer than two of the blocks around show what is about as far away."""
    like = 0
    for y in range(max(j - 1, 0), min(j + 2, depth.shape[0])):
        for x in range(max(i - 1, 0), min(i + 2, depth.shape[1])):
            like += (y != j or x != i) and abs(depth[y, x] - depth[j, i]) <= 2 * pace
    return like < 2


@step
def _find(
    ring: Ring,
    lattice: Lattice,
    frame: int,
    block_px: int,
    j: int,
    i: int,
    depth: Floats,
    sources: Bytes,
    y: int,
    x: int,
    scratch: Scratch,
) -> int:
    """Where the middle of block (j, i) is, by what was found for (y, x), most telling first, to `places`; how many."""
    reach, count, clear, slots = len(lattice.nodes) // 2, 0, 0, len(ring.disparity)
    places, half = scratch.places, 0.5 * (block_px - 1)
    for k in range(SOURCES):
        away = int(sources[y, x, k])
        if away == 0 or clear == MIXED:  # frames come nearest first, so that no other can count more
            break
        slot = (frame + away) % slots
        ray(lattice.nodes, reach + away, lattice.gap, i * block_px + half, j * block_px + half, scratch.ray)
        u, v, there = _settle(ring.disparity, slot, scratch.ray, lattice.levels, depth[y, x])
        if u < 0:
            continue
        near = min(1.0, (reach + 1 - abs(away)) / (FADE_FRAMES + 1))
        free = _clearance(ring.disparity, slot, block_px, u, v, there)
        weight, at = free * near * near / (away * away), count
        while at > 0 and places[at - 1, 4] < weight:
            for c in range(6):
                places[at, c] = places[at - 1, c]
            at -= 1
        places[at, 0], places[at, 1], places[at, 2] = u, v, there
        places[at, 3], places[at, 4], places[at, 5] = away, weight, near
        count, clear = count + 1, clear + (free == 1.0)
    return count


@step
def _settle(disparity: Steps, slot: int, ray: Doubles, levels: Doubles, depth: float) -> tuple[float, float, float]:
    """Place and disparity in another frame where it shows itself what a ray meets near `depth`; x is -1 if nowhere."""
    height, width = disparity.shape[1], disparity.shape[2]
    scale, first = 1 / (levels[2] - levels[1]), depth
    u, v, there = -1.0, -1.0, 0.0
    for _ in range(4):
        s = (depth - levels[1]) * scale
        u, v, there = along(ray, s)
        if not (1 <= u < width - 2 and 1 <= v < height - 2):
            return -1.0, v, there
        off = disparity[slot, int(v + 0.5), int(u + 0.5)] / DISPARITY_STEPS - there
        depth += off
        if abs(depth - first) > FARTHEST_PX:
            return -1.0, v, there
        if abs(off) < 0.1:
            break
    return u, v, there


@step
def _clearance(disparity: Steps, slot: int, block_px: int, u: float, v: float, there: float) -> float:
    """What a colour counts, by whether something nearer stands a block's side away, or two."""
    height, width = disparity.shape[1], disparity.shape[2]
    column, row = int(u + 0.5), int(v + 0.5)
    limit = (there + NEARER_PX) * DISPARITY_STEPS
    for far in range(1, 3):
        reach = far * block_px
        left, right = max(column - reach, 0), min(column + reach, width - 1)
        for y in (max(row - reach, 0), row, min(row + reach, height - 1)):
            if (
                disparity[slot, y, left] > limit
                or disparity[slot, y, column] > limit
                or disparity[slot, y, right] > limit
            ):
                return CLOSE if far == 1 else BESIDE
    return 1.0


@step
def _take(ring: Ring, lattice: Lattice, frame: int, block_px: int, k: int, scratch: Scratch) -> None:
    """What place k shows of a block: which of its pixels, and their colours, as bright as here, 0 to 1."""
    away, half = int(scratch.places[k, 3]), 0.5 * (block_px - 1)
    slot, at = (frame + away) % len(ring.colors), len(lattice.nodes) // 2 + away
    x, y, there = scratch.places[k, 0] - half, scratch.places[k, 1] - half, scratch.places[k, 2]
    scale, offset = 1 / (255.0 * lattice.tones[at, 0]), lattice.tones[at, 1]
    cubic(ring.colors, slot, x, y, scale, offset, scratch.taps, scratch.lines, scratch.colors, k)
    for j in range(block_px):
        for i in range(block_px):
            scratch.shown[k, j, i] = _is_one_surface(ring.disparity, slot, x + i, y + j, there)


@step
def _is_one_surface(disparity: Steps, slot: int, u: float, v: float, there: float) -> bool:
    """Whether the four pixels around a place of a frame have about the disparity `there`."""
    if not (1 <= u < disparity.shape[2] - 2 and 1 <= v < disparity.shape[1] - 2):
        return False
    x, y = int(u), int(v)
    least, most = (there - SAME_SURFACE_PX) * DISPARITY_STEPS, (there + SAME_SURFACE_PX) * DISPARITY_STEPS
    a, b = disparity[slot, y, x], disparity[slot, y, x + 1]
    c, d = disparity[slot, y + 1, x], disparity[slot, y + 1, x + 1]
    return bool(min(a, b, c, d) >= least and max(a, b, c, d) <= most)


@step
def _mix(
    places: Doubles,
    colors: Doubles,
    shown: Bools,
    best: Ints,
    found: int,
    j: int,
    i: int,
    row: int,
    column: int,
    right: Floats,
) -> bool:
    """Lay the colour that most places agree about over a pixel, (j, i) of its block; whether any shows it."""
    count = 0
    for k in range(found):
        if shown[k, j, i] and count < MIXED:
            best[count] = k
            count += 1
    if count == 0:
        return False
    agreed, least = 0, np.inf
    for k in range(count):
        off = 0.0
        for m in range(count):
            off += places[best[m], 4] * _difference(colors, best[k], best[m], j, i)
        if off < least:
            agreed, least = best[k], off
    weight = near = red = green = blue = 0.0
    for k in range(count):
        one = best[k]
        if _difference(colors, one, agreed, j, i) <= ALIKE:
            weight, near = weight + places[one, 4], max(near, places[one, 5])
            red += places[one, 4] * colors[one, j, i, 0]
            green += places[one, 4] * colors[one, j, i, 1]
            blue += places[one, 4] * colors[one, j, i, 2]
    for c, total in enumerate((red, green, blue)):
        right[c, row, column] += near * (min(max(total / weight, 0.0), 1.0) - right[c, row, column])
    return True


@step
def _difference(colors: Doubles, a: int, b: int, j: int, i: int) -> float:
    off = abs(colors[a, j, i, 0] - colors[b, j, i, 0]) + abs(colors[a, j, i, 1] - colors[b, j, i, 1])
    return float(off + abs(colors[a, j, i, 2] - colors[b, j, i, 2]))


@step
def cubic(
    frames: NDArray[np.uint8],
    slot: int,
    x: float,
    y: float,
    scale: float,
    offset: float,
    taps: Doubles,
    lines: Doubles,
    into: Doubles,
    k: int,
) -> None:
    """The colours of a frame at (x, y) and as far right and down as `into` [k] goes, less `offset`, times `scale`.

    By Catmull-Rom's cubic, whose weights are the same for all of them.
    """
    left, top, count = int(np.floor(x)), int(np.floor(y)), into.shape[1]
    a, b = _cubic_weights(x - left), _cubic_weights(y - top)
    for j in range(count + 3):
        row = min(max(top - 1 + j, 0), frames.shape[1] - 1)
        for i in range(count + 3):
            column = min(max(left - 1 + i, 0), frames.shape[2] - 1)
            for c in range(3):
                taps[i, c] = frames[slot, row, column, c]
        for i in range(count):
            for c in range(3):
                one = a[0] * taps[i, c] + a[1] * taps[i + 1, c] + a[2] * taps[i + 2, c]
                lines[j, i, c] = one + a[3] * taps[i + 3, c]
    for j in range(count):
        for i in range(count):
            for c in range(3):
                one = b[0] * lines[j, i, c] + b[1] * lines[j + 1, i, c] + b[2] * lines[j + 2, i, c]
                into[k, j, i, c] = (one + b[3] * lines[j + 3, i, c] - offset) * scale


@step
def _cubic_weights(a: float) -> tuple[float, float, float, float]:
    return (
        a * (-0.5 + a * (1 - 0.5 * a)),
        1 + a * a * (1.5 * a - 2.5),
        a * (0.5 + a * (2 - 1.5 * a)),
        a * a * (0.5 * a - 0.5),
    )
