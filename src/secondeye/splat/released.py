"""The seeds' own splats, exactly as released, quirks included; for comparison and for weights trained on them.

StereoCrafter: four bilinear taps, weights 1.414 ** disparity, a soft mask; loses the last row and border taps.
M2SVid:        two linear taps, each of which the last pixel in raster order wins; a hard mask.
Zero:          StereoCrafter-Zero's integer shift, where the last in column order wins; zeros are holes.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

STEREOCRAFTER_WEIGHT_BASE = 1.414
STEREOCRAFTER_SMALLEST_WEIGHT = 1e-6
M2SVID_DEPTH_OFFSET = 1e-6
"""Added to the disparity before its inverse is called depth."""


def stereocrafter_forward_warp(image: Tensor, flow: Tensor) -> Tensor:
    """Sum each pixel into the four around where it lands; drop it whole if one of them is outside.

    Args:
        image: (T, C, H, W) float.
        flow: (T, H, W, 2) px, x before y.

    Returns:
        (T, C, H, W) sums, not divided by weights.

    Source: Forward-Warp, the CUDA extension that StereoCrafter's depth_splatting_inference.py calls.
    """
    frames, channels, height, width = image.shape
    x = torch.arange(width, device=image.device, dtype=flow.dtype) + flow[..., 0]
    y = torch.arange(height, device=image.device, dtype=flow.dtype)[:, None] + flow[..., 1]
    left, top = x.floor(), y.floor()
    inside = (left >= 0) & (left + 1 < width) & (top >= 0) & (top + 1 < height)
    total = image.new_zeros(frames, channels, height * width)
    for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
        weight = (1 - (x - left - dx).abs()) * (1 - (y - top - dy).abs())
        target = torch.where(inside, (top + dy) * width + left + dx, 0).long()
        values = torch.where(inside[:, None], image * weight[:, None], 0.0)
        total.scatter_add_(2, target.view(frames, 1, -1).expand_as(total), values.reshape(frames, channels, -1))
    return total.view_as(image)


def splat_stereocrafter(rgb: Tensor, disparity: Tensor) -> tuple[Tensor, Tensor]:
    """StereoCrafter's splat of a batch of frames; the weights are relative to the batch's least disparity.

    Args:
        rgb: (T, C, H, W) float.
        disparity: (T, 1, H, W) px; a range above about 250 px overflows float32 to NaN, as released.

    Returns:
        right: (T, C, H, W), normalised wherever any weight landed.
        occlusion: (T, 1, H, W) in 0 to 1, 1 = nothing landed; the second stage calls 0.5 and more a hole.

    Source: StereoCrafter, depth_splatting_inference.py, ForwardWarpStereo.
    """
    weight = STEREOCRAFTER_WEIGHT_BASE ** (disparity - disparity.min())
    flow = torch.cat([-disparity, torch.zeros_like(disparity)], 1).permute(0, 2, 3, 1)
    total = stereocrafter_forward_warp(weight, flow).clamp(min=STEREOCRAFTER_SMALLEST_WEIGHT)
    cover = stereocrafter_forward_warp(torch.ones_like(weight), flow)
    return stereocrafter_forward_warp(rgb * weight, flow) / total, 1 - cover.clamp(0, 1)


class M2SVidWarp(NamedTuple):
    """What scatter_image of M2SVid returns."""

    right: Tensor
    hole: Tensor
    depth: Tensor


def splat_m2svid(
    rgb: Tensor, disparity: Tensor, *, direction: int = -1, scale: float = 1.0, inverse_ordering: bool = False
) -> M2SVidWarp:
    """M2SVid's splat: on each of two taps the last pixel of a row wins, then the taps are added and normalised.

    Args:
        rgb: (T, C, H, W) float, any range; the release truncates the result to uint8.
        disparity: (T, 1, H, W) px.
        direction: -1 makes the right view, +1 the left.
        scale: multiplies the disparity.
        inverse_ordering: the first pixel of a row wins instead.

    Returns:
        right: (T, C, H, W), zero in holes.
        hole: (T, 1, H, W) bool, no weight.
        depth: (T, 1, H, W), 1 / (unscaled disparity + 1e-6) splatted likewise, zero in holes.

    Source: M2SVid, warping.py, scatter_image.
    """
    disparity = disparity.float()
    values = torch.cat([rgb.float(), 1 / (disparity + M2SVID_DEPTH_OFFSET)], 1)
    shift = disparity * scale
    whole = shift.long()
    fraction = shift - whole
    index = torch.arange(rgb.shape[3], device=rgb.device).expand(shift.shape)
    total, weights = torch.zeros_like(values), torch.zeros_like(shift)
    for offset, weight in ((whole, 1 - fraction), ((shift + 1).long(), fraction)):
        winner = _last_to_land(index + direction * offset, from_the_right=inverse_ordering)
        total += _pick(values * weight, winner)
        weights += _pick(weight, winner)
    hole = weights == 0
    merged = total / torch.where(hole, 1.0, weights)
    return M2SVidWarp(merged[:, :-1], hole, torch.where(hole, 0.0, merged[:, -1:]))


def shift_zero(images: Tensor, offset: Tensor, *, leftwards: bool) -> tuple[Tensor, Tensor]:
    """Zero's shift by whole columns: the last in column order wins, which is the nearest if all move one way.

    Args:
        images: (T, C, H, W), any range.
        offset: (T, 1, H, W) int64 columns, positive to the right.
        leftwards: the order of a view whose pixels move left, as the right view's do.

    Returns:
        shifted: (T, C, H, W), zero where nothing landed.
        landed: (T, 1, H, W) bool.

    Source: StereoCrafter-Zero, stereo_utils.py, stereo_shift_torch; the same as StereoDiffusion's triple loop.
    """
    index = torch.arange(images.shape[3], device=images.device).expand(offset.shape)
    winner = _last_to_land(index + offset, from_the_right=not leftwards)
    return _pick(images, winner), winner >= 0


def stereo_zero(
    images: Tensor,
    inverse_depth: Tensor,
    scale_percent: float = 8.0,
    *,
    both: bool = False,
    exponent: float = 1.0,
    normalize: bool = False,
) -> tuple[Tensor, Tensor]:
    """Zero's stereo pair of images or latents.

    Args:
        images: (T, C, H, W).
        inverse_depth: (T, 1, H, W).
        scale_percent: shift at inverse depth 1, in % of the width; the right view moves by its negative.
        both: each view moves by half, instead of the right alone.
        exponent: of the inverse depth before scaling.
        normalize: bring the inverse depth of the whole block to 0 to 1 first, as the older loop does.

    Returns:
        left and right, (T, C, H, W), zero in holes.
    """
    depth = _min_max(inverse_depth) if normalize else inverse_depth

    def view(percent: float) -> Tensor:
        offset = ((depth**exponent) * (percent / 100 * images.shape[3])).long()
        return shift_zero(images, offset, leftwards=percent < 0)[0]

    share = scale_percent / 2 if both else scale_percent
    return (view(share) if both else images), view(-share)


def align_zero(
    left: Tensor, right: Tensor, inverse_depth: Tensor, scale_percent: float, *, strength: float, masked: bool
) -> Tensor:
    """Pull `right` towards the shifted `left`: right * (1 - strength) + shifted * strength.

    Args:
        left: (T, C, H, W).
        right: (T, C, H, W).
        inverse_depth: (T, 1, H, W), brought to 0 to 1 first.
        scale_percent: signed shift in % of the width, negative to the left.
        strength: 0 to 1.
        masked: leave `right` as it is where nothing landed.

    Source: StereoCrafter-Zero, stereo_utils.py, align_stereo_views.
    """
    offset = (_min_max(inverse_depth) * (scale_percent / 100 * left.shape[3])).long()
    shifted, landed = shift_zero(left, offset, leftwards=scale_percent < 0)
    blended = right * (1 - strength) + shifted * strength
    return torch.where(landed, blended, right) if masked else blended


def warp_zero_flow(values: Tensor, flow: Tensor) -> Tensor:
    """Move each pixel to the rounded place where its flow ends; the last in raster order wins.

    Args:
        values: (T, C, H, W).
        flow: (T, 2, H, W) px, x before y.

    Returns:
        (T, C, H, W), zero where nothing landed.

    Source: StereoCrafter-Zero, funcs_stereo.py, warp_depth_map_v2.
    """
    height, width = values.shape[2:]
    x = (torch.arange(width, device=values.device) + flow[:, 0]).round().long()
    y = (torch.arange(height, device=values.device)[:, None] + flow[:, 1]).round().long()
    inside = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    target = torch.where(inside, y * width + x, height * width).flatten(1)
    index = torch.arange(height * width, device=values.device).expand(target.shape)
    winner = torch.full_like(index, -1)
    winner = torch.nn.functional.pad(winner, (0, 1), value=-1).scatter_reduce(1, target, index, "amax")[:, :-1]
    return _pick(values.flatten(2), winner[:, None]).view_as(values)


def _last_to_land(columns: Tensor, *, from_the_right: bool) -> Tensor:
    """For each target column the source column that lands last, or -1."""
    width = columns.shape[-1]
    order = torch.arange(width, device=columns.device).expand(columns.shape)
    order = width - 1 - order if from_the_right else order
    target = torch.where((columns >= 0) & (columns < width), columns, width)
    none = torch.full((*columns.shape[:-1], width + 1), -1, device=columns.device)
    last = none.scatter_reduce(-1, target, order, "amax")[..., :width]
    return torch.where(last < 0, -1, width - 1 - last) if from_the_right else last


def _pick(values: Tensor, index: Tensor) -> Tensor:
    """Values at the given columns, zero where the index is -1."""
    picked = values.gather(-1, index.clamp(min=0).expand(values.shape))
    return torch.where(index >= 0, picked, torch.zeros_like(picked))


def _min_max(values: Tensor) -> Tensor:
    low, high = float(values.min()), float(values.max())
    return (values - low) / (high - low) if math.isfinite(low) and high > low else torch.zeros_like(values)
