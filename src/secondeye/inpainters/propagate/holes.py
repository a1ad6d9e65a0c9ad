"""Where the holes of one frame are, and which background each belongs to.

    left view     b b b F F F h h B B B B       F covers h, the background that the right eye sees beside B
    right view    b F F F o o B B B B           o is h: at o + disparity of the background

Runs of hole pixels are gathered in cells: those of a few rows whose background begins in the same place move alike,
and are followed together by the background beside them, their support.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from secondeye.compiled import kernel, run_rows, step

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int32]

SAME_SURFACE_PX = 3.0
"""Runs of one cell whose backgrounds differ by more belong to two surfaces."""

SURFACES = 3
"""Most surfaces that begin in one place."""


class Holes(NamedTuple):
    """The runs of one frame's holes, in order of their cells.

    Attributes:
        runs: (R, 5) row, first column, column after the last, column of the left view where the background begins,
            and on which side that is: 1 right, -1 left.
        surface: (R,) px, disparity of that background.
        first: (C + 1,) index of each cell's first run, and R.
    """

    runs: Ints
    surface: Floats
    first: Ints


def find_holes(hole: Bools, disparity: Floats, cell_px: int) -> Holes:
    """Gather the holes (H, W) of a frame by the disparity (H, W) of its left view, in cells of `cell_px` a side."""
    height, width = hole.shape
    counts = np.zeros(height + 1, np.int32)
    run_rows(lambda start, stop: _count_rows(hole, counts, start, stop), height)
    first = np.cumsum(counts, dtype=np.int32)
    runs, surface = np.empty((first[-1], 5), np.int32), np.empty(first[-1], np.float32)
    if not len(runs):
        return Holes(runs, surface, np.zeros(1, np.int32))
    ends = (float(disparity.min()), float(disparity.max()))
    run_rows(lambda start, stop: _plan_rows(hole, disparity, first, runs, surface, *ends, start, stop), height)
    cells = _cells(runs, surface, cell_px, height // cell_px + 1, width // cell_px + 1)
    order = np.argsort(cells, kind="stable")
    order = order[np.searchsorted(cells[order], 0) :]
    number = cells[order]
    starts = np.searchsorted(number, np.arange(number[-1] + 2 if len(number) else 1)).astype(np.int32)
    return Holes(runs[order], surface[order], starts)


@kernel
def _count_rows(hole: Bools, counts: Ints, start: int, stop: int) -> None:
    """Runs of each row, one place further on."""
    for y in range(start, stop):
        count, before = 0, False
        for x in range(hole.shape[1]):
            count += hole[y, x] and not before
            before = hole[y, x]
        counts[y + 1] = count


@kernel
def _plan_rows(
    hole: Bools,
    disparity: Floats,
    first: Ints,
    runs: Ints,
    surface: Floats,
    least: float,
    most: float,
    start: int,
    stop: int,
) -> None:
    """Find the runs of some rows and the background of each; side 0 where nothing landed beside one."""
    width = hole.shape[1]
    for y in range(start, stop):
        x = 0
        for run in range(first[y], first[y + 1]):
            while not hole[y, x]:
                x += 1
            begin = x
            while x < width and hole[y, x]:
                x += 1
            before = _landed(hole[y], disparity[y], begin - 1, -1, least, most)
            after = _landed(hole[y], disparity[y], x, 1, least, most)
            side = 0
            if after >= 0 and (before < 0 or disparity[y, after] <= disparity[y, before]):
                side = 1
            elif before >= 0:
                side = -1
            edge = after if side == 1 else before
            runs[run, 0], runs[run, 1], runs[run, 2], runs[run, 3], runs[run, 4] = y, begin, x, edge, side
            surface[run] = disparity[y, edge] if side else 0.0


@step
def _landed(hole: Bools, disparity: Floats, edge: int, outwards: int, least: float, most: float) -> int:
    """The pixel of the left view's row that landed nearest on the known column `edge`, or up to two beyond; or -1."""
    width = len(hole)
    for away in range(3):
        column = edge + outwards * away
        if column < 0 or column >= width or hole[column]:
            return -1
        lowest = max(int(np.floor(column + least - 0.5)), 0)
        x = min(int(np.ceil(column + most + 0.5)), width - 1)
        while x >= lowest:  # the further right of two that land in one place is the nearer one
            if abs(x - disparity[x] - column) <= 0.5:
                return x
            x -= 1
    return -1


@kernel
def _cells(runs: Ints, surface: Floats, cell_px: int, down: int, across: int) -> Ints:
    """The number of each run's cell, -1 for runs without background."""
    table = np.full((down, across, 2, SURFACES), -1, np.int32)
    first_surface = np.zeros(len(runs), np.float32)
    numbers = np.full(len(runs), -1, np.int32)
    count = 0
    for run in range(len(runs)):
        if runs[run, 4] == 0:
            continue
        y, x, side = runs[run, 0] // cell_px, runs[run, 3] // cell_px, (runs[run, 4] + 1) // 2
        for place in range(SURFACES):
            known = table[y, x, side, place]
            if known < 0:
                table[y, x, side, place] = known = count
                first_surface[count] = surface[run]
                count += 1
            if abs(first_surface[known] - surface[run]) <= SAME_SURFACE_PX:
                numbers[run] = known
                break
    return numbers
