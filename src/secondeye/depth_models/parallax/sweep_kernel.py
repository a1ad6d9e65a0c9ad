"""The loops of `sweep`: what each inverse depth costs at each pixel, costs gathered along paths, and the choice.

Volumes are (h, D, w): D planes of inverse depth from far to near, and a row of pixels side by side in memory, so that
the compiler takes many at once. Paths go down and up through the rows, straight and slanted.
"""

import numpy as np
from numpy.typing import NDArray

from secondeye.compiled import kernel, step

Words = NDArray[np.uint32]
Bytes = NDArray[np.uint8]
Shorts = NDArray[np.int16]
Floats = NDArray[np.float32]

MOST_GREY, MOST_SLOPE = np.int32(20), np.int32(15)
"""Differences of grey and of slope count no more than that: what the other frame hides is no worse than that."""

UNSEEN = np.int32(40)
"""What a place outside the other frame costs, of at most 80: neither good nor bad."""

PARTS, FARTHEST_HINT = np.int32(16), np.int32(96)
"""Parts of a plane that hints are given in, and how many of them off counts as utterly off."""

HINT_SHIFT = np.int32(7)
"""A hint trusted by 8, the most, costs 1 a plane: 6 at most, against 180 for what does not match."""

BEYOND = 8000
"""More than any path costs."""

MASK, EIGHT, SIXTEEN = np.uint32(255), np.uint32(8), np.uint32(16)


@step
def _costs(
    words: Words, other: Words, place: Floats, way: Floats, inverse_depths: Floats, row: int, out: Shorts
) -> None:
    """(D, w): how unlike a row of pixels is to where each inverse depth puts it in the other, twice as large frame.

    place, way: (2, w), where inverse depth 0 puts a pixel, in its px, and how far a unit of inverse depth moves it.
    """
    height, width = other.shape
    flat, own, count = other.ravel(), words[row], np.uint64(words.shape[1])
    zero, half = np.float32(0), np.float32(0.5)
    last_x, last_y = np.float32(width - 1), np.float32(height - 1)
    place_x, place_y, way_x, way_y = place[0], place[1], way[0], way[1]
    index, there = np.empty(count, np.int32), np.empty(count, np.uint32)
    for d in range(len(inverse_depths)):
        q, line = inverse_depths[d], out[d]
        for c in range(count):
            x, y = place_x[c] + q * way_x[c], place_y[c] + q * way_y[c]
            inside = (x >= zero) & (y >= zero) & (x < last_x) & (y < last_y)
            at = np.int32(np.int32(np.int32(y + half) * np.int32(width)) + np.int32(x + half))
            index[c] = at if inside else np.int32(-1)
        for c in range(count):
            there[c] = flat[np.uint64(max(index[c], np.int32(0)))]
        for c in range(count):
            away, here = there[c], own[c]
            grey = abs(np.int32(here & MASK) - np.int32(away & MASK))
            across = abs(np.int32((here >> EIGHT) & MASK) - np.int32((away >> EIGHT) & MASK))
            down = abs(np.int32((here >> SIXTEEN) & MASK) - np.int32((away >> SIXTEEN) & MASK))
            cost = min(grey, MOST_GREY) + 2 * (min(across, MOST_SLOPE) + min(down, MOST_SLOPE))
            line[c] = np.int16(cost) if index[c] >= 0 else np.int16(UNSEEN)


@step
def _widen(costs: Shorts, out: Shorts) -> None:
    """Sums of three neighbours along each of the rows (D, w)."""
    last = costs.shape[1] - 1
    for d in range(costs.shape[0]):
        line, target = costs[d], out[d]
        target[0], target[last] = 2 * line[0] + line[1], 2 * line[last] + line[last - 1]
        for c in range(np.uint64(1), np.uint64(last)):
            target[c] = np.int16(line[c - np.uint64(1)] + line[c] + line[c + np.uint64(1)])


