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
from secondeye.inpainters.propagate.lattice import Lattice, curves_of_row, ray
from secondeye.inpainters.propagate.search import LANES, NO_HOLE, NOTHING, SOURCES, Bools, Bytes, Floats, Ints, Steps

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
        places: (SOURCES, 3) x, y and disparity, DISPARITY_STEPS, of its middle in other frames.
        counts: (SOURCES, 2) weight and nearness of those.
        frames: (SOURCES,) of which frame of the lattice.
        colors: (SOURCES, block_px, lanes) of it at those places, red, green, blue, red, and so on.
        shown: (SOURCES, block_px, block_px) whether they are shown there.
        patch, tall: (block_px + 3, lanes) and (2 lanes,) colours on their way to `colors`.
    """

    pixels: Ints
    places: Floats
    counts: Floats
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
    lanes = (3 * (block_px + 3) + LANES - 1) // LANES * LANES
    pixels = np.empty((block_px * block_px, 2), np.int32)
    places, counts, frames = np.empty((SOURCES, 3), np.float32), np.empty((SOURCES, 2), np.float32), np.empty(SOURCES, np.int32)
    colors, shown = np.empty((SOURCES, block_px, lanes), np.float32), np.empty((SOURCES, block_px, block_px), np.bool_)
    patch, tall = np.empty((block_px + 3, lanes), np.float32), np.zeros(2 * lanes, np.float32)
    curves, curve = np.empty((lattice.curves.shape[0], lattice.curves.shape[2], 9), np.float32), np.empty(9, np.float32)
    disparity, bytes_, tones, slots, gap = ring.disparity, ring.colors.reshape(-1), lattice.tones, lattice.slots, lattice.gap[1]
    bright = ring.colors
    height, width = hole.shape
    reach = len(slots) // 2
    for j in range(start, stop):
        ready = False
        for i in range(depth.shape[1]):
            if depth[j, i] == NO_HOLE or (depth[j, i] != NOTHING and _is_alone(depth, j, i, pace)):
                continue
            left = _list_holes(hole, j, i, block_px, pixels)
            for k in range(5):
                if left == 0:
                    break
                y, x = j + (k == 3) - (k == 4), i + (k == 1) - (k == 2)
                if not (0 <= y < depth.shape[0] and 0 <= x < depth.shape[1] and depth[y, x] >= NOTHING * 0.5):
                    continue
                if not ready:
                    curves_of_row(lattice.curves, lattice.first, lattice.last, lattice.gap[0], (j + 0.5) * block_px - 0.5, curves)
                    ready = True
                found = clear = 0
                e = np.float32(depth[y, x] - lattice.middle)
                for n in range(SOURCES):
                    away = sources[y, x, n]
                    if away == 0 or clear == MIXED:
                        break
                    ray(curves, reach + away, gap, (i + 0.5) * block_px - 0.5, curve)
                    if not _settle(disparity, slots[reach + away], curve, e, places, found):
                        continue
                    free = _clearance(disparity, slots[reach + away], block_px, places, found)
                    near = np.float32(min(1.0, (reach + 1 - abs(away)) / (FADE_FRAMES + 1)))
                    frames[found] = reach + away
                    counts[found, 0], counts[found, 1] = free * near * near / np.float32(away * away), near
                    found += 1
                    clear += free == 1
                _sort(places, counts, frames, found)
                for m in range(found):
                    at = frames[m]
                    u, v, there = places[m, 0], places[m, 1], places[m, 2]
                    half = np.float32(0.5 * (block_px - 1))
                    _show(disparity, slots[at], u - half, v - half, there, shown, m)
                    _fetch(bright, slots[at], u - half, v - half, patch)
                    cubic(patch, u - half, v - half, np.float32(1 / (255.0 * tones[at, 0])), np.float32(tones[at, 1]), tall, colors, m)
                kept = 0
                for m in range(left):
                    row, column = pixels[m, 0], pixels[m, 1]
                    if not _mix(counts, colors, shown, found, row - j * block_px, column - i * block_px, row, column, right):
                        pixels[kept, 0], pixels[kept, 1] = row, column
                        kept += 1
                left = kept


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
def _is_alone(depth: Floats, j: int, i: int, pace: float) -> bool:
    """Whether fewer than two of the blocks around show what is about as far away."""
    like = 0
    for y in range(max(j - 1, 0), min(j + 2, depth.shape[0])):
        for x in range(max(i - 1, 0), min(i + 2, depth.shape[1])):
            like += (y != j or x != i) and abs(depth[y, x] - depth[j, i]) <= 2 * pace
    return like < 2


@step
def _sort(places: Floats, counts: Floats, frames: Ints, found: int) -> None:
    for k in range(1, found):
        at = k
        while at > 0 and counts[at - 1, 0] < counts[at, 0]:
            for c in range(3):
                places[at - 1, c], places[at, c] = places[at, c], places[at - 1, c]
            for c in range(2):
                counts[at - 1, c], counts[at, c] = counts[at, c], counts[at - 1, c]
            frames[at - 1], frames[at] = frames[at], frames[at - 1]
            at -= 1


@step
def _settle(disparity: Steps, slot: int, curve: Floats, e: float, places: Floats, k: int) -> bool:
    """Place and disparity in another frame where it shows itself what a ray meets near e; whether it does."""
    height, width = disparity.shape[1], disparity.shape[2]
    first = e
    half = np.float32(0.5)
    for _ in range(4):
        u, v = curve[0] + e * (curve[3] + e * curve[6]), curve[1] + e * (curve[4] + e * curve[7])
        there = curve[2] + e * (curve[5] + e * curve[8])
        if not (u >= 1 and u < width - 2 and v >= 1 and v < height - 2):
            return False
        off = (disparity[slot, np.uint32(v + half), np.uint32(u + half)] - there) * np.float32(1 / DISPARITY_STEPS)
        places[k, 0], places[k, 1], places[k, 2] = u, v, there
        e += off
        if abs(e - first) > FARTHEST_PX:
            return False
        if abs(off) < np.float32(0.1):
            break
    return True


@step
def _clearance(disparity: Steps, slot: int, block_px: int, places: Floats, k: int) -> float:
    """What a colour counts, by whether something nearer stands a block's side away, or two."""
    height, width = disparity.shape[1], disparity.shape[2]
    column, row = int(places[k, 0] + np.float32(0.5)), int(places[k, 1] + np.float32(0.5))
    limit = np.int32(places[k, 2] + NEARER_PX * DISPARITY_STEPS)
    for far in range(1, 3):
        reach = far * block_px
        left, right = max(column - reach, 0), min(column + reach, width - 1)
        for y in (max(row - reach, 0), row, min(row + reach, height - 1)):
            if (
                disparity[slot, y, left] > limit
                or disparity[slot, y, column] > limit
                or disparity[slot, y, right] > limit
            ):
                return np.float32(CLOSE) if far == 1 else np.float32(BESIDE)
    return np.float32(1.0)


