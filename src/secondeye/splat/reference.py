"""The surface rule of `splat.surface` in plain torch, on any device: made to be read, and to test the kernels by.

The nearest of all that land on a column is the one with the greatest source index, so a maximum over indices does
what the kernels do by painting from left to right.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import pad

from secondeye.splat.surface import SurfaceRule, not_finite


def splat(rgb: Tensor, disparity: Tensor, rule: SurfaceRule) -> tuple[Tensor, Tensor]:
    """Splat by the surface rule; arguments, results and errors as in `numba_kernel.splat`."""
    if not bool(torch.isfinite(disparity).all()):
        raise not_finite(disparity)
    index = torch.arange(rgb.shape[3], device=rgb.device).expand(disparity.shape)
    landing = index.to(disparity.dtype) - disparity
    joined = same_surface(disparity, rule)
    clean = _clean_starts(rgb, disparity, joined, rule)
    source = _nearest_stretch(landing, joined, rule)
    cap, color, cover = _nearest_cap(clean, landing, joined)
    behind = source >= 0
    right = torch.where(behind, _interpolate(clean, landing, joined, source), 0.0)
    in_front = (cap > source) & (behind | (cover >= 0.5))
    right = torch.where(in_front, torch.where(behind, torch.lerp(right, color, cover), color), right)
    return right, ~(behind | in_front)


def same_surface(disparity: Tensor, rule: SurfaceRule) -> Tensor:
    """(T, 1, H, W) bool: is the next pixel on the same surface? False in the last column."""
    fall = disparity[..., :-1] - disparity[..., 1:]
    before, after = pad(fall, (1, 0))[..., :-1], pad(fall, (0, 1))[..., 1:]
    near = (fall > -1) & (fall <= rule.largest_step_px)
    slope = _alike(fall, before, rule.likeness) | _alike(fall, after, rule.likeness)
    slope &= (fall > 0) & (fall <= rule.steepest_slope_px)
    return pad(near | slope, (0, 1))


def _alike(step: Tensor, other: Tensor, likeness: float) -> Tensor:
    return (other * likeness >= step) & (other <= step * likeness)


def _shifted(values: Tensor, by: int) -> Tensor:
    """At x the value of x + by; the border's own value beyond it."""
    width = values.shape[-1]
    return values[..., (torch.arange(width, device=values.device) + by).clamp(0, width - 1)]


def _clean_starts(rgb: Tensor, disparity: Tensor, joined: Tensor, rule: SurfaceRule) -> Tensor:
    """Colours, those of first pixels right of a foreground without the foreground's share."""
    falls = _shifted(disparity, -1) > disparity
    start = joined & falls & ~_shifted(joined, -1)
    contrast = _shifted(rgb, -1) - _shifted(rgb, 1)
    along = (contrast * (rgb - _shifted(rgb, 1))).sum(1, keepdim=True)
    share = (along / (contrast.square().sum(1, keepdim=True) + rule.faint_contrast)).clamp(0, 1)
    return torch.where(start, rgb - share * contrast, rgb)


def _largest(codes: Tensor, columns: Tensor, valid: Tensor, into: Tensor) -> Tensor:
    """Into each column the largest of the codes that fall on it, and what was there."""
    width = codes.shape[-1]
    valid = valid & (columns >= 0) & (columns < width)
    target = torch.where(valid, columns, width).long()
    return pad(into, (0, 1)).scatter_reduce(-1, target, codes, "amax")[..., :width]


def _nearest_stretch(landing: Tensor, joined: Tensor, rule: SurfaceRule) -> Tensor:
    """(T, 1, H, W) int64: for each column the last pixel whose stretch to the next covers it, or -1."""
    index = torch.arange(landing.shape[-1], device=landing.device).expand(landing.shape)
    source = torch.full_like(index, -1)
    end = _shifted(landing, 1)
    most = math.ceil(1 + max(rule.largest_step_px, rule.steepest_slope_px)) + 1
    for n in range(most):
        column = landing.ceil() + n
        source = _largest(index, column, joined & (column < end), source)
    return source


def _nearest_cap(clean: Tensor, landing: Tensor, joined: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """For each column: the pixel (-1: none), colour and cover of the nearest surface that ends there."""
    index = torch.arange(landing.shape[-1], device=landing.device).expand(landing.shape)
    starts = ~_shifted(joined, -1)
    starts[..., 0] = True
    left, right = landing.ceil() - 1, landing.ceil()
    code = _largest(2 * index, left, starts & (landing - left < 1), torch.full_like(index, -1))
    code = _largest(2 * index + 1, right, ~joined, code)
    pixel = code.div(2, rounding_mode="floor")
    distance = index.to(landing.dtype) - landing.gather(-1, pixel.clamp(min=0))
    return pixel, _pick(clean, pixel), torch.where(pixel >= 0, 1 - distance.abs(), 0.0)


def _pick(colors: Tensor, index: Tensor) -> Tensor:
    return colors.gather(-1, index.clamp(0, colors.shape[-1] - 1).expand_as(colors))


def _interpolate(colors: Tensor, landing: Tensor, joined: Tensor, source: Tensor) -> Tensor:
    """Catmull-Rom's cubic between pixel `source` and the next, where the column lies between the two."""
    i = source.clamp(min=0)
    column = torch.arange(landing.shape[-1], device=landing.device, dtype=landing.dtype)
    at, after = landing.gather(-1, i), _pick(landing, i + 1)
    t = (column - at) / (after - at)
    b, c = _pick(colors, i), _pick(colors, i + 1)
    has_before = (i > 0) & _pick(joined, i - 1)
    has_after = _pick(joined, i + 1)
    a = torch.where(has_before, _pick(colors, i - 1), 2 * b - c)
    d = torch.where(has_after, _pick(colors, i + 2), 2 * c - b)
    low, high = torch.minimum(b, c), torch.maximum(b, c)
    low = torch.minimum(torch.where(has_before, torch.minimum(low, a), low), torch.where(has_after, d, low))
    high = torch.maximum(torch.where(has_before, torch.maximum(high, a), high), torch.where(has_after, d, high))
    value = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    return torch.minimum(torch.maximum(value, low), high)
