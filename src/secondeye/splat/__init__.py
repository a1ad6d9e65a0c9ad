"""Forward splatting: what the right eye sees of the left eye's pixels, and what nobody saw.

`surface` says in words and numbers how our own rule works; `reference` is it in plain torch, `numba_kernel` and
`triton_kernel` are it fast. `released` holds the seeds' own rules, `edges` what cleans up around depth edges.
"""

import importlib.util
import logging
from functools import cache
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from secondeye.discovery import nearest
from secondeye.errors import ContractError, InputError
from secondeye.geometry import StereoGeometry
from secondeye.splat.surface import SurfaceRule
from secondeye.types import DepthClip, WarpedClip

Rule = Literal["secondeye", "stereocrafter", "m2svid", "zero"]
Backend = Literal["auto", "torch", "numba", "triton"]

logger = logging.getLogger(__name__)


def splat_forward(
    rgb: Tensor, disparity: Tensor, *, rule: Rule = "secondeye", backend: Backend = "auto"
) -> tuple[Tensor, Tensor]:
    """Move each pixel left by its disparity; where several land, the nearest is seen.

    Our own rule keeps surfaces whole, interpolates within them and blends their edges by coverage; `splat.surface`
    explains it. The seeds' rules do what their released code does.

    Args:
        rgb: (T, 3, H, W) float, any range; other numbers of channels do as well.
        disparity: (T, 1, H, W) float, px, x_left - x_right.
        rule: "secondeye", or "stereocrafter", "m2svid", "zero" as released.
        backend: "torch" on any device, "numba" on the CPU, "triton" on CUDA, "auto" for the fastest. The seeds' rules
            are in torch only.

    Returns:
        right: (T, 3, H, W) of rgb's type; zero in holes, but for "stereocrafter", whose colours in holes that a tap
            has touched are kept as released.
        hole: (T, 1, H, W) bool, True = fill me.

    Raises:
        ContractError: the two differ in T, H, W or device, or a disparity is not finite.
        InputError: no such rule or backend, or the backend does not serve the device or the rule.
    """
    _check(rgb, disparity)
    if rule not in get_args(Rule):
        raise nearest("splat rule", rule, get_args(Rule))
    if rule != "secondeye" and backend not in ("auto", "torch"):
        raise InputError(f"splat rule '{rule}' runs on torch only, not on '{backend}'; leave the backend at 'auto'")
    if rgb.numel() == 0:
        return torch.empty_like(rgb), torch.empty_like(disparity, dtype=torch.bool)
    colors, shift = rgb.float(), disparity.float()
    right, hole = _splat_ours(colors, shift, backend) if rule == "secondeye" else _splat_released(colors, shift, rule)
    return right.to(rgb.dtype), hole


def warp_to_right(
    depth: DepthClip,
    geometry: StereoGeometry,
    *,
    rule: Rule = "secondeye",
    backend: Backend = "auto",
    edge_dilation_px: int = 0,
    hole_dilation_px: int = 0,
) -> WarpedClip:
    """Splat a clip into the right eye.

    Args:
        depth: the clip and its inverse depth on a 0 to 1 scale; a smaller map is enlarged bilinearly.
        geometry: how inverse depth becomes disparity.
        rule: see `splat_forward`.
        backend: see `splat_forward`.
        edge_dilation_px: widen near things' disparity by so much at depth edges, see `edges.dilate_foreground`.
        hole_dilation_px: widen holes by so much.

    Raises:
        ContractError: an inverse depth is not finite.
        InputError: as in `splat_forward`, or a negative radius.
    """
    left, inverse_depth = depth.left, depth.inverse_depth
    if tuple(inverse_depth.shape[2:]) != left.size:
        inverse_depth = interpolate(inverse_depth, left.size, mode="bilinear", align_corners=False)
    disparity = geometry.disparity(inverse_depth, left.size[1])
    if edge_dilation_px or hole_dilation_px:
        from secondeye.splat.edges import dilate_foreground, dilate_hole

        disparity = dilate_foreground(disparity, edge_dilation_px)
    right, hole = splat_forward(left.rgb, disparity, rule=rule, backend=backend)
    if hole_dilation_px:
        hole = dilate_hole(hole, hole_dilation_px)
        right = right.masked_fill_(hole, 0)
    return WarpedClip(left, disparity, right, hole)


def _check(rgb: Tensor, disparity: Tensor) -> None:
    if rgb.ndim != 4 or not rgb.dtype.is_floating_point:
        raise ContractError(f"rgb: expected (T, C, H, W) float, got {tuple(rgb.shape)} {rgb.dtype}")
    wanted = (rgb.shape[0], 1, *rgb.shape[2:])
    if tuple(disparity.shape) != wanted or not disparity.dtype.is_floating_point:
        raise ContractError(
            f"disparity: expected {wanted} float to match rgb, got {tuple(disparity.shape)} {disparity.dtype}"
        )
    if rgb.device != disparity.device:
        raise ContractError(f"disparity: expected it on {rgb.device} beside rgb, got {disparity.device}")


def _splat_ours(rgb: Tensor, disparity: Tensor, backend: str) -> tuple[Tensor, Tensor]:
    if backend == "auto":
        backend = _fastest(rgb.device.type)
    if backend == "torch":
        from secondeye.splat.reference import splat
    elif backend == "numba" and rgb.device.type == "cpu":
        from secondeye.splat.numba_kernel import splat
    elif backend == "triton":
        from secondeye.splat.triton_kernel import splat
    elif backend in get_args(Backend):
        raise InputError(f"splat backend '{backend}' does not run on {rgb.device.type}; leave it at 'auto'")
    else:
        raise nearest("splat backend", backend, get_args(Backend))
    return splat(rgb, disparity, SurfaceRule())


@cache
def _fastest(device: str) -> str:
    if device != "cuda":
        return "numba" if device == "cpu" else "torch"
    if importlib.util.find_spec("triton") is None:
        logger.warning("no Triton here: splatting on CUDA with plain torch, which is slower")
        return "torch"
    return "triton"


def _splat_released(rgb: Tensor, disparity: Tensor, rule: str) -> tuple[Tensor, Tensor]:
    from secondeye.splat import released
    from secondeye.splat.surface import not_finite

    if not bool(torch.isfinite(disparity).all()):
        raise not_finite(disparity)
    if rule == "stereocrafter":
        right, occlusion = released.splat_stereocrafter(rgb, disparity)
        return right, occlusion >= 0.5
    if rule == "m2svid":
        warp = released.splat_m2svid(rgb, disparity)
        return warp.right, warp.hole
    right, landed = released.shift_zero(rgb, -disparity.long(), leftwards=True)
    return right, ~landed