@step
def _show(disparity: Steps, slot: int, left: float, top: float, there: float, shown: Bools, k: int) -> None:
    """Whether the four pixels around each place of a block in another frame have about the disparity `there`."""
    block_px = shown.shape[1]
    least, most = there - np.float32(SAME_SURFACE_PX * DISPARITY_STEPS), there + np.float32(SAME_SURFACE_PX * DISPARITY_STEPS)
    within = left >= 1 and left + block_px < disparity.shape[2] - 1 and top >= 1 and top + block_px < disparity.shape[1] - 1
    x, y = int(np.floor(left)), int(np.floor(top))
    whole = within
    if within:
        for j in range(block_px + 1):
            for i in range(block_px + 1):
                d = disparity[slot, y + j, x + i]
                whole &= (d >= least) & (d <= most)
    for j in range(block_px):
        for i in range(block_px):
            shown[k, j, i] = whole
    if whole:
        return
    for j in range(block_px):
        for i in range(block_px):
            shown[k, j, i] = _is_one_surface(disparity, slot, x + i, y + j, least, most)


@step
def _is_one_surface(disparity: Steps, slot: int, x: int, y: int, least: float, most: float) -> bool:
    """Whether the four pixels around a place of a frame have about the disparity `there`."""
    if not (1 <= x < disparity.shape[2] - 2 and 1 <= y < disparity.shape[1] - 2):
        return False
    a, b = disparity[slot, y, x], disparity[slot, y, x + 1]
    c, d = disparity[slot, y + 1, x], disparity[slot, y + 1, x + 1]
    return bool(min(a, b, c, d) >= least and max(a, b, c, d) <= most)