@kernel
def match_rows(
    words: Words,
    others: Words,
    cameras: Floats,
    inverse_depths: Floats,
    hint: Shorts,
    volume: Bytes,
    first: int,
    stop: int,
) -> None:
    """Write rows [first, stop) of the cost volume (h, D, w), 0 to 180.

    Of several views the better half counts: where something hides a place from one, others see it.

    Args:
        words: (h, w) packed grey and slopes.
        others: (V, 2h, 2w) the same of other frames, enlarged.
        cameras: (V, 7) focal length, turn and move; see `flow.camera`.
        inverse_depths: (D,) the planes.
        hint: (2, h, w) the plane that something else says, in parts of one, and how far it is trusted, 0 to 8.
    """
    height, width = words.shape
    views, planes = len(others), len(inverse_depths)
    costs = np.empty((planes, width), np.int16)
    widened = np.empty((views, 3, planes, width), np.int16)
    place, way = np.empty((2, width), np.float32), np.empty((2, width), np.float32)
    for row in range(first - 1, stop + 1):
        source = min(max(row, 0), height - 1)
        for v in range(views):
            _place(cameras[v], source, height, place, way)
            _costs(words, others[v], place, way, inverse_depths, source, costs)
            _widen(costs, widened[v, row % 3])
        if row > first:
            _combine(widened, hint[:, row - 1], volume[row - 1])


@step
def _place(camera: Floats, row: int, height: int, place: Floats, way: Floats) -> None:
    """See `_costs`; in px of the enlarged frame."""
    width = place.shape[1]
    side, focal = np.float32(max(height, width)), camera[0]
    kappa = 1 / (focal * focal)
    y = (np.float32(row) - np.float32(height - 1) / 2) / side
    for c in range(width):
        x = (np.float32(c) - np.float32(width - 1) / 2) / side
        u = kappa * x * y * camera[1] - (1 + kappa * x * x) * camera[2] + y * camera[3]
        v = (1 + kappa * y * y) * camera[1] - kappa * x * y * camera[2] - x * camera[3]
        place[0, c], place[1, c] = 2 * (c + u) + np.float32(0.5), 2 * (row + v) + np.float32(0.5)
        way[0, c], way[1, c] = 2 * (x * camera[6] - focal * camera[4]), 2 * (y * camera[6] - focal * camera[5])


@step
def _combine(widened: Shorts, hint: Shorts, out: Bytes) -> None:
    """The mean of the two least of up to four views, each a sum of three rows; the least of two; and the hint's."""
    views, width = len(widened), np.uint64(out.shape[1])
    least, second = np.empty(width, np.int16), np.empty(width, np.int16)
    for d in range(out.shape[0]):
        least[:], second[:] = BEYOND, BEYOND
        for v in range(views):
            above, own, below = widened[v, 0, d], widened[v, 1, d], widened[v, 2, d]
            for c in range(width):
                total = np.int16(np.int16(above[c] + own[c]) + below[c])
                second[c] = min(second[c], max(least[c], total))
                least[c] = min(least[c], total)
        other, line = least if views <= 2 else second, out[d]
        plane = np.int16(PARTS * d)
        for c in range(width):
            off = np.int16(min(abs(np.int32(plane) - np.int32(hint[0, c])), FARTHEST_HINT))
            away = np.int16(np.int32(off) * np.int32(hint[1, c]) >> HINT_SHIFT)
            line[c] = np.uint8((np.int16(least[c] + other[c]) >> 3) + away)


@kernel
def gather(volume: Bytes, words: Words, small: int, large: int, upward: bool, total: Shorts) -> None:
    """Add up costs along three paths: from above (or below), straight and slanted to either side.

    Args:
        volume: (h, D, w).
        words: (h, w), their first byte is grey.
        small, large: what a step to the next plane costs, and a jump where grey does not change.
        total: (h, D, w), out.

    Source: Hirschmueller, "Stereo processing by semiglobal matching and mutual information" (2008).
    """
    height, planes, width = volume.shape
    before, now = np.zeros((3, planes + 2, width + 2), np.int16), np.zeros((3, planes + 2, width + 2), np.int16)
    least, least_now = np.zeros((3, width + 2), np.int16), np.zeros((3, width + 2), np.int16)
    jump = np.empty(width, np.int16)
    for array in (before, now):
        array[:, 0], array[:, planes + 1] = BEYOND, BEYOND
    for step_down in range(height):
        row = height - 1 - step_down if upward else step_down
        previous = min(max(row + 1 if upward else row - 1, 0), height - 1)
        total[row] = 0
        for way in range(3):
            _jumps(words[row], words[previous], way - 1, large, jump)
            _advance(volume[row], before[way], least[way], jump, small, way, now[way], least_now[way], total[row])
        before, now = now, before
        least, least_now = least_now, least


