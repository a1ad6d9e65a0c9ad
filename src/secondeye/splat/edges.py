"""Clean-up at the edges of things, for depth whose edges lie beside those of the picture.

Depth edges are often too soft or a px too narrow. Pixels of the foreground that have background depth stay behind
as a ghost beside the hole. Widening the foreground's disparity takes them along; widening the hole paints them over.
"""

from typing import Any

import numpy as np
import torch
from numba import uint64
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import max_pool2d

from secondeye.compiled import kernel, run_rows, step
from secondeye.errors import InputError

EDGE_PX = 1.0
"""Differences of disparity below are slopes of one surface; dilating those would move the surface."""


def dilate_foreground(disparity: Tensor, radius_px: int, *, edge_px: float = EDGE_PX) -> Tensor:
    """Widen what is near by `radius_px` at depth edges.

    A pixel takes the greatest disparity within the square around it where that exceeds its own by over `edge_px`.

    Args:
        disparity: (T, 1, H, W) float, px.
        radius_px: 0 leaves all as it is.
        edge_px: smaller differences are left alone.

    Returns:
        (T, 1, H, W) float.

    Raises:
        InputError: a negative radius.
    """
    return _grow(disparity, radius_px, edge_px)


def dilate_hole(hole: Tensor, radius_px: int) -> Tensor:
    """Widen holes by `radius_px` in all directions.

    Args:
        hole: (T, 1, H, W) bool, True = fill me.
        radius_px: 0 leaves all as it is.

    Returns:
        (T, 1, H, W) bool.

    Raises:
        InputError: a negative radius.
    """
    return _grow(hole, radius_px, 0.0)


def _grow(values: Tensor, radius_px: int, edge: float) -> Tensor:
    """Where it exceeds a value by over `edge`, the maximum of the square around it, cut off at the borders."""
    if radius_px < 0:
        raise InputError(f"radius {radius_px} px is negative; 0 leaves edges as they are")
    if radius_px == 0 or values.numel() == 0:
        return values
    if values.device.type != "cpu":
        greatest = max_pool2d(values.float(), 2 * radius_px + 1, stride=1, padding=radius_px)
        return torch.where(greatest - values.float() > edge, greatest.to(values.dtype), values)
    height, width = values.shape[-2:]
    grown = torch.empty_like(values, memory_format=torch.contiguous_format)
    rows_in, rows_out = (_rows(tensor.contiguous().view(-1, width)) for tensor in (values, grown))

    def band(first: int, stop: int) -> None:
        lines = np.empty((min(stop - first, height) + 2 * radius_px, width), rows_in.dtype)
        _grow_rows(rows_in, rows_out, lines, height, radius_px, edge, first, stop)

    run_rows(band, len(rows_in))
    return grown


def _rows(values: Tensor) -> NDArray[Any]:
    array: NDArray[Any] = values.numpy()
    return array.view(np.uint8) if array.dtype == np.bool_ else array


@step
def _widen_row(row: NDArray[Any], widened: NDArray[Any], radius: int) -> None:
    """Maximum over `radius` to either side."""
    width = uint64(row.shape[0])
    for x in range(width):
        widened[x] = row[x]
    for reach in range(1, min(radius, row.shape[0] - 1) + 1):
        shift = uint64(reach)
        for x in range(width - shift):
            widened[x] = max(widened[x], row[x + shift])
        for x in range(width - shift):
            widened[x + shift] = max(widened[x + shift], row[x])


@kernel
def _grow_rows(
    values: NDArray[Any],
    grown: NDArray[Any],
    lines: NDArray[Any],
    height: int,
    radius: int,
    edge: float,
    first: int,
    stop: int,
) -> None:
    """Grow rows [first, stop) of all frames; `lines` is scratch for the widened rows of one frame's part."""
    y = first
    while y < stop:
        frame_top = y // height * height
        end = min(stop, frame_top + height)
        top, bottom = max(y - radius, frame_top), min(end + radius, frame_top + height)
        for source in range(top, bottom):
            _widen_row(values[source], lines[source - top], radius)
        for target in range(y, end):
            highest, lowest = max(target - radius, top), min(target + radius + 1, bottom)
            line, own = grown[target], values[target]
            line[:] = lines[highest - top]
            for source in range(highest + 1, lowest):
                other = lines[source - top]
                for x in range(uint64(line.shape[0])):
                    line[x] = max(line[x], other[x])
            for x in range(uint64(line.shape[0])):
                line[x] = line[x] if line[x] - own[x] > edge else own[x]
        y = end