@step
def _mix(counts: Floats, colors: Floats, shown: Bools, found: int, j: int, i: int, row: int, column: int, right: Floats) -> bool:
    """Lay the colour that most places agree about over a pixel, (j, i) of its block; whether any shows it."""
    count, a, b, c = 0, 0, 0, 0
    for k in range(found):
        if shown[k, j, i]:
            if count == 0:
                a = b = c = k
            elif count == 1:
                b = c = k
            elif count == 2:
                c = k
            count += 1
    if count == 0:
        return False
    # weights of those that there are
    wa, wb, wc = counts[a, 0], counts[b, 0] if count > 1 else np.float32(0), counts[c, 0] if count > 2 else np.float32(0)
    ab, ac, bc = _difference(colors, a, b, j, i), _difference(colors, a, c, j, i), _difference(colors, b, c, j, i)
    off_a, off_b, off_c = wb * ab + wc * ac, wa * ab + wc * bc, wa * ac + wb * bc
    if count > 1 and off_b < off_a and not (count > 2 and off_c < off_b):
        to_a, to_b, to_c = ab, np.float32(0), bc
    elif count > 2 and off_c < off_a:
        to_a, to_b, to_c = ac, bc, np.float32(0)
    else:
        to_a, to_b, to_c = np.float32(0), ab, ac
    near = np.float32(0)
    if to_a <= ALIKE:
        near = max(near, counts[a, 1])
    else:
        wa = np.float32(0)
    if to_b <= ALIKE:
        near = max(near, counts[b, 1])
    else:
        wb = np.float32(0)
    if to_c <= ALIKE:
        near = max(near, counts[c, 1])
    else:
        wc = np.float32(0)
    one = near / (wa + wb + wc)
    for channel in range(3):
        m = 3 * i + channel
        total = (wa * colors[a, j, m] + wb * colors[b, j, m] + wc * colors[c, j, m]) * one
        old = right[channel, row, column]
        right[channel, row, column] = min(max(total + (np.float32(1) - near) * old, np.float32(0)), np.float32(1))
    return True


@step
def _difference(colors: Floats, a: int, b: int, j: int, i: int) -> float:
    m = 3 * i
    off = abs(colors[a, j, m] - colors[b, j, m]) + abs(colors[a, j, m + 1] - colors[b, j, m + 1])
    return off + abs(colors[a, j, m + 2] - colors[b, j, m + 2])


@step
def _fetch(frames: NDArray[np.uint8], slot: int, x: float, y: float, patch: Floats) -> None:
    """Colours around a place, as many rows and numbers as `patch` has, from a pixel up and left of it on."""
    height, width = frames.shape[1], frames.shape[2]
    left, top = int(np.floor(x)) - 1, int(np.floor(y)) - 1
    rows, numbers = patch.shape
    if left >= 0 and top >= 0 and top + rows <= height and 3 * left + numbers <= 3 * width:
        for j in range(rows):
            for chunk in range(0, numbers, LANES):
                for lane in range(LANES):
                    m = np.uint64(chunk + lane)
                    patch[j, m] = frames[slot, top + j, left, m]
        return
    for j in range(rows):
        row = min(max(top + j, 0), height - 1)
        for m in range(numbers):
            patch[j, m] = frames[slot, row, min(max(left + m // 3, 0), width - 1), m % 3]


@step
def cubic(patch: Floats, x: float, y: float, scale: float, offset: float, tall: Floats, into: Floats, k: int) -> None:
    """The colours of a patch at (x, y) and as far right and down as `into` [k] goes, less `offset`, times `scale`.

    By Catmull-Rom's cubic, whose weights are the same for all of them.
    """
    block_px, numbers = into.shape[1], into.shape[2]
    a0, a1, a2, a3 = _cubic_weights(x - np.float32(np.floor(x)))
    b0, b1, b2, b3 = _cubic_weights(y - np.float32(np.floor(y)))
    for j in range(block_px):
        for chunk in range(0, numbers, LANES):
            for lane in range(LANES):
                m = np.uint64(chunk + lane)
                one = b0 * patch[j, m] + b1 * patch[j + 1, m]
                tall[m] = one + (b2 * patch[j + 2, m] + b3 * patch[j + 3, m])
        for chunk in range(0, 3 * block_px, LANES):
            for lane in range(LANES):
                m = np.uint64(chunk + lane)
                one = a0 * tall[m] + a1 * tall[m + np.uint64(3)]
                one += a2 * tall[m + np.uint64(6)] + a3 * tall[m + np.uint64(9)]
                into[k, j, m] = (one - offset) * scale


@step
def _cubic_weights(a: float) -> tuple[float, float, float, float]:
    half, one = np.float32(0.5), np.float32(1)
    return (
        a * (a * (one - half * a) - half),
        one + a * a * (np.float32(1.5) * a - np.float32(2.5)),
        a * (half + a * (np.float32(2) - np.float32(1.5) * a)),
        a * a * (half * a - half),
    )
