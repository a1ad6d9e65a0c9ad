"""D1-all: the share of pixels whose disparity is wrong by more than 3 px and by more than 5 %, in 0 to 1.

As KITTI 2015 defines it, over the pixels that the reference knows; where the right view has no measurable disparity the
pixel counts as wrong, so that a view nobody can match does not pass. See `epe` for how disparity is measured.
"""

import math

import numpy as np

from secondeye.errors import InputError
from secondeye.metrics import Meter, Metric, Pair
from secondeye.metrics._per_frame import MeanOfFrames
from secondeye.metrics._stereo import check, disparity, reference

METRIC = Metric("D1-all", "lower", (0.0, 1.0), ("left",), family="disparity")

WRONG_PX, WRONG_SHARE = 3.0, 0.05


def build(against: str = "truth", matcher: str = "sgbm", unknown: str = "wrong", every: int = 1) -> Meter:
    """D1-all of a clip, mean over the frames looked at.

    Args:
        against, matcher, every: as for `epe`.
        unknown: whether a pixel without a measured disparity is "wrong" or "left_out".

    Raises:
        InputError: an unknown choice.
    """
    check(against, matcher)
    if unknown not in ("wrong", "left_out"):
        raise InputError(f"d1 unknown '{unknown}' is not known; choose one of: wrong, left_out")
    return MeanOfFrames(lambda pair: {"whole": of_frame(pair, against, matcher, unknown)}, every)


def of_frame(pair: Pair, against: str = "truth", matcher: str = "sgbm", unknown: str = "wrong") -> float:
    """D1-all of one frame; NaN where the reference knows nothing."""
    found, true = disparity(pair, "right", matcher), reference(pair, against, matcher)
    counted = np.isfinite(true) if unknown == "wrong" else np.isfinite(true) & np.isfinite(found)
    if not counted.any():
        return math.nan
    error = np.abs(found[counted] - true[counted])
    # NaN compares false, so what is not known is not right.
    right = (error <= WRONG_PX) | (error <= WRONG_SHARE * np.abs(true[counted]))
    return 1.0 - int(np.count_nonzero(right)) / int(right.size)
