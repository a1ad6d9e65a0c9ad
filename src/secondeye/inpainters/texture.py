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
)
from secondeye.types import Needs, StereoClip, WarpedClip

BACKGROUND_SHARE = 0.5
"""Up to this share of the way from a hole's far side to its near one, disparity counts as background."""

LEAST_STEP_PX = 0.25
"""Disparity of one surface varies by that much, however little is before it."""

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

GATHERED = 8
"""Sums that a row's pixels gather: 0 to 3 gradients xx, xy, yy and weight, then 0 to 3 red, green, blue and weight;
4 to 6 how steps count, and 7 columns."""


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
    spans, sides, limits = np.empty((count, 4), np.int32), np.empty((count, 2), np.float32), np.empty(count, np.float32)
    slopes, near = np.empty((count, 2, 3), np.float32), np.empty(hole.shape, np.float32)
    picture, plan, steps = (right, hole, near), (first, spans, sides, limits), _steps()
    run_rows(lambda start, stop: _plan_rows(*picture, disparity, *plan, start, stop), rows)
    run_rows(lambda start, stop: _slope_rows(right, near, first, spans, sides, slopes, start, stop), rows)
    run_rows(lambda start, stop: _paint_rows(right, near, left, *plan, slopes, steps, start, stop), rows)


def _steps() -> Floats:
    """(K, 2): rows up and down that are looked at, and what each counts; farther ones stand for those between."""
    away, steps = 0, []
    while away <= LONGEST_REACH_ROWS:
        stride = 1 if away < 8 else 2 if away < 16 else 4
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
    limits: Floats,
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
            _plan_run(right[t, :, y], hole[t, y], landed, begin, x, spans[run], sides[run])
            limits[run] = _background_limit(sides[run, 0], sides[run, 1])
        for x in range(width):
            near[t, y, x] = FAR if hole[t, y, x] or landed[x] == NOTHING else landed[x]


@step
def _plan_run(right: Floats, hole: Bools, landed: Floats, begin: int, end: int, span: Ints, side: Floats) -> None:
    """Say where a run begins and ends, which known pixel lies before it and after it, and how near these are.

    Where the frame ends, the pixel is -1 and FAR.
    """
    span[0], span[1], span[2], span[3] = begin, end, -1, -1
    side[0], side[1] = FAR, FAR
    if begin > 0:
        side[0] = disparity_beside(landed, hole, begin - 1, -1)
        span[2] = background_px(right, hole, landed, begin - 1, -1, end, side[0])
    if end < len(hole):
        side[1] = disparity_beside(landed, hole, end, 1)
        span[3] = background_px(right, hole, landed, end, 1, begin - 1, side[1])


@step
def _background_limit(before: float, after: float) -> float:
    """The disparity up to which pixels around a run count as background."""
    far, near = min(before, after), max(before, after)
    if near == FAR:
        return far + np.float32(SAME_SURFACE_PX)
    share = np.float32(BACKGROUND_SHARE) * (near - far)
    return far + min(max(share, np.float32(LEAST_STEP_PX)), np.float32(SAME_SURFACE_PX))


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
        i = source + along if end else source - along - 1  # the square's left column
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
    limits: Floats,
    slopes: Floats,
    steps: Floats,
    start: int,
    stop: int,
) -> None:
    """Fill the runs of some rows."""
    _, height, width = near.shape
    sums = np.empty((GATHERED, width), np.float32)
    for x in range(width):
        sums[7, x] = np.float32(x)
    for row in range(start, stop):
        if first[row] == first[row + 1]:
            continue
        t, y = row // height, row % height
        _clear(sums, first[row], first[row + 1], spans)
        _gather(right, near, first, spans, sides, limits, slopes, steps, t, y, sums, True)
        _direct(sums, first[row], first[row + 1], spans)
        _clear(sums, first[row], first[row + 1], spans)
        _gather(right, near, first, spans, sides, limits, slopes, steps, t, y, sums, False)
        for run in range(first[row], first[row + 1]):
            for x in range(spans[run, 0], spans[run, 1]):
                for c in range(3):
                    known = sums[3, x] > np.float32(0)
                    right[t, c, y, x] = min(sums[c, x] / sums[3, x], np.float32(1)) if known else left[t, c, y, x]


@step
def _clear(sums: Floats, begin: int, end: int, spans: Ints) -> None:
    """Begin new sums in a row's runs."""
    for run in range(begin, end):
        for x in range(spans[run, 0], spans[run, 1]):
            sums[0, x] = sums[1, x] = sums[2, x] = sums[3, x] = np.float32(0)


