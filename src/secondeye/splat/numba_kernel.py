# mypy: disable-error-code="no-any-return"
"""The surface rule of `splat.surface` on the CPU: one row at a time, in a few passes that the compiler vectorises.

A row's work fits in the cache. Runs of pixels that land on consecutive columns are drawn with contiguous loads;
everything that is particular to the ends of a surface is drawn afterwards, pixel by pixel, since ends are few.
Indices of the long loops are unsigned, because numba's test for negative indices would keep them from vectorising.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from numba import float32, int32, uint8, uint64
from numpy.typing import NDArray
from torch import Tensor

from secondeye.compiled import kernel, run_rows, step
from secondeye.splat.surface import SurfaceRule, not_finite

Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]

FINITE = np.finfo(np.float32).max

MARGIN = 8
"""Columns kept on either side of a row, so that what lands just outside needs no test."""

NOTHING = -2
"""In `source`; not -1, which would look like the pixel before the first."""

VECTOR = 8
"""Spans are rounded up to so many pixels; what is drawn too far is drawn over by what follows."""


class Row(NamedTuple):
    """Scratch of one row of W pixels; by source pixel, unless a comment says by target column."""

    landing: NDArray[np.float32]  # x - disparity
    column: NDArray[np.int32]  # first whole column at or right of it
    per_px: NDArray[np.float32]  # 1 / distance to where the next pixel lands
    joined: NDArray[np.uint8]  # is the next pixel on the same surface?
    breaks: NDArray[np.uint8]  # ends a run of consecutive columns? (by source, then by target)
    words: NDArray[np.uint64]  # the same memory as `breaks`, eight at a time
    runs: NDArray[np.int32]  # last pixels of the runs, in order
    ends: NDArray[np.int32]  # last pixels of the surfaces, in order
    clean: NDArray[np.float32]  # (C, W) colours of first pixels without the foreground beside them
    cleaned: NDArray[np.uint8]  # does `clean` hold?
    source: NDArray[np.int32]  # by target, MARGIN on: last pixel whose stretch covers the column, or NOTHING
    cap: NDArray[np.int32]  # by target: the nearest cap, 2 * pixel + (1 if right), or -1
    number: NDArray[np.int32]  # 0, 1, 2, ...
    place: NDArray[np.float32]  # 0.0, 1.0, 2.0, ...


class Planes(NamedTuple):
    """One row in all its channels: channel c is `values[first + c * stride]`."""

    values: NDArray[np.float32]
    first: int
    stride: int
    channels: int


def _scratch(width: int, channels: int) -> Row:
    words = np.zeros(width // 8 + 1, np.uint64)
    return Row(
        landing=np.empty(width, np.float32),
        column=np.empty(width, np.int32),
        per_px=np.empty(width, np.float32),
        joined=np.empty(width, np.uint8),
        breaks=words.view(np.uint8),
        words=words,
        runs=np.empty(width, np.int32),
        ends=np.empty(width, np.int32),
        clean=np.empty((channels, width), np.float32),
        cleaned=np.zeros(width, np.uint8),
        source=np.empty(width + 2 * MARGIN, np.int32),
        cap=np.full(width, -1, np.int32),
        number=np.arange(width, dtype=np.int32),
        place=np.arange(width, dtype=np.float32),
    )


@step
def _land(disparity: Floats, row: Row, rule: SurfaceRule) -> int:
    """Where each pixel lands and which neighbours are one surface; returns whether a disparity is not finite."""
    landing, column, joined, per_px, breaks = row.landing, row.column, row.joined, row.per_px, row.breaks
    beyond, largest = float32(disparity.shape[0] + 1), float32(rule.largest_step_px)
    bad = uint8(0)
    for i in range(uint64(disparity.shape[0])):
        x = row.place[i] - disparity[i]
        bad |= uint8(not (abs(x) <= FINITE))
        landing[i] = x
        column[i] = int32(np.ceil(min(max(x, float32(-2)), beyond)))
    last = uint64(disparity.shape[0] - 1)
    for i in range(last):
        step = disparity[i] - disparity[i + uint64(1)]
        same = (step > float32(-1)) & (step <= largest)
        joined[i] = same
        breaks[i] = uint8((column[i + uint64(1)] - column[i] != 1) | (not same))
        per_px[i] = float32(1) / (landing[i + uint64(1)] - landing[i])
    joined[last] = 0
    breaks[last] = 1
    return bad


@step
def _list_runs(row: Row) -> int:
    """Write the positions of the breaks to `runs`; returns how many."""
    breaks, words, runs = row.breaks, row.words, row.runs
    count = 0
    for word in range(words.shape[0]):
        if words[word]:
            for i in range(8 * word, 8 * word + 8):
                if breaks[i]:
                    runs[count] = i
                    count += 1
    return count


@step
def _is_slope(fall: float, before: float, after: float, rule: SurfaceRule) -> bool:
    likeness = float32(rule.likeness)
    like_before = (before * likeness >= fall) & (before <= fall * likeness)
    like_after = (after * likeness >= fall) & (after <= fall * likeness)
    return (fall > 0) & (fall <= float32(rule.steepest_slope_px)) & (like_before | like_after)


@step
def _paint(disparity: Floats, row: Row, rule: SurfaceRule) -> int:
    """Note for each column the pixel that covers it: from left to right, so that the nearest is what stays."""
    column, joined, source, number = row.column, row.joined, row.source, row.number
    width = disparity.shape[0]
    source[:] = NOTHING
    surfaces = start = 0
    for run in range(_list_runs(row)):
        end = row.runs[run]
        first, target = uint64(start), uint64(column[start] + MARGIN)
        for j in range(uint64(end - start)):
            source[target + j] = number[first + j]
        if not joined[end] and end + 1 < width:
            before = disparity[end - 1] - disparity[end] if end > 0 else float32(0)
            after = disparity[end + 1] - disparity[end + 2] if end + 2 < width else float32(0)
            joined[end] = _is_slope(disparity[end] - disparity[end + 1], before, after, rule)
        if joined[end]:
            for x in range(column[end] + MARGIN, column[end + 1] + MARGIN):
                source[x] = end
        else:
            row.ends[surfaces] = end
            surfaces += 1
        start = end + 1
    return surfaces


@step
def _catmull_rom(a: float, b: float, c: float, d: float, t: float) -> float:
    return b + float32(0.5) * t * (
        c - a + t * (float32(2) * a - float32(5) * b + float32(4) * c - d + t * (float32(3) * (b - c) + d - a))
    )


@step
def _draw_run(rgb: Planes, right: Planes, row: Row, column: int, start: int, count: int) -> None:
    """Columns from `column` on show the surface from pixel `start` on, one pixel for each."""
    values, drawn, place, landing, per_px = rgb.values, right.values, row.place, row.landing, row.per_px
    for channel in range(rgb.channels):
        line = uint64(rgb.first + channel * rgb.stride)
        for j in range(count):
            i = start + j
            t = (place[column + j] - landing[i]) * per_px[i]
            a, b = values[line, i - uint64(1)], values[line, i]
            c, d = values[line, i + uint64(1)], values[line, i + uint64(2)]
            low = min(a, b, c, d)
            high = max(a, b, c, d)
            drawn[line, column + j] = min(max(_catmull_rom(a, b, c, d, t), low), high)


@step
def _draw(rgb: Planes, right: Planes, hole: Flags, row: Row) -> None:
    """Draw all columns as if no surface ended; clear the holes."""
    source, breaks, runs, drawn = row.source, row.breaks, row.runs, right.values
    width = hole.shape[0]
    last = uint64(width - 1)
    for x in range(last):
        here = source[x + uint64(MARGIN)]
        hole[x] = here < 0
        breaks[x] = uint8(here + 1 != source[x + uint64(MARGIN + 1)])
    hole[last] = source[last + uint64(MARGIN)] < 0
    breaks[last] = 1
    start = 0
    for run in range(_list_runs(row)):
        stop = runs[run] + 1
        i = source[start + MARGIN]
        if i < 0:
            for channel in range(rgb.channels):
                drawn[rgb.first + channel * rgb.stride, start] = 0
        else:
            x = start + (i == 0)
            i += i == 0
            rounded = (stop - x + VECTOR - 1) // VECTOR * VECTOR
            count = min(rounded, width - x, width - 2 - i)
            if count > 0:
                _draw_run(rgb, right, row, uint64(x), uint64(i), uint64(count))
        start = stop


@step
def _clean_starts(rgb: Planes, disparity: Floats, row: Row, surfaces: int, rule: SurfaceRule) -> None:
    """Take the foreground out of the first pixel right of it: edges are mixed, and would leave a ghost."""
    values, joined, clean, cleaned = rgb.values, row.joined, row.clean, row.cleaned
    cleaned[:] = 0
    for surface in range(surfaces - 1):
        i = row.ends[surface] + 1
        cleaned[i] = joined[i] and disparity[i - 1] > disparity[i]
        if not cleaned[i]:
            continue
        across, along = float32(rule.faint_contrast), float32(0)
        for channel in range(rgb.channels):
            line = rgb.first + channel * rgb.stride
            contrast = values[line, i - 1] - values[line, i + 1]
            across += contrast * contrast
            along += contrast * (values[line, i] - values[line, i + 1])
        share = min(max(along / across, float32(0)), float32(1))
        for channel in range(rgb.channels):
            line = rgb.first + channel * rgb.stride
            clean[channel, i] = values[line, i] - share * (values[line, i - 1] - values[line, i + 1])


@step
def _list_ends(row: Row, surfaces: int) -> int:
    """Write to `runs` the pixels whose stretch to the next feels an end of its surface; returns how many."""
    runs, ends = row.runs, row.ends
    count = start = 0
    for surface in range(surfaces):
        end = ends[surface]
        for i in range(start, min(start + 2, end)):
            runs[count] = i
            count += 1
        if end - 1 >= start + 2:
            runs[count] = end - 1
            count += 1
        start = end + 1
    return count


@step
def _redraw_ends(rgb: Planes, right: Planes, row: Row, surfaces: int) -> None:
    """Draw again, now minding that a surface ends near by: no colour comes from beyond."""
    values, drawn, landing, joined, clean = rgb.values, right.values, row.landing, row.joined, row.clean
    width = landing.shape[0]
    for n in range(_list_ends(row, surfaces)):
        i = row.runs[n]
        for x in range(max(row.column[i], 0), min(row.column[i + 1], width)):
            if row.source[x + MARGIN] != i:
                continue
            t = (float32(x) - landing[i]) * row.per_px[i]
            for channel in range(rgb.channels):
                line = rgb.first + channel * rgb.stride
                b, c = clean[channel, i] if row.cleaned[i] else values[line, i], values[line, i + 1]
                low, high = min(b, c), max(b, c)
                a, d = float32(2) * b - c, float32(2) * c - b
                if i > 0 and joined[i - 1]:
                    a = clean[channel, i - 1] if row.cleaned[i - 1] else values[line, i - 1]
                    low, high = min(low, a), max(high, a)
                if joined[i + 1]:
                    d = values[line, i + 2]
                    low, high = min(low, d), max(high, d)
                drawn[line, x] = min(max(_catmull_rom(a, b, c, d, t), low), high)


@step
def _cap_cover(x: int, landing: float) -> float:
    return float32(1) - abs(float32(x) - landing)


@step
def _note_caps(row: Row, surfaces: int) -> None:
    """Note for each column the nearest surface that ends there and covers it in part."""
    column, landing, cap = row.column, row.landing, row.cap
    width = cap.shape[0]
    start = 0
    for surface in range(surfaces):
        end = row.ends[surface]
        x = column[start] - 1
        if 0 <= x < width and _cap_cover(x, landing[start]) > 0:
            cap[x] = 2 * start
        x = column[end]
        if 0 <= x < width and _cap_cover(x, landing[end]) > 0:
            cap[x] = 2 * end + 1
        start = end + 1


@step
def _lay_caps(rgb: Planes, right: Planes, hole: Flags, row: Row, surfaces: int) -> None:
    """Blend the caps over what lies behind them."""
    cap, drawn = row.cap, right.values
    width = cap.shape[0]
    for end_of in range(2 * surfaces):
        i = row.ends[end_of // 2] if end_of & 1 else (row.ends[end_of // 2 - 1] + 1 if end_of else 0)
        x = row.column[i] - 1 + (end_of & 1)
        if x < 0 or x >= width or cap[x] != 2 * i + (end_of & 1):
            continue
        cap[x] = -1
        behind, cover = row.source[x + MARGIN], _cap_cover(x, row.landing[i])
        if behind >= i or (behind < 0 and cover < float32(0.5)):
            continue
        share = cover if behind >= 0 else float32(1)
        for channel in range(rgb.channels):
            line = rgb.first + channel * rgb.stride
            color = row.clean[channel, i] if row.cleaned[i] else rgb.values[line, i]
            drawn[line, x] += share * (color - drawn[line, x])
        hole[x] = False


@kernel
def _splat_rows(
    rgb: Floats,
    disparity: Floats,
    right: Floats,
    hole: Flags,
    row: Row,
    channels: int,
    height: int,
    rule: SurfaceRule,
    first: int,
    stop: int,
) -> int:
    """Splat rows [first, stop) of all frames; returns the first that holds a disparity that is not finite, or -1."""
    for y in range(first, stop):
        if _land(disparity[y], row, rule):
            return y
        plane = y // height * channels * height + y % height
        source, target = Planes(rgb, plane, height, channels), Planes(right, plane, height, channels)
        surfaces = _paint(disparity[y], row, rule)
        _draw(source, target, hole[y], row)
        _clean_starts(source, disparity[y], row, surfaces, rule)
        _redraw_ends(source, target, row, surfaces)
        _note_caps(row, surfaces)
        _lay_caps(source, target, hole[y], row, surfaces)
    return -1


def _rows(planes: Tensor) -> Any:
    return planes.contiguous().view(-1, planes.shape[-1]).numpy()


def splat(rgb: Tensor, disparity: Tensor, rule: SurfaceRule) -> tuple[Tensor, Tensor]:
    """Splat by the surface rule, rows in parallel.

    Args:
        rgb: (T, C, H, W) float32 on the CPU.
        disparity: (T, 1, H, W) float32, px.
        rule: the numbers of the rule.

    Returns:
        right: (T, C, H, W), zero in holes.
        hole: (T, 1, H, W) bool.

    Raises:
        ContractError: a disparity is not finite.
    """
    frames, channels, height, width = rgb.shape
    right = torch.empty_like(rgb, memory_format=torch.contiguous_format)
    hole = torch.empty(disparity.shape, dtype=torch.bool)
    colors, shifts, drawn, holes = (_rows(tensor) for tensor in (rgb, disparity, right, hole))

    def band(first: int, stop: int) -> int:
        scratch = _scratch(width, channels)
        return int(_splat_rows(colors, shifts, drawn, holes, scratch, channels, height, rule, first, stop))

    bad = [row for row in run_rows(band, frames * height) if row >= 0]
    if bad:
        raise not_finite(disparity)
    return right, hole
