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
from secondeye.inpainters.propagate.lattice import Lattice, ray
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
        rays: (SOURCES, 3, 3) into the frames that show something of it; one: (3, 3) of them.
        places: (SOURCES, 5) x, y, frames away, weight and nearness of one pixel.
        colors: (MIXED, 5) red, green, blue, weight and nearness.
        total: (3,).
    """

    pixels: Ints
    rays: Doubles
    one: Doubles
    places: Doubles
    colors: Doubles
    total: Doubles


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
        np.empty((SOURCES, 3, 3)),
        np.empty((3, 3)),
        np.empty((SOURCES, 5)),
        np.empty((MIXED, 5)),
        np.empty(3),
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
                    _cast(lattice, sources, y, x, block_px, j, i, scratch)
                    left = _paint(ring, lattice, frame, block_px, depth[y, x], sources, y, x, left, scratch, right)


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
def _paint(
    ring: Ring,
    lattice: Lattice,
    frame: int,
    block_px: int,
    depth: float,
    sources: Bytes,
    y: int,
    x: int,
    left: int,
    scratch: Scratch,
    right: Floats,
) -> int:
    """Paint the first `left` pixels listed by what was found for block (y, x); keep listed what it does not show."""
    kept = 0
    for k in range(left):
        row, column = scratch.pixels[k]
        found = _find(ring, lattice, frame, block_px, row, column, depth, sources, y, x, scratch)
        if found:
            _mix(ring, lattice, frame, row, column, found, scratch, right)
        else:
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
def _cast(
    lattice: Lattice,
    sources: Bytes,
    y: int,
    x: int,
    block_px: int,
    j: int,
    i: int,
    scratch: Scratch,
) -> None:
    """The rays of the middle of block (j, i) into the frames that show something of block (y, x)."""
    reach, half = len(lattice.nodes) // 2, 0.5 * (block_px - 1)
    for k in range(SOURCES):
        if sources[y, x, k] == 0:
            break
        ray(lattice.nodes, reach + sources[y, x, k], lattice.gap, i * block_px + half, j * block_px + half, scratch.one)
        scratch.rays[k] = scratch.one


@step
def _find(
    ring: Ring,
    lattice: Lattice,
    frame: int,
    block_px: int,
    row: int,
    column: int,
    depth: float,
    sources: Bytes,
    y: int,
    x: int,
    scratch: Scratch,
) -> int:
    """Where a pixel is in other frames: x, y, frames away, weight and nearness to `places`; how many."""
    reach, count, slots = len(lattice.nodes) // 2, 0, len(ring.disparity)
    places, rays = scratch.places, scratch.rays
    half = 0.5 * (block_px - 1)
    across, down = column % block_px - half, row % block_px - half
    for k in range(SOURCES):
        away = int(sources[y, x, k])
        if away == 0:
            break
        slot = (frame + away) % slots
        u, v, there = _settle(ring.disparity, slot, rays, k, lattice.levels, depth, across, down)
        if u < 0:
            continue
        near = min(1.0, (reach + 1 - abs(away)) / (FADE_FRAMES + 1))
        weight = _clearance(ring.disparity, slot, block_px, u, v, there) * near * near / (away * away)
        places[count, 0], places[count, 1], places[count, 2] = u, v, away
        places[count, 3], places[count, 4] = weight, near
        count += 1
    return count


@step
def _settle(
    disparity: Steps, slot: int, rays: Doubles, k: int, levels: Doubles, depth: float, across: float, down: float
) -> tuple[float, float, float]:
    """Place and disparity in another frame where it shows itself what ray k meets near `depth`; x is -1 if nowhere."""
    height, width = disparity.shape[1], disparity.shape[2]
    scale, first = 1 / (levels[2] - levels[1]), depth
    u, v, there = -1.0, -1.0, 0.0
    for _ in range(4):
        s = (depth - levels[1]) * scale
        u = rays[k, 0, 0] + s * (rays[k, 0, 1] + s * rays[k, 0, 2]) + across
        v = rays[k, 1, 0] + s * (rays[k, 1, 1] + s * rays[k, 1, 2]) + down
        there = rays[k, 2, 0] + s * (rays[k, 2, 1] + s * rays[k, 2, 2])
        if not (1 <= u < width - 2 and 1 <= v < height - 2):
            return -1.0, v, there
        off = disparity[slot, int(v + 0.5), int(u + 0.5)] / DISPARITY_STEPS - there
        depth += off
        if abs(depth - first) > FARTHEST_PX:
            return -1.0, v, there
        if abs(off) < 0.1:
            break
    x, y = int(u), int(v)
    for j in range(2):
        for i in range(2):
            if abs(disparity[slot, y + j, x + i] / DISPARITY_STEPS - there) > SAME_SURFACE_PX:
                return -1.0, v, there
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
def _mix(
    ring: Ring,
    lattice: Lattice,
    frame: int,
    row: int,
    column: int,
    found: int,
    scratch: Scratch,
    right: Floats,
) -> None:
    """Lay the colour that most frames agree about over a pixel."""
    count, colors, total = min(found, MIXED), scratch.colors, scratch.total
    _take_best(ring, lattice, frame, found, count, scratch.places, colors)
    best, least = 0, np.inf
    for k in range(count):
        off = 0.0
        for m in range(count):
            off += colors[m, 3] * _difference(colors, k, m)
        if off < least:
            best, least = k, off
    weight, near = 0.0, 0.0
    total[:] = 0
    for k in range(count):
        if _difference(colors, k, best) <= ALIKE:
            weight, near = weight + colors[k, 3], max(near, colors[k, 4])
            for c in range(3):
                total[c] += colors[k, 3] * colors[k, c]
    for c in range(3):
        right[c, row, column] += near * (min(max(total[c] / weight, 0.0), 1.0) - right[c, row, column])


@step
def _take_best(
    ring: Ring, lattice: Lattice, frame: int, found: int, count: int, places: Doubles, colors: Doubles
) -> None:
    """The colours at those of the places that count most, as bright as here; with weight and nearness."""
    reach, slots = len(lattice.nodes) // 2, len(ring.colors)
    for k in range(count):
        best = 0
        for m in range(1, found):
            if places[m, 3] > places[best, 3]:
                best = m
        away = int(places[best, 2])
        gain, offset = lattice.tones[reach + away, 0], lattice.tones[reach + away, 1]
        cubic(ring.colors, (frame + away) % slots, places[best, 0], places[best, 1], colors, k)
        for c in range(3):
            colors[k, c] = (colors[k, c] - offset) / (255.0 * gain)
        colors[k, 3], colors[k, 4] = places[best, 3], places[best, 4]
        places[best, 3] = -1.0


@step
def _difference(colors: Doubles, a: int, b: int) -> float:
    across = abs(colors[a, 0] - colors[b, 0]) + abs(colors[a, 1] - colors[b, 1])
    return float(across + abs(colors[a, 2] - colors[b, 2]))


@step
def cubic(colors: NDArray[np.uint8], slot: int, x: float, y: float, into: Doubles, k: int) -> None:
    """The colour of a frame at (x, y), at least 1 px inside, by Catmull-Rom's cubic; into [k, :3], 0 to 255."""
    left, top = int(x), int(y)
    a0, a1, a2, a3 = _cubic_weights(x - left)
    b = _cubic_weights(y - top)
    for c in range(3):
        into[k, c] = 0.0
    for j in range(4):
        row, weight = top - 1 + j, b[j]
        for c in range(3):
            line = a0 * colors[slot, row, left - 1, c] + a1 * colors[slot, row, left, c]
            line += a2 * colors[slot, row, left + 1, c] + a3 * colors[slot, row, left + 2, c]
            into[k, c] += weight * line


@step
def _cubic_weights(a: float) -> tuple[float, float, float, float]:
    return (
        a * (-0.5 + a * (1 - 0.5 * a)),
        1 + a * a * (1.5 * a - 2.5),
        a * (0.5 + a * (2 - 1.5 * a)),
        a * a * (0.5 * a - 0.5),
    )
