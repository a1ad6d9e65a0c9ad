"""Root of the mean squared error of each frame, in 8-bit steps as Mono2Stereo's table gives it."""

import math

from secondeye.metrics import Meter, Metric, Pair, Region
from secondeye.metrics._error import check, squared
from secondeye.metrics._per_frame import MeanOfFrames
from secondeye.metrics._views import region_means

METRIC = Metric("RMSE", "lower", (0.0, 255.0), ("truth",), by_region=True, family="error")


def build(variant: str = "uint8") -> Meter:
    """RMSE of a clip, mean over frames.

    Args:
        variant: "uint8", "uint8_wrap" (the bug of 2025, see `_error`), or "float" for values in 0 to 1.

    Raises:
        InputError: an unknown variant.
    """
    check(variant)
    return MeanOfFrames(lambda pair: frame_scores(pair, variant))


def frame_scores(pair: Pair, variant: str = "uint8") -> dict[Region, float]:
    """RMSE of one frame by region."""
    return {region: math.sqrt(mean) for region, mean in region_means(pair, squared(pair, variant)).items()}
