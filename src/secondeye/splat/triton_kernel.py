# mypy: disable-error-code="no-untyped-def, no-untyped-call"
# ruff: noqa: N803 (constants of a kernel are written large, as everywhere in Triton)
"""The surface rule of `splat.surface` on CUDA, in two kernels.

The first lands every pixel and keeps, for each column, the greatest index that falls on it: by the rule, the nearest.
A maximum does not depend on the order of its arguments, so results are the same in every run. The second looks up
what each column shows; it reads every colour about once and writes every result once.
"""

import math

import torch
import triton
import triton.language as tl
from torch import Tensor

from secondeye.splat.surface import SurfaceRule, not_finite

BLOCK = 256
"""Pixels of a row that one program handles."""


@triton.jit
def _fall(line, i, width):
    """Disparity of pixel i less that of the next; 0 outside the row."""
    inside = (i >= 0) & (i + 1 < width)
    return tl.load(line + i, inside, 0.0) - tl.load(line + i + 1, inside, 0.0)


@triton.jit
def _alike(step, other, likeness):
    return (other * likeness >= step) & (other <= step * likeness)


@triton.jit
def _is_joined(line, i, width, largest, steepest, likeness):
    fall = _fall(line, i, width)
    near = (fall > -1.0) & (fall <= largest)
    slope = _alike(fall, _fall(line, i - 1, width), likeness) | _alike(fall, _fall(line, i + 1, width), likeness)
    return (near | (slope & (fall > 0.0) & (fall <= steepest))) & (i >= 0) & (i + 1 < width)


@triton.jit(do_not_specialize=["width"])
def _land_kernel(
    disparity, source, cap, joined, bad, width, largest, steepest, likeness, MOST: tl.constexpr, BLOCK: tl.constexpr
):
    row = tl.program_id(0).to(tl.int64) * width
    i = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = i < width
    value = tl.load(disparity + row + i, inside, 0.0)
    wrong = inside & ~(tl.abs(value) <= 3.4028234663852886e38)
    tl.atomic_max(bad + i * 0, wrong.to(tl.int32), wrong)
    landing = i.to(tl.float32) - value
    here = _is_joined(disparity + row, i, width, largest, steepest, likeness)
    tl.store(joined + row + i, here.to(tl.int8), inside)
    column = tl.ceil(tl.clamp(landing, -2.0, width + 1.0)).to(tl.int32)
    after = (i + 1).to(tl.float32) - tl.load(disparity + row + i + 1, i + 1 < width, 0.0)
    for n in tl.static_range(MOST):
        x = column + n
        tl.atomic_max(source + row + x, i, here & (x.to(tl.float32) < after) & (x >= 0) & (x < width))
    starts = inside & ~_is_joined(disparity + row, i - 1, width, largest, steepest, likeness)
    x = column - 1
    tl.atomic_max(cap + row + x, 2 * i, starts & (x >= 0) & (x < width) & (landing - x.to(tl.float32) < 1.0))
    tl.atomic_max(cap + row + column, 2 * i + 1, inside & ~here & (column >= 0) & (column < width))


@triton.jit
def _foreground_share(rgb, line, joined, i, width, plane, faint, valid, CHANNELS: tl.constexpr):
    """What of pixel i is foreground, if it is the first of a surface right of a nearer one; else 0."""
    valid = valid & (i > 0) & (i + 1 < width)
    starts = valid & (tl.load(joined + i - 1, valid, 1) == 0) & (tl.load(joined + i, valid, 0) != 0)
    starts = starts & (tl.load(line + i - 1, starts, 0.0) > tl.load(line + i, starts, 0.0))
    along = tl.zeros_like(i).to(tl.float32)
    across = along + faint
    for channel in tl.static_range(CHANNELS):
        background = tl.load(rgb + channel * plane + i + 1, starts, 0.0)
        contrast = tl.load(rgb + channel * plane + i - 1, starts, 0.0) - background
        across += contrast * contrast
        along += contrast * (tl.load(rgb + channel * plane + i, starts, 0.0) - background)
    return tl.where(starts, tl.clamp(along / across, 0.0, 1.0), 0.0)


@triton.jit
def _clean(rgb, i, share, valid):
    """Colour of pixel i without its share of the foreground."""
    mixed = valid & (share > 0.0)
    contrast = tl.load(rgb + i - 1, mixed, 0.0) - tl.load(rgb + i + 1, mixed, 0.0)
    return tl.load(rgb + i, valid, 0.0) - share * contrast


