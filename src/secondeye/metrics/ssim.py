"""Structural similarity.

SSIM = (2 m_a m_b + C1)(2 s_ab + C2) / ((m_a^2 + m_b^2 + C1)(s_a^2 + s_b^2 + C2)), C1 = (0.01 L)^2, C2 = (0.03 L)^2,
for each channel, mean over channels. Published numbers come from two windows, which differ by some hundredths:
Wang et al.'s Gaussian, and the 7 x 7 box with sample variances that scikit-image takes by default.

Source: Wang, Bovik, Sheikh and Simoncelli, Image quality assessment, IEEE TIP 2004, equation 13.
"""

from dataclasses import dataclass

import numpy as np

from secondeye.errors import InputError
from secondeye.metrics import Meter, Metric, Pair, Region, View
from secondeye.metrics._per_frame import MeanOfFrames
from secondeye.metrics._ssim_kernel import similarity
from secondeye.metrics._views import F32, F64, planes, region_means, rgb8

METRIC = Metric("SSIM", "higher", (-1.0, 1.0), ("truth",), by_region=True, family="ssim")

C1, C2 = 0.01**2, 0.03**2


def gaussian_taps() -> F64:
    """Eleven weights of a Gaussian with standard deviation 1.5, which sum to 1 (Wang et al., section III-B)."""
    taps = np.exp(-(np.arange(-5, 6, dtype=np.float64) ** 2) / (2 * 1.5**2))
    return np.asarray(taps / taps.sum())


WINDOWS: dict[str, tuple[F64, float]] = {
    "gaussian": (gaussian_taps(), 1.0),
    "box": (np.full(7, 1 / 7), 49 / 48),
}
"""Taps of the separable window, and what makes its variances sample variances."""


def build(window: str = "gaussian", bits: str = "float") -> Meter:
    """SSIM of a clip, mean over frames.

    Args:
        window: "gaussian" (11 taps, sigma 1.5) or "box" (7 taps, sample variances, scikit-image's default).
        bits: "float" takes values as they are, "uint8" rounds them to 8 bit first.

    Raises:
        InputError: an unknown choice.
    """
    if window not in WINDOWS:
        raise InputError(f"no SSIM window called '{window}'; choose one of: {', '.join(WINDOWS)}")
    if bits not in ("float", "uint8"):
        raise InputError(f"SSIM bits '{bits}' is not known; choose one of: float, uint8")
    return MeanOfFrames(lambda pair: frame_scores(pair, window, bits))


def frame_scores(pair: Pair, window: str = "gaussian", bits: str = "float") -> dict[Region, float]:
    """SSIM of one frame: whole over windows that lie within it, regions over the map of mirrored borders."""
    likeness = similarities(pair, window, bits)
    whole = float(likeness.ssim.mean())
    if likeness.total is None:
        return {"whole": whole}
    return region_means(pair, likeness.total) | {"whole": whole}


@dataclass(frozen=True)
class Likeness:
    """SSIM of a frame: of each channel (3,) with its contrast-structure factor, and of each pixel, where asked for."""

    ssim: F64
    contrast: F64
    total: F32 | None


def similarities(pair: Pair, window: str = "gaussian", bits: str = "float") -> Likeness:
    """SSIM of a frame; of each pixel too (mean over channels) where the pair has a hole to tell apart.

    Raises:
        InputError: the frame is smaller than the window.
    """
    key = ("ssim", window, bits, pair.hole is not None)
    return pair.memo.get(key, lambda: _similarities(pair, window, bits))


def values(pair: Pair, view: View, bits: str) -> F32:
    """A view's planes, rounded to 8 bit where `bits` is "uint8"."""
    if bits == "float":
        return planes(pair, view)
    return np.asarray(rgb8(pair, view).transpose(2, 0, 1) / np.float32(255), np.float32)


def _similarities(pair: Pair, window: str, bits: str) -> Likeness:
    taps, unbias = WINDOWS[window]
    if min(pair.size) < len(taps):
        raise InputError(f"SSIM needs at least {len(taps)} px a side, the frames have {min(pair.size)}")
    right, truth = (values(pair, view, bits) for view in ("right", "truth"))
    total = None if pair.hole is None else np.zeros(pair.size, np.float32)
    both = [similarity(right[c], truth[c], taps, c1=C1, c2=C2, unbias=unbias, total=total) for c in range(3)]
    ssim, contrast = np.array(both).T
    return Likeness(ssim, contrast, None if total is None else total / np.float32(3))
