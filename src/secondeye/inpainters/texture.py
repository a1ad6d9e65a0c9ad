"""Carry the background on into each hole, along the lines that its texture has there; the foreground never enters.

    b / / b F F F o o / / b         o  a hole; its colours are a mean of what is known around it, nearest first,
    b b / / F F F o / / b b            where steps across the lines count as much longer than those along them
    b b b / F F F / / b b b

Round a hole's pixel, each row gives what the background shows next to it: the ends of the run of holes there if they
belong to the background, or the known pixel straight above or below. Background is all that lies nearer in disparity
to the hole's far side than to its near one. Its texture has a direction where its gradients agree (their structure
tensor, from the same places); a pixel's distance to a source is then an ellipse's: as it is along the lines, and up to
(1 + STIFFNESS) ** 0.5 times as long across them.

Nothing is searched or chosen, so that the fill moves as smoothly as what lies around it. Weights that fall with the
third power of distance are those with which a boundary is interpolated into the plane beside it (Shepard's method).
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from secondeye.compiled import kernel, run_rows, step
from secondeye.inpainters._runs import (
    NOTHING,
    SAME_SURFACE_PX,
    Bools,
    Floats,
    Ints,
    Longs,
    background_px,
    count_runs,
    cpu_array,
    disparity_beside,
    landed_disparity,
    mixed_share,
)
from secondeye.types import Needs, StereoClip, WarpedClip

LEAST_GAP_PX = np.float32(0.5)
"""A hole's two sides are taken to be at least so far from each other."""

BORDER_GAP_PX = np.float32(2 * SAME_SURFACE_PX)
"""What lies before the background is that much nearer, where a hole ends at the frame's border and shows nothing."""

DOUBTFUL_SHARE = np.float32(0.15)
"""A pixel beside a hole with that share of the other side's colour in it counts half: outlines are not quite where
disparity has them."""

CLEAN_PX = 4
"""So many pixels on, nothing of another surface is mixed in."""

STIFFNESS = np.float32(20.0)
"""How much the square of a step across a texture's lines counts, beside that of one along them (5 to 200: 0.2 dB)."""

FLAT = np.float32(1e-4)
"""Sum over colours of squared gradients below which texture has no direction: a hundredth of white a pixel."""

SLOPE_COLUMNS = 4
"""Texture beside a hole is looked at over so many pixels along the row and three rows."""

REACH_ROWS = 16.0
REACH_GROWTH = 2.0
LONGEST_REACH_ROWS = 64
"""Rows up and down that a run's fill looks at: 16 and twice its width, 64 at most."""

FAR = np.float32(1e9)
"""Disparity of what is not to be taken; above every real one."""


PIECE_PX = 256
"""Runs are filled in pieces up to that long; a multiple of what a vector holds."""


class Texture:
    """Fills holes along the background's texture; see the module."""

    needs = Needs(exact=True)

    def inpaint(self, clips: Iterator[WarpedClip]) -> Iterator[StereoClip]:
        """Yield each clip with its holes filled; known pixels pass bit for bit."""
        for clip in clips:
            yield StereoClip(clip.left, replace(clip.left, rgb=fill(clip.right.clone(), clip)))


def build() -> Texture:
    """The inpainter that carries texture on; takes no weights."""
    return Texture()


def fill(right: Tensor, clip: WarpedClip) -> Tensor:
    """Write the holes of `clip` into `right`, (T, 3, H, W), and return it."""
    work = right.to("cpu", torch.float32).contiguous()
    hole, disparity = cpu_array(clip.hole)[:, 0], cpu_array(clip.disparity)[:, 0]
    _fill(work.numpy(), hole, disparity, cpu_array(clip.left.rgb))
    return work if work.data_ptr() == right.data_ptr() else right.copy_(work)


def _fill(right: Floats, hole: Bools, disparity: Floats, left: Floats) -> None:
    """Fill `right` in place: plan every run, find its texture's direction, then paint from known pixels only."""
    rows, first = hole.shape[0] * hole.shape[1], count_runs(hole)
    count = int(first[-1])
    if not count:
        return
    spans, sides, trusts = (
        np.empty((count, 4), np.int32),
        np.empty((count, 2), np.float32),
        np.empty((count, 2), np.float32),
    )
    slopes, near = np.empty((count, 2, 3), np.float32), np.empty(hole.shape, np.float32)
    picture, plan, steps = (right, hole, near), (first, spans, sides, trusts), _steps()
    run_rows(lambda start, stop: _plan_rows(*picture, disparity, *plan, start, stop), rows)
    run_rows(lambda start, stop: _slope_rows(right, near, first, spans, sides, slopes, start, stop), rows)
    run_rows(lambda start, stop: _paint_rows(right, near, left, *plan, slopes, steps, start, stop), rows)


