"""Multi-scale structural similarity, of frames (2-D) or of a clip as one volume (3-D, as M2SVid takes it).

Five scales, each half the size of the one before; the product of their contrast-structure means and of the last
scale's SSIM, raised to fixed weights, for each channel. M2SVid hands a five-dimensional tensor to pytorch-msssim, whose
window and pooling then run over time as well: the window is smoothed over time only while at least 11 frames are left
at a scale, and time halves from scale to scale, so at least 9 frames are needed. On one clip of 25 frames this gives
0.88 where the mean over frames is 0.59, so the two must never share a column.

Source: Wang, Simoncelli and Bovik, Multi-scale structural similarity, Asilomar 2003; pooling as pytorch-msssim 1.0.0
(an odd side is padded by zeros, which count).
"""

import math
from collections import deque

import numpy as np

from secondeye.errors import InputError
from secondeye.metrics import Meter, Metric, Pair, Region, Score
from secondeye.metrics._per_frame import MeanOfFrames
from secondeye.metrics._pixel_kernel import halve_planes
from secondeye.metrics._ssim_kernel import moments, scores, similarity
from secondeye.metrics._views import F32, F64, planes
from secondeye.metrics.ssim import C1, C2, gaussian_taps, similarities

METRIC = Metric("MS-SSIM", "higher", (0.0, 1.0), ("truth",), family="ssim")

WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Of the scales, finest first (Wang et al. 2003, section 4)."""

SMALLEST_SIDE = 161
"""Eleven taps must fit after four halvings: (11 - 1) * 2^4 < side, as pytorch-msssim checks."""

FEWEST_FRAMES = 9
"""Below, time has one frame left before the last halving, and the released code stops."""


def build(dims: int = 2, window: int = 16) -> Meter:
    """MS-SSIM of a clip.

    Args:
        dims: 2 averages over frames; 3 takes volumes of `window` frames and averages over those.
        window: frames of a volume; M2SVid's clips have 16. A clip that has fewer, but 9, is one volume.

    Raises:
        InputError: an unknown choice.
    """
    if dims == 2:
        return MeanOfFrames(lambda pair: {"whole": of_frame(pair)})
    if dims != 3 or window < FEWEST_FRAMES:
        raise InputError(f"MS-SSIM takes dims 2, or dims 3 with a window of at least {FEWEST_FRAMES} frames")
    return Volumes(window)


def of_frame(pair: Pair) -> float:
    """MS-SSIM of one frame.

    Raises:
        InputError: the frame is too small for five scales.
    """
    check_size(pair)
    a, b = planes(pair, "right"), planes(pair, "truth")
    factors = []
    for scale in range(len(WEIGHTS)):
        last = scale == len(WEIGHTS) - 1
        if scale == 0:
            factors.append(similarities(pair).contrast)
        else:
            a, b = halve(a), halve(b)
            both = [similarity(a[c], b[c], gaussian_taps(), c1=C1, c2=C2) for c in range(3)]
            factors.append(np.array(both)[:, 0 if last else 1])
    return combine(factors)


def check_size(pair: Pair) -> None:
    """Raise InputError for frames too small for five scales."""
    if min(pair.size) < SMALLEST_SIDE:
        raise InputError(f"MS-SSIM needs at least {SMALLEST_SIDE} px a side, the frames have {min(pair.size)}")


def combine(factors: list[F64]) -> float:
    """The weighted product over scales of (3,) factors, negative ones counting as 0; mean over channels."""
    product = np.prod([np.maximum(f, 0.0) ** w for f, w in zip(factors, WEIGHTS, strict=True)], axis=0)
    return float(product.mean())


def halve(values: F32) -> F32:
    """Averages of 2 along every axis but the first; an axis of odd length gets a zero before it, which counts."""
    if values.ndim == 3:
        channels, height, width = values.shape
        out = np.empty((channels, -(-height // 2), -(-width // 2)), np.float32)
        halve_planes(np.ascontiguousarray(values), height % 2, width % 2, out)
        return out
    for axis in range(1, values.ndim):
        if values.shape[axis] % 2:
            pads = [(0, 0)] * values.ndim
            pads[axis] = (1, 0)
            values = np.pad(values, pads)
        even, odd = (values[(slice(None),) * axis + (slice(start, None, 2),)] for start in (0, 1))
        values = (even + odd) * np.float32(0.5)
    return values


class Volumes:
    """MS-SSIM of volumes of some frames each; frames after the last full volume do not count."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._frames: deque[tuple[F32, F32]] = deque()
        self._volumes: list[float] = []

    def update(self, pair: Pair) -> None:
        """Keep a frame, and reckon when the volume is full."""
        check_size(pair)
        self._frames.append((planes(pair, "right"), planes(pair, "truth")))
        if len(self._frames) == self._window:
            self._volumes.append(self._of_kept())

    def _of_kept(self) -> float:
        right, truth = (np.stack([frame[i] for frame in self._frames], axis=1) for i in range(2))
        self._frames.clear()
        return of_volume(right, truth)

    def finish(self) -> dict[Region, Score]:
        """The clip's mean over volumes.

        Raises:
            InputError: the clip has fewer than 9 frames.
        """
        if not self._volumes:
            if len(self._frames) < FEWEST_FRAMES:
                raise InputError(f"3-D MS-SSIM needs at least {FEWEST_FRAMES} frames, the clip has {len(self._frames)}")
            self._volumes.append(self._of_kept())
        return {"whole": Score(math.fsum(self._volumes) / len(self._volumes))}


def of_volume(right: F32, truth: F32) -> float:
    """MS-SSIM of two volumes (3, T, H, W), T at least 9."""
    factors = []
    for scale in range(len(WEIGHTS)):
        if scale:
            right, truth = halve(right), halve(truth)
        means = np.array([volume_means(right[c], truth[c]) for c in range(3)])
        factors.append(means[:, 0 if scale == len(WEIGHTS) - 1 else 1])
    return combine(factors)


def volume_means(right: F32, truth: F32) -> tuple[float, float]:
    """Mean SSIM and mean contrast-structure of one channel (T, H, W), smoothed over time where T is at least 11."""
    taps = gaussian_taps()
    in_time = taps if len(right) >= len(taps) else np.ones(1)
    pending: deque[F64] = deque()
    ssim_sum = contrast_sum = 0.0
    for a, b in zip(right, truth, strict=True):
        local = moments(a, b, taps)
        pending.append(np.zeros_like(local))
        for age, sums in enumerate(reversed(pending)):
            sums += in_time[age] * local
        if len(pending) == len(in_time):
            ssim, contrast = scores(pending.popleft(), C1, C2)
            ssim_sum, contrast_sum = ssim_sum + ssim.mean(), contrast_sum + contrast.mean()
    count = len(right) - len(in_time) + 1
    return ssim_sum / count, contrast_sum / count
