"""Fill each pixel of a run with the mean of the background that is known around it, most of it along its texture."""

import numpy as np

from secondeye.compiled import kernel, step
from secondeye.inpainters._runs import Floats
from secondeye.inpainters.texture.plan import FAR, Plan

Room = tuple[Floats, Floats, Floats, Floats]

LEAST_GAP_PX = 0.5
"""A hole's two sides are taken to be at least so far from each other."""

BORDER_GAP_PX = 6.0
"""What lies before the background is that much nearer, where a hole ends at the frame's border and shows nothing: twice
what is still one surface."""

STIFFNESS = np.float32(20.0)
"""How much the square of a step across a texture's lines counts, beside that of one along them (5 to 200: 0.2 dB)."""

FLAT = np.float32(1e-4)
"""Sum over colours of squared gradients below which texture has no direction: a hundredth of white a pixel."""

REACH_ROWS = 16.0
REACH_GROWTH = 2.0
LONGEST_REACH_ROWS = 64
"""Rows up and down that a run's fill looks at: 16 and twice its width, 64 at most."""

PIECE_PX = 256
"""Runs are filled in pieces up to that long; a multiple of what a vector holds."""


def rows_around() -> Floats:
    """(K, 2): about which rows up and down are looked at, and what each counts; farther ones stand for those between.

    `_row_at` says which.
    """
    away, steps = 0, []
    while away <= LONGEST_REACH_ROWS:
        stride = min(1 << (away // 6).bit_length(), 8)
        steps += [(sign * away, stride) for sign in (-1, 1)][away == 0 :]
        away += stride
    return np.array(sorted(steps), np.float32)


@kernel
def paint_rows(right: Floats, left: Floats, near: Floats, plan: Plan, around: Floats, start: int, stop: int) -> None:
    """Fill the runs of some rows."""
    height = near.shape[1]
    room = _room()
    for row in range(start, stop):
        t, y = row // height, row % height
        for run in range(plan.first[row], plan.first[row + 1]):
            for begin in range(plan.spans[run, 0], plan.spans[run, 1], PIECE_PX):
                end = min(begin + PIECE_PX, plan.spans[run, 1])
                _gather(right, near, plan, around, t, y, run, begin, end, room, True)
                _direct(room, end - begin)
                _gather(right, near, plan, around, t, y, run, begin, end, room, False)
                _paint(right, left, t, y, begin, end, room[1])


@step
def _room() -> Room:
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
def _direct(room: Room, count: int) -> None:
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
    plan: Plan,
    around: Floats,
    t: int,
    y: int,
    run: int,
    begin: int,
    end: int,
    room: Room,
    slope: bool,
) -> None:
    """Add up for a piece of a run what the rows around it have beside it: slopes, or else colours."""
    _, height, width = near.shape
    first, spans, sides, trusts, slopes = plan
    weights, sums, bends, columns = room
    sums[:] = np.float32(0)
    far, gap = _surface(sides[run, 0], sides[run, 1])
    width_rows = REACH_GROWTH * (spans[run, 1] - spans[run, 0])
    reach = 8.0 + 0.25 * width_rows if slope else REACH_ROWS + width_rows
    for k in range(len(around)):
        j = _row_at(y, int(around[k, 0]), int(around[k, 1]), height)
        down, counts = j - y, around[k, 1]
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
                    if sides[other, side] >= far + gap:
                        continue
                    source = spans[other, 2 + side] - begin
                    weight = counts * _belonging(sides[other, side], far, gap) * trusts[other, side]
                    if slope:
                        _weigh_near(weights, columns, source, down, weight, end - begin)
                        p, q, r = slopes[other, side, 0], slopes[other, side, 1], slopes[other, side, 2]
                    else:
                        _weigh(weights, columns, bends, source, down, weight, end - begin)
                        p, q, r = (
                            right[t, 0, j, begin + source],
                            right[t, 1, j, begin + source],
                            right[t, 2, j, begin + source],
                        )
                    _bound(weights, x - begin, until - begin, end - begin)
                    _add(weights, sums, p, q, r, end - begin)
                other += 1
            elif not slope:
                _add_known(right, near, t, j, down, counts, far, gap, sums, bends, begin, x, until)
            x = until


@step
def _row_at(y: int, away: int, counts: int, height: int) -> int:
    """The row that stands for as many as it counts, a power of two; the nearest to row y of those lies `away`.

    It is the one of them whose number is a multiple of that, for rows above y as counted from the lowest row: rows
    beside each other look at the same, which makes no streaks, and those of a frame upside down at its mirror image.
    """
    if away < 0:
        return height - 1 - ((height - 1 - y - away + counts - 1) & -counts)
    return (y + away + counts - 1) & -counts


@step
def _surface(before: float, after: float) -> tuple[float, float]:
    """The disparity of a run's far side, and how much nearer its other side is; of a whole row, below all there is."""
    far, near = (before, after) if before < after else (after, before)
    if far == FAR:
        return -2.0 * FAR, LEAST_GAP_PX
    return far, BORDER_GAP_PX if near == FAR else max(near - far, LEAST_GAP_PX)


@step
def _belonging(disparity: float, far: float, gap: float) -> float:
    """What disparity counts as background: 1 if as far as a run's far side, 0 if as near as its other one."""
    away: float = min(max((far + gap - disparity) / gap, 0.0), 1.0)
    return away * away * away


@step
def _weigh_near(weights: Floats, columns: Floats, source: int, down: int, counts: float, count: int) -> None:
    """Let each pixel weigh what is at column `source`, so many rows down, by the inverse square of its distance."""
    at, yy, strength = np.float32(source), np.float32(down * down), np.float32(counts)
    for i in range(_padded(count)):
        across = at - columns[i]
        weights[i] = strength / (across * across + yy)


@step
def _weigh(weights: Floats, columns: Floats, bends: Floats, source: int, down: int, counts: float, count: int) -> None:
    """Let each pixel weigh what is at column `source`, so many rows down, by distance as its texture bends it.

    By the power of -2.5; -3 and -2 cost 0.1 dB. With n the unit vector across the lines and
    s = STIFFNESS * coherence ** 2, a step d counts |d|^2 + s (n d)^2, where
    s (n d)^2 = s/2 (|d|^2 + cos 2a (dx^2 - dy^2) + sin 2a 2 dx dy), a being the angle of n.
    """
    at, y, yy, strength = np.float32(source), np.float32(down), np.float32(down * down), np.float32(counts)
    for i in range(_padded(count)):
        across = at - columns[i]
        xx = across * across
        square = xx + yy + bends[0, i] * (xx + yy) + bends[1, i] * (xx - yy) + bends[2, i] * across * y
        weights[i] = strength / (square * np.sqrt(np.sqrt(square)))


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
def _add(weights: Floats, sums: Floats, p: float, q: float, r: float, count: int) -> None:
    """Add three values, as each pixel weighs them, to what it has gathered."""
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
    down: int,
    counts: float,
    far: float,
    gap: float,
    sums: Floats,
    bends: Floats,
    origin: int,
    begin: int,
    end: int,
) -> None:
    """Add what the known pixels straight above or below show, if they and those around them are background.

    One pixel for a whole line of them: it counts for about as many as it is rows away (the power of 0.75 is measured).
    """
    last, square, counts = near.shape[2] - 1, float(down * down), counts * float(abs(down)) ** 0.75
    towards = j - 1 if down > 0 else j + 1
    for x in range(begin, end):
        beside = max(near[t, j, max(x - 1, 0)], near[t, j, min(x + 1, last)])
        nearest = max(near[t, j, x], near[t, towards, x])
        belongs = _belonging(max(nearest, beside) if beside < FAR else nearest, far, gap)
        if belongs == 0.0:
            continue
        i = x - origin
        way = square * (np.float32(1) + bends[0, i] - bends[1, i])
        weight = counts * belongs / (way * np.sqrt(np.sqrt(way)))
        for c in range(3):
            sums[c * PIECE_PX + i] += weight * right[t, c, j, x]
        sums[3 * PIECE_PX + i] += weight