@step
def _direct(sums: Floats, begin: int, end: int, spans: Ints) -> None:
    """Turn each pixel's structure tensor into how steps from it count; `_add_colour` says how."""
    for run in range(begin, end):
        for x in range(spans[run, 0], spans[run, 1]):
            weight = max(sums[3, x], np.float32(1e-12))
            xx, xy, yy = sums[0, x] / weight, sums[1, x] / weight, sums[2, x] / weight
            whole = xx + yy + FLAT
            cosine, sine = (xx - yy) / whole, (xy + xy) / whole  # of twice the angle across the lines, times coherence
            coherence = np.sqrt(cosine * cosine + sine * sine)
            half = np.float32(0.5) * STIFFNESS * coherence
            sums[4, x], sums[5, x], sums[6, x] = half * coherence, half * cosine, half * (sine + sine)


@step
def _gather(
    right: Floats,
    near: Floats,
    first: Longs,
    spans: Ints,
    sides: Floats,
    limits: Floats,
    slopes: Floats,
    steps: Floats,
    t: int,
    y: int,
    sums: Floats,
    slope: bool,
) -> None:
    """Add up for all runs of row y what the rows around it have beside them: slopes, or else colours."""
    _, height, width = near.shape
    row = t * height + y
    for k in range(len(steps)):
        down, counts = steps[k, 0], steps[k, 1]
        j = y + int(down)
        if not 0 <= j < height:
            continue
        other, last = first[t * height + j], first[t * height + j + 1]
        for run in range(first[row], first[row + 1]):
            begin, end, limit = spans[run, 0], spans[run, 1], limits[run]
            while other < last and spans[other, 1] <= begin:
                other += 1
            if abs(down) > np.float32(REACH_ROWS) + np.float32(REACH_GROWTH) * np.float32(end - begin):
                continue
            x = begin
            while x < end:
                inside = other < last and spans[other, 0] <= x
                until = min(end, spans[other, 1] if inside else spans[other, 0] if other < last else width)
                if not inside:
                    if not slope:
                        _add_known(right, near, t, j, down, counts, limit, sums, x, until)
                else:
                    for side in range(2):
                        source = spans[other, 2 + side]
                        if source >= 0 and sides[other, side] <= limit:
                            if slope:
                                _add_slope(slopes, other, side, source, down, counts, sums, x, until)
                            else:
                                _add_colour(right, t, j, source, down, counts, sums, x, until)
                    if spans[other, 1] > end:
                        break  # it may reach into this row's next run, too
                    other += 1
                x = until


@step
def _add_slope(
    slopes: Floats, other: int, side: int, source: int, down: float, counts: float, sums: Floats, begin: int, end: int
) -> None:
    """Add the structure tensor at `source` to pixels of a run, by the inverse square of their distance."""
    xx, xy, yy, at = slopes[other, side, 0], slopes[other, side, 1], slopes[other, side, 2], np.float32(source)
    for x in range(begin, end):
        across = at - sums[7, x]
        weight = counts / (across * across + down * down)
        sums[0, x] += weight * xx
        sums[1, x] += weight * xy
        sums[2, x] += weight * yy
        sums[3, x] += weight


@step
def _add_colour(
    right: Floats, t: int, j: int, source: int, down: float, counts: float, sums: Floats, begin: int, end: int
) -> None:
    """Add the colour at `source` to pixels of a run.

    With n the unit vector across the lines and s = STIFFNESS * coherence ** 2, a step d counts |d|^2 + s (n d)^2,
    where s (n d)^2 = s/2 (|d|^2 + cos 2a (dx^2 - dy^2) + sin 2a 2 dx dy), a being the angle of n.
    """
    red, green, blue, at = right[t, 0, j, source], right[t, 1, j, source], right[t, 2, j, source], np.float32(source)
    for x in range(begin, end):
        across = at - sums[7, x]
        xx, yy = across * across, down * down
        square = xx + yy + sums[4, x] * (xx + yy) + sums[5, x] * (xx - yy) + sums[6, x] * across * down
        weight = counts / (square * np.sqrt(square))
        sums[0, x] += weight * red
        sums[1, x] += weight * green
        sums[2, x] += weight * blue
        sums[3, x] += weight


@step
def _add_known(
    right: Floats,
    near: Floats,
    t: int,
    j: int,
    down: float,
    counts: float,
    limit: float,
    sums: Floats,
    begin: int,
    end: int,
) -> None:
    """Add what the known pixels straight above or below show, if they and those beside them are background.

    One pixel for a whole line of them: it counts as many as it is rows away.
    """
    last, square, counts = near.shape[2] - 1, down * down, counts * abs(down)
    for x in range(begin, end):
        beside = max(near[t, j, max(x - 1, 0)], near[t, j, min(x + 1, last)])
        if near[t, j, x] > limit or (beside > limit and beside < FAR):
            continue
        way = square * (np.float32(1) + sums[4, x] - sums[5, x])
        weight = counts / (way * np.sqrt(way))
        sums[0, x] += weight * right[t, 0, j, x]
        sums[1, x] += weight * right[t, 1, j, x]
        sums[2, x] += weight * right[t, 2, j, x]
        sums[3, x] += weight