@triton.jit
def _cubic(a, b, c, d, t, has_a, has_d):
    low, high = tl.minimum(b, c), tl.maximum(b, c)
    low, high = tl.where(has_a, tl.minimum(low, a), low), tl.where(has_a, tl.maximum(high, a), high)
    low, high = tl.where(has_d, tl.minimum(low, d), low), tl.where(has_d, tl.maximum(high, d), high)
    a, d = tl.where(has_a, a, 2.0 * b - c), tl.where(has_d, d, 2.0 * c - b)
    value = b + 0.5 * t * (c - a + t * (2.0 * a - 5.0 * b + 4.0 * c - d + t * (3.0 * (b - c) + d - a)))
    return tl.minimum(tl.maximum(value, low), high)


@triton.jit(do_not_specialize=["height", "width"])
def _draw_kernel(
    rgb, disparity, source, cap, joined, right, hole, height, width, faint, CHANNELS: tl.constexpr, BLOCK: tl.constexpr
):
    number = tl.program_id(0).to(tl.int64)
    row = number * width
    plane = height.to(tl.int64) * width
    first = (number // height) * CHANNELS * plane + (number % height) * width
    x = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = x < width
    line, joined, rgb = disparity + row, joined + row, rgb + first
    i = tl.load(source + row + x, inside, -1)
    code = tl.load(cap + row + x, inside, -1)
    j = code >> 1
    behind, front = i >= 0, (code >= 0) & (j > i)
    distance = x.to(tl.float32) - (j.to(tl.float32) - tl.load(line + j, front, 0.0))
    cover = 1.0 - tl.abs(distance)
    front = front & (behind | (cover >= 0.5))
    tl.store(hole + row + x, ~(behind | front), inside)
    at = i.to(tl.float32) - tl.load(line + i, behind, 0.0)
    after = (i + 1).to(tl.float32) - tl.load(line + i + 1, behind, 0.0)
    t = (x.to(tl.float32) - at) / tl.where(behind, after - at, 1.0)
    has_a = behind & (i > 0) & (tl.load(joined + i - 1, behind & (i > 0), 0) != 0)
    has_d = behind & (tl.load(joined + i + 1, behind, 0) != 0)
    share_a = _foreground_share(rgb, line, joined, i - 1, width, plane, faint, has_a, CHANNELS)
    share_b = _foreground_share(rgb, line, joined, i, width, plane, faint, behind, CHANNELS)
    share_j = _foreground_share(rgb, line, joined, j, width, plane, faint, front, CHANNELS)
    for channel in tl.static_range(CHANNELS):
        colors = rgb + channel * plane
        a, b = _clean(colors, i - 1, share_a, has_a), _clean(colors, i, share_b, behind)
        c, d = tl.load(colors + i + 1, behind, 0.0), tl.load(colors + i + 2, has_d, 0.0)
        color = _cubic(a, b, c, d, t, has_a, has_d)
        over = tl.where(behind, cover, 1.0) * (_clean(colors, j, share_j, front) - color)
        tl.store(right + first + channel * plane + x, tl.where(front, color + over, color), inside)


def splat(rgb: Tensor, disparity: Tensor, rule: SurfaceRule) -> tuple[Tensor, Tensor]:
    """Splat by the surface rule; arguments, results and errors as in `numba_kernel.splat`, on a CUDA device."""
    frames, channels, height, width = rgb.shape
    rgb, disparity = rgb.contiguous(), disparity.contiguous()
    right, hole = torch.empty_like(rgb), torch.empty_like(disparity, dtype=torch.bool)
    source = torch.full_like(disparity, -1, dtype=torch.int32)
    cap = torch.full_like(disparity, -1, dtype=torch.int32)
    joined = torch.empty_like(disparity, dtype=torch.int8)
    bad = torch.zeros(1, dtype=torch.int32, device=rgb.device)
    grid = (frames * height, triton.cdiv(width, BLOCK))
    most = math.ceil(1 + max(rule.largest_step_px, rule.steepest_slope_px)) + 1
    numbers = (rule.largest_step_px, rule.steepest_slope_px, rule.likeness)
    _land_kernel[grid](
        disparity, source, cap, joined, bad, width, *numbers, MOST=most, BLOCK=BLOCK, enable_fp_fusion=True
    )
    tensors = (rgb, disparity, source, cap, joined, right, hole)
    options = {"CHANNELS": channels, "BLOCK": BLOCK, "enable_fp_fusion": True}
    _draw_kernel[grid](*tensors, height, width, rule.faint_contrast, **options)
    if bad.item():
        raise not_finite(disparity)
    return right, hole
