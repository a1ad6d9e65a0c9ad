"""Runs of hole pixels along rows, and what lies at their ends: the words of fillings that go row by row.

right view     b F F F o o b b b        o a run; its ends are the known pixels beside it, F and b
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from secondeye.compiled import kernel, run_rows, step

Floats = NDArray[np.float32]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]

SAME_SURFACE_PX = 3.0
"""Pixels whose disparities differ by less belong to one surface."""

MIXED_SHARE = 0.3
"""Share of foreground colour above which a background edge pixel is stepped over (0.2 and 0.4 cost 0.05 dB)."""

LONGEST_STEP_PX = 2
"""Anti-aliasing and chroma subsampling mix about that many pixels at an edge."""

NOTHING = np.float32(-1e9)
"""Disparity where nothing landed; below every real one."""


def cpu_array(values: Tensor) -> NDArray[Any]:
    """As a contiguous CPU array, bool or float32, without a copy where possible."""
    kind = torch.bool if values.dtype == torch.bool else torch.float32
    array: NDArray[Any] = values.to("cpu", kind).contiguous().numpy()
    return array


def count_runs(hole: Bools) -> Longs:
    """(T * H + 1,): which run is the first of each row of (T, H, W), counted through; the last one is their number."""
    frames, height, _ = hole.shape
    first = np.zeros(frames * height + 1, np.int64)
    run_rows(lambda start, stop: _count_rows(hole, first, start, stop), frames * height)
    return np.cumsum(first, out=first)


@kernel
def _count_rows(hole: Bools, first: Longs, start: int, stop: int) -> None:
    """Runs of each row, one place further on, so that their cumulative sum is the index of each row's first."""
    height = hole.shape[1]
    for row in range(start, stop):
        first[row + 1] = _count_runs(hole[row // height, row % height])


@step
def _count_runs(hole: Bools) -> int:
    """How many runs of hole pixels a row has."""
    count, before = 0, False
    for x in range(len(hole)):
        count += hole[x] and not before
        before = hole[x]
    return count


@step
def landed_disparity(disparity: Floats) -> Floats:
    """The greatest disparity that landed on each pixel of one row of the right view, else NOTHING."""
    width = np.float32(len(disparity))
    near = np.full(len(disparity), NOTHING, np.float32)
    middle = np.float32(0.5)  # x + 0.5, all in float32: twice as fast
    for x in range(len(disparity)):
        position = middle - disparity[x]
        middle += np.float32(1)
        if position >= np.float32(0) and position < width:
            landing = np.uint32(np.int32(position))  # unsigned: no test for an index from the end
            if disparity[x] > near[landing]:
                near[landing] = disparity[x]
    return near


@step
def disparity_beside(near: Floats, hole: Bools, edge: int, outwards: int) -> float:
    """Disparity at a hole's neighbour, or of the known pixel one or two further where none landed on it squarely."""
    for away in range(3):
        x = edge + outwards * away
        if x < 0 or x >= len(near) or hole[x]:
            break
        if near[x] > NOTHING:
            return float(near[x])
    return float(NOTHING)


@step
def background_px(
    right: Floats, hole: Bools, near: Floats, edge: int, outwards: int, opposite: int, surface: float
) -> int:
    """The background pixel to copy: the hole's neighbour, or one beyond it where that is mixed with foreground."""
    width = len(hole)
    foreground = opposite - outwards
    if not 0 <= foreground < width or hole[foreground]:
        return edge
    reach = 0  # how far the same surface goes on, so that no step leaves it
    while reach < 2 * LONGEST_STEP_PX:
        x = edge + outwards * (reach + 1)
        if not 0 <= x < width or hole[x]:
            break
        if near[x] > NOTHING and abs(near[x] - surface) > SAME_SURFACE_PX:
            break
        reach += 1
    taken = 0
    while taken < min(LONGEST_STEP_PX, reach - 1):
        clean = edge + outwards * min(taken + 2, reach)
        if mixed_share(right, edge + outwards * taken, clean, foreground) < MIXED_SHARE:
            break
        taken += 1
    return edge + outwards * taken


@step
def mixed_share(right: Floats, x: int, clean: int, foreground: int) -> float:
    """How far the colour at x lies on the way from the one at `clean` (0) to the one at `foreground` (1)."""
    along, length = 0.0, 1e-4
    for c in range(3):
        way = right[c, foreground] - right[c, clean]
        along += way * (right[c, x] - right[c, clean])
        length += way * way
    return along / length
