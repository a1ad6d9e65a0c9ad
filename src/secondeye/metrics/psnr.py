"""Peak signal-to-noise ratio.

PSNR = 10 log10(peak^2 / MSE), with the MSE over all channels. Papers differ in what the MSE is taken over before the
logarithm: each frame and then a mean over frames (the usual), or a whole clip or batch of clips at once (M2SVid).
"""

import math
from collections.abc import Sequence

from secondeye.errors import InputError
from secondeye.metrics import Meter, Metric, Pair, Region, Score
from secondeye.metrics._error import check, peak, squared
from secondeye.metrics._per_frame import MeanOfFrames
from secondeye.metrics._views import region_means, region_sums


def decibels(mean_squared_error: float, peak_value: float = 1.0) -> float:
    """PSNR of a mean squared error: infinite at 0, NaN where there was nothing to average."""
    if math.isnan(mean_squared_error):
        return math.nan
    return math.inf if mean_squared_error <= 0 else 10 * math.log10(peak_value**2 / mean_squared_error)


def pool(scores: Sequence[Score]) -> float:
    """Over clips: of the common MSE where the clips carry one, else the mean of their numbers, infinities included."""
    known = [score for score in scores if not math.isnan(score.value)]
    if not known:
        return math.nan
    if all(score.sums for score in known):
        total, count = (sum(score.sums[i] for score in known) for i in range(2))
        return decibels(total / count)
    return sum(score.value for score in known) / len(known)


METRIC = Metric("PSNR", "higher", (0.0, math.inf), ("truth",), unit="dB", by_region=True, pool=pool, family="error")


class OverClip:
    """PSNR of one MSE over all frames; the frames' own numbers are given beside it."""

    def __init__(self, variant: str) -> None:
        self._variant = variant
        self._sums: dict[Region, tuple[float, float]] = {}
        self._frames: dict[Region, list[float]] = {}

    def update(self, pair: Pair) -> None:
        """Add a frame's squared error, scaled to a peak of 1."""
        error, scale = squared(pair, self._variant), peak(self._variant) ** 2
        for region, (total, count) in region_sums(pair, error).items():
            before, pixels = self._sums.get(region, (0.0, 0.0))
            self._sums[region] = (before + total / scale, pixels + count)
            self._frames.setdefault(region, []).append(decibels(total / scale / count if count else math.nan))

    def finish(self) -> dict[Region, Score]:
        """The clip's PSNR by region, with squared error and pixel count for pooling."""
        return {
            region: Score(decibels(sums[0] / sums[1] if sums[1] else math.nan), tuple(self._frames[region]), sums)
            for region, sums in self._sums.items()
        } or {"whole": Score(math.nan)}


def build(over: str = "frame", variant: str = "float") -> Meter:
    """PSNR of a clip.

    Args:
        over: "frame" averages the frames' PSNR, "clip" takes the MSE over the clip first.
        variant: "float"; "uint8" rounds to 8 bit first; "uint8_wrap" is Mono2Stereo's code of 2025 (see `_error`).

    Raises:
        InputError: an unknown choice.
    """
    check(variant)
    if over == "clip":
        return OverClip(variant)
    if over != "frame":
        raise InputError(f"psnr over '{over}' is not known; choose one of: frame, clip")
    return MeanOfFrames(lambda pair: frame_scores(pair, variant))


def frame_scores(pair: Pair, variant: str = "float") -> dict[Region, float]:
    """PSNR of one frame by region."""
    error, top = squared(pair, variant), peak(variant)
    return {region: decibels(mean, top) for region, mean in region_means(pair, error).items()}
