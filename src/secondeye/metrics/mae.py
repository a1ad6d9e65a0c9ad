"""Mean absolute error, of values in 0 to 1 (SpatialMe) or in 8-bit steps (Mono2Stereo)."""

from secondeye.metrics import Meter, Metric, Pair, Region
from secondeye.metrics._error import absolute, check
from secondeye.metrics._per_frame import MeanOfFrames
from secondeye.metrics._views import region_means

METRIC = Metric("MAE", "lower", (0.0, 255.0), ("truth",), by_region=True, family="error")


def build(variant: str = "float") -> Meter:
    """MAE of a clip, mean over frames.

    Args:
        variant: "float" is in 0 to 1, "uint8" and "uint8_wrap" (the bug of 2025, see `_error`) in 8-bit steps.

    Raises:
        InputError: an unknown variant.
    """
    check(variant)
    return MeanOfFrames(lambda pair: frame_scores(pair, variant))


def frame_scores(pair: Pair, variant: str = "float") -> dict[Region, float]:
    """MAE of one frame by region."""
    return region_means(pair, absolute(pair, variant))
