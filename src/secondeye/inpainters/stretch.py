"""Stretch the background into each hole, row by row; the foreground never smears.

    left view      b b b F F F b b b        F nearer than b, so the right eye sees it further left
    right view     b F F F o o b b b        o nobody saw: it lies right of what moved, whatever the sign of disparity

A hole's two neighbours in the right view are compared by the disparity of the left pixels that landed there: the
smaller one is farther, and its colour fills the hole. Only relative disparity decides, so a convergence that turns
all signs round changes nothing. At a frame border there is one neighbour, and it is taken.

Measured on five Middlebury pairs with true disparity, PSNR in the inner holes: plain nearest background 17.3 dB,
stepping over mixed edge pixels 18.1 dB, blending rows as well 18.7 dB; OpenCV's Telea 16.4 dB.
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

BLENDED_ROWS = 4.0
"""Most rows up and down that a filled pixel is blended with; reached BLENDED_ROWS / BLEND_GROWTH px into a hole."""

BLEND_GROWTH = 0.5


class Stretch:
    """Fills holes from the background side; see the module."""

    needs = Needs(window=1, exact=True)

    def __init__(self, in_place: bool) -> None:
        self._in_place = in_place

    def inpaint(self, clips: Iterator[WarpedClip]) -> Iterator[StereoClip]:
        """Yield each clip with its holes filled; known pixels pass bit for bit."""
        for clip in clips:
            right = clip.right if self._in_place else clip.right.clone()
            yield StereoClip(clip.left, replace(clip.left, rgb=fill(right, clip)))


def build(in_place: bool = False) -> Stretch:
    """The stretching inpainter; takes no weights.

    Args:
        in_place: write into `WarpedClip.right` itself, which saves one copy of every frame where the caller has no
            further use for it.
    """
    return Stretch(in_place)


def fill(right: Tensor, clip: WarpedClip) -> Tensor:
    """Write the holes of `clip` into `right`, (T, 3, H, W), and return it."""
    work = right.to("cpu", torch.float32).contiguous()
    planes = (cpu_array(clip.hole), cpu_array(clip.disparity), cpu_array(clip.left.rgb))
    _fill(work.numpy(), planes[0][:, 0], planes[1][:, 0], planes[2])
    return work if work.data_ptr() == right.data_ptr() else right.copy_(work)


def _fill(right: Floats, hole: Bools, disparity: Floats, left: Floats) -> None:
    """Fill `right` in place: plan every run of hole pixels in every row, then paint rows blended with their neighbours.

    A run's colour is that of one known pixel, so painting reads known pixels and writes holes: rows cannot disturb
    one another, and no buffer of the frame's size is needed.
    """
    frames, height, _ = hole.shape
    first = count_runs(hole)
    spans = np.empty((first[-1], 3), np.int32)
    surface = np.empty(first[-1], np.float32)
    run_rows(
        lambda start, stop: _plan_rows(right, hole, disparity, first, spans, surface, start, stop), frames * height
    )
    weights = _row_weights()
    run_rows(lambda start, stop: _paint_rows(right, left, first, spans, surface, weights, start, stop), frames * height)


@kernel
def _plan_rows(
    right: Floats, hole: Bools, disparity: Floats, first: Longs, spans: Ints, surface: Floats, start: int, stop: int
) -> None:
    """Plan the runs of some rows of all frames."""
    height = hole.shape[1]
    for row in range(start, stop):
        t, y = row // height, row % height
        runs = slice(first[row], first[row + 1])
        if first[row] < first[row + 1]:
            _plan_row(right[t, :, y], hole[t, y], landed_disparity(disparity[t, y]), spans[runs], surface[runs])


@kernel
def _paint_rows(
    right: Floats, left: Floats, first: Longs, spans: Ints, surface: Floats, weights: Floats, start: int, stop: int
) -> None:
    """Paint the runs of some rows of all frames."""
    height = right.shape[2]
    for row in range(start, stop):
        t, y = row // height, row % height
        if first[row] < first[row + 1]:
            _paint_row(right[t], left[t], first[t * height : (t + 1) * height + 1], spans, surface, y, weights)


@step
def _plan_row(right: Floats, hole: Bools, near: Floats, spans: Ints, surface: Floats) -> None:
    """Say of each run of one row where it starts and stops, which known pixel fills it, and of which surface that is.

    A source of -1 means that nothing landed in the whole row.
    """
    width, start = len(hole), 0
    for run in range(len(spans)):
        while not hole[start]:
            start += 1
        stop = start
        while stop < width and hole[stop]:
            stop += 1
        before = disparity_beside(near, hole, start - 1, -1)
        after = disparity_beside(near, hole, stop, 1)
        spans[run, 0], spans[run, 1] = start, stop
        if start == 0 and stop == width:
            spans[run, 2], surface[run] = -1, NOTHING
        elif start == 0 or (stop < width and after <= before):
            spans[run, 2], surface[run] = background_px(right, hole, near, stop, 1, start - 1, after), after
        else:
            spans[run, 2], surface[run] = background_px(right, hole, near, start - 1, -1, stop, before), before
        start = stop


@step
def _paint_row(
    right: Floats, left: Floats, first: Longs, spans: Ints, surface: Floats, y: int, weights: Floats
) -> None:
    """Fill the holes of row y, each pixel averaged with its surface's fill above and below, further the deeper in.

    Args:
        right, left: (3, H, W).
        first: (H + 1,) index of each row's first run.
        spans: (runs, 3) start, stop and source column of every run of every frame.
        surface: (runs,) disparity of the source.
        y: the row.
        weights: as `_row_weights` gives them.
    """
    total = np.zeros((right.shape[2], 4), np.float32)  # red, green, blue and weight
    rows = len(weights) - 1
    for j in range(max(y - rows, 0), min(y + rows + 1, right.shape[1])):
        other = first[j]
        for run in range(first[y], first[y + 1]):
            while other < first[j + 1] and spans[other, 1] <= spans[run, 0]:
                other += 1
            while other < first[j + 1] and spans[other, 0] < spans[run, 1]:
                if abs(surface[other] - surface[run]) <= SAME_SURFACE_PX:
                    _add_run(total, left if spans[other, 2] < 0 else right, j, spans, other, run, weights[abs(j - y)])
                if spans[other, 1] > spans[run, 1]:
                    break  # it may reach into this row's next run, too
                other += 1
    for run in range(first[y], first[y + 1]):
        for x in range(spans[run, 0], spans[run, 1]):
            for c in range(3):
                right[c, y, x] = min(total[x, c] / total[x, 3], np.float32(1))


@step
def _add_run(total: Floats, view: Floats, j: int, spans: Ints, other: int, run: int, weights: Floats) -> None:
    """Add the fill of run `other`, in row j of `view`, to `total` (W, 4) wherever `run` has pixels to fill."""
    start, stop, source = spans[run, 0], spans[run, 1], spans[run, 2]
    copied = max(spans[other, 2], 0)
    red, green, blue = view[0, j, copied], view[1, j, copied], view[2, j, copied]
    deepest = len(weights) - 1
    for x in range(max(start, spans[other, 0]), min(stop, spans[other, 1])):
        depth = 0 if source < 0 else (stop - x if source >= stop else x - start + 1)
        if spans[other, 2] < 0:
            red, green, blue = view[0, j, x], view[1, j, x], view[2, j, x]
        weight = weights[min(depth, deepest)]
        total[x, 0] += weight * red
        total[x, 1] += weight * green
        total[x, 2] += weight * blue
        total[x, 3] += weight


def _row_weights() -> Floats:
    """(rows away, px deep): what that row counts in a pixel's average; the last depth stands for all beyond."""
    deepest = int(np.ceil(BLENDED_ROWS / BLEND_GROWTH))
    weights = np.zeros((int(BLENDED_ROWS) + 1, deepest + 1), np.float32)
    for depth in range(deepest + 1):
        reach = min(BLENDED_ROWS, BLEND_GROWTH * depth)
        for away in range(int(reach) + 1):
            weights[away, depth] = 1.0 - away / (reach + 1.0)
    return weights