@step
def _jumps(own: Words, previous: Words, aside: int, large: int, jump: Shorts) -> None:
    width = len(own)
    for c in range(width):
        other = previous[min(max(c + aside, 0), width - 1)]
        change = abs(np.int32(own[c] & 255) - np.int32(other & 255))
        jump[c] = np.int16(large * 8 // (8 + change))


@step
def _advance(
    costs: Bytes,
    before: Shorts,
    least: Shorts,
    jump: Shorts,
    small: int,
    aside: int,
    now: Shorts,
    least_now: Shorts,
    total: Shorts,
) -> None:
    """One row further along one path; arrays of paths have a column more on either side, and a plane more each way."""
    width, step_cost = np.uint64(costs.shape[1]), np.int16(small)
    off, one = np.uint64(aside), np.uint64(1)
    least_now[:] = BEYOND
    for d in range(costs.shape[0]):
        nearer, same, farther = before[d], before[d + 1], before[d + 2]
        cost, line, result = costs[d], total[d], now[d + 1]
        for c in range(width):
            base = least[c + off]
            beside = np.int16(min(nearer[c + off], farther[c + off]) + step_cost)
            best = np.int16(min(np.int16(min(same[c + off], beside)), np.int16(base + jump[c])))
            value = np.int16(np.int16(cost[c]) + np.int16(best - base))
            result[c + one] = value
            least_now[c + one] = np.int16(min(least_now[c + one], value))
            line[c] = np.int16(line[c] + value)
    least_now[0], least_now[costs.shape[1] + 1] = 0, 0


@kernel
def choose_rows(
    volume: Bytes,
    down: Shorts,
    up: Shorts,
    inverse_depths: Floats,
    chosen: Floats,
    lead: Floats,
    unlike: Floats,
    first: int,
    stop: int,
) -> None:
    """Take the least of the two totals for each pixel, between planes by a parabola.

    Args:
        volume: (h, D, w), what each plane costs by itself.
        down, up: (h, D, w), gathered along paths.
        inverse_depths: (D,) the planes.
        chosen: (h, w) inverse depth, out.
        lead: (h, w) by what share of its total the best is ahead of all that are not beside it, out.
        unlike: (2, h, w) what the chosen plane costs by itself, and planes in the mean, out.
    """
    planes, width = down.shape[1], down.shape[2]
    total = np.empty((planes, width), np.int32)
    best, least, second = np.empty(width, np.int32), np.empty(width, np.int32), np.empty(width, np.int32)
    mean = np.empty(width, np.int32)
    gap = inverse_depths[1] - inverse_depths[0]
    for row in range(first, stop):
        least[:], second[:], best[:], mean[:] = 1 << 20, 1 << 20, 0, 0
        for d in range(planes):
            line, one, other, cost = total[d], down[row, d], up[row, d], volume[row, d]
            for c in range(np.uint64(width)):
                value = np.int32(np.int32(one[c]) + np.int32(other[c]))
                line[c] = value
                best[c] = np.int32(d) if value < least[c] else best[c]
                least[c] = min(value, least[c])
                mean[c] += np.int32(cost[c])
        for d in range(planes):
            line = total[d]
            for c in range(np.uint64(width)):
                far = abs(np.int32(d) - best[c]) > 1
                second[c] = min(second[c], line[c]) if far else second[c]
        for c in range(width):
            d = best[c]
            offset = np.float32(0)
            if 0 < d < planes - 1:
                left, right = total[d - 1, c], total[d + 1, c]
                bend = left + right - 2 * least[c]
                offset = np.float32(0.5 * (left - right) / bend) if bend > 0 else np.float32(0)
            unlike[0, row, c], unlike[1, row, c] = volume[row, d, c], np.float32(mean[c]) / np.float32(planes)
            chosen[row, c] = inverse_depths[d] + gap * offset
            lead[row, c] = np.float32((second[c] - least[c]) / (least[c] + 50.0))