def _steps() -> Floats:
    """(K, 2): rows up and down that are looked at, and what each counts; farther ones stand for those between."""
    away, steps = 0, []
    while away <= LONGEST_REACH_ROWS:
        stride = min(1 << (away // 6).bit_length(), 8)
        steps += [(sign * away, stride) for sign in (-1, 1)][away == 0 :]
        away += stride
    return np.array(sorted(steps), np.float32)


@kernel
def _plan_rows(
    right: Floats,
    hole: Bools,
    near: Floats,
    disparity: Floats,
    first: Longs,
    spans: Ints,
    sides: Floats,
    trusts: Floats,
    start: int,
    stop: int,
) -> None:
    """Plan the runs of some rows, and say in `near` which disparity each known pixel has: FAR where it has none."""
    _, height, width = hole.shape
    for row in range(start, stop):
        t, y = row // height, row % height
        landed = landed_disparity(disparity[t, y])
        x = 0
        for run in range(first[row], first[row + 1]):
            while not hole[t, y, x]:
                x += 1
            begin = x
            while x < width and hole[t, y, x]:
                x += 1
            _plan_run(right[t, :, y], hole[t, y], landed, begin, x, spans[run], sides[run], trusts[run])
        for x in range(width):
            near[t, y, x] = FAR if hole[t, y, x] or landed[x] == NOTHING else landed[x]


@step
def _plan_run(
    right: Floats, hole: Bools, landed: Floats, begin: int, end: int, span: Ints, side: Floats, trust: Floats
) -> None:
    """Say where a run begins and ends, which known pixel lies before it and after it, how near, how far to be trusted.

    Where the frame ends, the pixel is -1 and FAR.
    """
    span[0], span[1], span[2], span[3] = begin, end, -1, -1
    side[0], side[1], trust[0], trust[1] = FAR, FAR, np.float32(1), np.float32(1)
    if begin > 0:
        side[0] = disparity_beside(landed, hole, begin - 1, -1)
        span[2] = background_px(right, hole, landed, begin - 1, -1, end, side[0])
    if end < len(hole):
        side[1] = disparity_beside(landed, hole, end, 1)
        span[3] = background_px(right, hole, landed, end, 1, begin - 1, side[1])
    if begin > 0 and end < len(hole):
        trust[0] = _trust(right, hole, landed, span[2], -1, span[3], side[0])
        trust[1] = _trust(right, hole, landed, span[3], 1, span[2], side[1])


@step
def _trust(right: Floats, hole: Bools, landed: Floats, source: int, way: int, other: int, side: float) -> float:
    """What a pixel beside a hole counts, by the share of the other side's colour that it has in it."""
    clean = source
    for _ in range(CLEAN_PX):
        x = clean + way
        if not 0 <= x < len(hole) or hole[x] or landed[x] == NOTHING or landed[x] > side + np.float32(1):
            break
        clean = x
    doubt = max(np.float32(mixed_share(right, source, clean, other)), np.float32(0)) / DOUBTFUL_SHARE
    return np.float32(1) / (np.float32(1) + doubt * doubt)


@kernel
def _slope_rows(
    right: Floats, near: Floats, first: Longs, spans: Ints, sides: Floats, slopes: Floats, start: int, stop: int
) -> None:
    """Find the structure tensor of the known texture beside each end of the runs of some rows."""
    height = near.shape[1]
    for row in range(start, stop):
        for run in range(first[row], first[row + 1]):
            for end in range(2):
                if spans[run, 2 + end] >= 0:
                    limit = sides[run, end] + np.float32(1)
                    _slope(right, near, row // height, row % height, spans[run, 2 + end], end, limit, slopes[run, end])


@step
def _slope(right: Floats, near: Floats, t: int, y: int, source: int, end: int, limit: float, slope: Floats) -> None:
    """The mean structure tensor (xx, xy, yy) of the 2x2 squares of one surface beside a run, outwards from `source`."""
    _, height, width = near.shape
    xx = xy = yy = count = np.float32(0)
    for along in range(SLOPE_COLUMNS):
        i = source + 1 + along if end else source - along - 2  # the square's left column
        for j in range(max(y - 1, 0), min(y + 2, height - 1)):
            if i < 0 or i + 1 >= width or _nearest(near, t, j, i) > limit:
                continue
            for c in range(3):
                p, q, r, s = right[t, c, j, i], right[t, c, j, i + 1], right[t, c, j + 1, i], right[t, c, j + 1, i + 1]
                across, down = np.float32(0.5) * (q - p + s - r), np.float32(0.5) * (r - p + s - q)
                xx += across * across
                xy += across * down
                yy += down * down
            count += np.float32(1)
    count = max(count, np.float32(1))
    slope[0], slope[1], slope[2] = xx / count, xy / count, yy / count


@step
def _nearest(near: Floats, t: int, j: int, i: int) -> float:
    """The greatest disparity of a 2x2 square of pixels."""
    return max(near[t, j, i], near[t, j, i + 1], near[t, j + 1, i], near[t, j + 1, i + 1])


@kernel
def _paint_rows(
    right: Floats,
    near: Floats,
    left: Floats,
    first: Longs,
    spans: Ints,
    sides: Floats,
    trusts: Floats,
    slopes: Floats,
    steps: Floats,
    start: int,
    stop: int,
) -> None:
    """Fill the runs of some rows."""
    height = near.shape[1]
    room = _room()
    for row in range(start, stop):
        t, y = row // height, row % height
        for run in range(first[row], first[row + 1]):
            for begin in range(spans[run, 0], spans[run, 1], PIECE_PX):
                end = min(begin + PIECE_PX, spans[run, 1])
                _gather(right, near, first, spans, sides, trusts, slopes, steps, t, y, run, begin, end, room, True)
                _direct(room, end - begin)
                _gather(right, near, first, spans, sides, trusts, slopes, steps, t, y, run, begin, end, room, False)
                _paint(right, left, t, y, begin, end, room[1])


@step
def _room() -> tuple[Floats, Floats, Floats, Floats]:
    """For a piece of a run: weights, sums of three values and weights, how steps count, and columns from its first.

    Sums lie in one array, each PIECE_PX after the other, so that loops over them become vectors.
    """
    columns = np.empty(PIECE_PX, np.float32)
    for i in range(PIECE_PX):
        columns[i] = np.float32(i)
    return (
        np.zeros(PIECE_PX, np.float32),
        np.zeros(4 * PIECE_PX, np.float32),
        np.zeros((3, PIECE_PX), np.float32),
        columns,
    )


@step
def _paint(right: Floats, left: Floats, t: int, y: int, begin: int, end: int, sums: Floats) -> None:
    """Write the means that a piece of a run has gathered; the left view where it found nothing."""
    for i in range(end - begin):
        x, weight = begin + i, sums[3 * PIECE_PX + i]
        for c in range(3):
            known = weight > np.float32(0)
            right[t, c, y, x] = min(sums[c * PIECE_PX + i] / weight, np.float32(1)) if known else left[t, c, y, x]


@step
def _direct(room: tuple[Floats, Floats, Floats, Floats], count: int) -> None:
    """Turn each pixel's structure tensor into how steps from it count; `_weigh` says how."""
    _, sums, bends, _ = room
    for i in range(count):
        weight = max(sums[3 * PIECE_PX + i], np.float32(1e-12))
        xx, xy, yy = sums[i] / weight, sums[PIECE_PX + i] / weight, sums[2 * PIECE_PX + i] / weight
        whole = xx + yy + FLAT
        cosine, sine = (xx - yy) / whole, (xy + xy) / whole  # of twice the angle across the lines, times coherence
        coherence = np.sqrt(cosine * cosine + sine * sine)
        half = np.float32(0.5) * STIFFNESS * coherence
        bends[0, i], bends[1, i], bends[2, i] = half * coherence, half * cosine, half * (sine + sine)


@step
def _gather(
    right: Floats,
    near: Floats,
    first: Longs,
    spans: Ints,
    sides: Floats,
    trusts: Floats,
    slopes: Floats,
    steps: Floats,
    t: int,
    y: int,
    run: int,
    begin: int,
    end: int,
    room: tuple[Floats, Floats, Floats, Floats],
    slope: bool,
) -> None:
    """Add up for a piece of a run what the rows around it have beside it: slopes, or else colours."""
    _, height, width = near.shape
    room[1][:] = np.float32(0)
    far, gap = _surface(sides[run, 0], sides[run, 1])
    reach = REACH_ROWS + REACH_GROWTH * (spans[run, 1] - spans[run, 0])
    for k in range(len(steps)):
        down, counts = steps[k, 0], steps[k, 1]
        j = y + int(down)
        if not 0 <= j < height or abs(down) > reach:
            continue
        other, last = first[t * height + j], first[t * height + j + 1]
        while other < last and spans[other, 1] <= begin:
            other += 1
        x = begin
        while x < end:
            inside = other < last and spans[other, 0] <= x
            until = min(end, spans[other, 1] if inside else spans[other, 0] if other < last else width)
            if inside:
                for side in range(2):
                    source = spans[other, 2 + side]
                    belongs = _belonging(sides[other, side], far, gap)
                    if source < 0 or belongs == np.float32(0):
                        continue
                    weight = counts * belongs * trusts[other, side]
                    _weigh(room, source - begin, down, weight, end - begin, slope)
                    _bound(room[0], x - begin, until - begin, end - begin)
                    if slope:
                        p, q, r = slopes[other, side, 0], slopes[other, side, 1], slopes[other, side, 2]
                    else:
                        p, q, r = right[t, 0, j, source], right[t, 1, j, source], right[t, 2, j, source]
                    _add(room, p, q, r, end - begin)
                other += 1
            elif not slope:
                _add_known(right, near, t, j, down, counts, far, gap, room, begin, x, until)
            x = until


@step
def _surface(before: float, after: float) -> tuple[float, float]:
    """The disparity of a run's far side, and how much nearer its other side is."""
    far, near = min(before, after), max(before, after)
    return far, BORDER_GAP_PX if near == FAR else max(near - far, LEAST_GAP_PX)


@step
def _belonging(disparity: float, far: float, gap: float) -> float:
    """What a pixel of some disparity counts as background: 1 if as far as a run's far side, 0 if as near as the other."""
    share = min(max((disparity - far) / gap, np.float32(0)), np.float32(1))
    return (np.float32(1) - share) ** 3


@step
def _weigh(
    room: tuple[Floats, Floats, Floats, Floats], source: int, down: float, counts: float, count: int, slope: bool
) -> None:
    """Let each pixel weigh what is at column `source`, so many rows down: slopes by the inverse square of distance.

    Colours by its third power, as texture bends it. With n the unit vector across the lines and
    s = STIFFNESS * coherence ** 2, a step d counts |d|^2 + s (n d)^2, where
    s (n d)^2 = s/2 (|d|^2 + cos 2a (dx^2 - dy^2) + sin 2a 2 dx dy), a being the angle of n.
    """
    weights, _, bends, columns = room
    at, yy = np.float32(source), down * down
    if slope:
        for i in range(_padded(count)):
            across = at - columns[i]
            weights[i] = counts / (across * across + yy)
    else:
        for i in range(_padded(count)):
            across = at - columns[i]
            xx = across * across
            square = xx + yy + bends[0, i] * (xx + yy) + bends[1, i] * (xx - yy) + bends[2, i] * across * down
            weights[i] = counts / (square * np.sqrt(square))


@step
def _padded(count: int) -> int:
    """As many pixels as fill whole vectors; what is done beyond a piece's end is never read."""
    return (count + 7) // 8 * 8


@step
def _bound(weights: Floats, begin: int, end: int, count: int) -> None:
    """Keep weights from `begin` to `end` alone; those beyond `count` are never read."""
    for i in range(begin):
        weights[i] = np.float32(0)
    for i in range(end, count):
        weights[i] = np.float32(0)


@step
def _add(room: tuple[Floats, Floats, Floats, Floats], p: float, q: float, r: float, count: int) -> None:
    """Add three values, as each pixel weighs them, to what it has gathered."""
    weights, sums, _, _ = room
    for i in range(_padded(count)):
        at = np.uint64(i)  # unsigned: no test for an index from the end
        weight = weights[at]
        sums[at] += weight * p
        sums[at + np.uint64(PIECE_PX)] += weight * q
        sums[at + np.uint64(2 * PIECE_PX)] += weight * r
        sums[at + np.uint64(3 * PIECE_PX)] += weight


@step
def _add_known(
    right: Floats,
    near: Floats,
    t: int,
    j: int,
    down: float,
    counts: float,
    far: float,
    gap: float,
    room: tuple[Floats, Floats, Floats, Floats],
    origin: int,
    begin: int,
    end: int,
) -> None:
    """Add what the known pixels straight above or below show, if they and those around them are background.

    One pixel for a whole line of them: it counts as many as it is rows away.
    """
    _, sums, bends, _ = room
    last, square, counts = near.shape[2] - 1, down * down, counts * abs(down)
    towards = j - 1 if down > np.float32(0) else j + 1
    for x in range(begin, end):
        beside = max(near[t, j, max(x - 1, 0)], near[t, j, min(x + 1, last)])
        nearest = max(near[t, j, x], near[t, towards, x])
        belongs = _belonging(max(nearest, beside) if beside < FAR else nearest, far, gap)
        if belongs == np.float32(0):
            continue
        i = x - origin
        way = square * (np.float32(1) + bends[0, i] - bends[1, i])
        weight = counts * belongs / (way * np.sqrt(way))
        for c in range(3):
            sums[c * PIECE_PX + i] += weight * right[t, c, j, x]
        sums[3 * PIECE_PX + i] += weight
