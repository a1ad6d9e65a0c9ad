"""Two views in one picture for red-cyan glasses: the left eye looks through red, the right eye through cyan.

    dubois   least-squares projection: closest colours that the glasses can show, least ghosting
    half     left as luma in red, right's own green and blue: some colour, less rivalry than full colour
    grey     left as luma in red, right as luma in cyan: no colour, no rivalry

Each is a pair of 3x3 matrices, anaglyph = LEFT @ left + RIGHT @ right, clipped once to 0 to 1.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

LUMA = (0.299, 0.587, 0.114)
"""BT.601 luma weights, as published for both half-colour and grey anaglyphs; used on coded values."""


@dataclass(frozen=True)
class AnaglyphMatrices:
    """Rows are the red, green and blue of the anaglyph; `linear` means that they are for linear light."""

    left: tuple[tuple[float, float, float], ...]
    right: tuple[tuple[float, float, float], ...]
    linear: bool


ANAGLYPHS: dict[str, AnaglyphMatrices] = {
    # E. Dubois, "Conversion of a stereo pair to anaglyph with the least-squares projection method" (2009): for linear
    # sRGB. The two terms are summed before clipping, so that what leaks from one eye is taken from the other.
    "anaglyph": AnaglyphMatrices(
        left=((0.437, 0.449, 0.164), (-0.062, -0.062, -0.024), (-0.048, -0.050, -0.017)),
        right=((-0.011, -0.032, -0.007), (0.377, 0.761, 0.009), (-0.026, -0.093, 1.234)),
        linear=True,
    ),
    "anaglyph-half": AnaglyphMatrices(
        left=(LUMA, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
        right=((0.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
        linear=False,
    ),
    "anaglyph-grey": AnaglyphMatrices(
        left=(LUMA, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
        right=((0.0, 0.0, 0.0), LUMA, LUMA),
        linear=False,
    ),
}


def to_linear(coded: Tensor) -> Tensor:
    """sRGB decoding (IEC 61966-2-1), any shape, 0 to 1."""
    return torch.where(coded <= 0.04045, coded / 12.92, ((coded.clamp(min=0.04045) + 0.055) / 1.055) ** 2.4)


def to_coded(linear: Tensor) -> Tensor:
    """sRGB encoding (IEC 61966-2-1), any shape, 0 to 1."""
    return torch.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear.clamp(min=0.0031308) ** (1 / 2.4) - 0.055)


def mix(left: Tensor, right: Tensor, name: str) -> Tensor:
    """The anaglyph of two views.

    Args:
        left: (T, 3, H, W), 0 to 1.
        right: (T, 3, H, W), 0 to 1.
        name: a key of ANAGLYPHS.

    Returns:
        (T, 3, H, W), 0 to 1. Files in PQ or HLG are treated as if they were sRGB.
    """
    matrices = ANAGLYPHS[name]
    views = [to_linear(v) if matrices.linear else v for v in (left.clamp(0, 1), right.clamp(0, 1))]
    weights = [torch.tensor(m, dtype=left.dtype, device=left.device) for m in (matrices.left, matrices.right)]
    mixed = sum(torch.einsum("ij,tjhw->tihw", m, v) for m, v in zip(weights, views, strict=True))
    assert isinstance(mixed, Tensor)
    mixed = mixed.clamp(0, 1)
    return to_coded(mixed) if matrices.linear else mixed


@cache
def transfer_tables(linear: bool, size: int = 16384) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Decoding and encoding as tables of size + 1 steps over 0 to 1, from which kernels take the nearest entry.

    The encoding table is over the square root of linear light, where the curve is nearly straight, so that the nearest
    entry errs by less than 1e-4 everywhere: a tenth of a code at 10 bits.
    """
    steps = torch.linspace(0, 1, size + 1, dtype=torch.float64)
    decode, encode = (to_linear(steps), to_coded(steps**2)) if linear else (steps, steps**2)
    return decode.float().numpy(), encode.float().numpy()
