"""End-point error of the disparity: how far the right view's depth is from the truth's, in px.

Mean |d_right - d_reference| over pixels where both are known; d_right is measured between the left and the right view,
the reference likewise between the left view and the truth (StereoWorld), or is the disparity that was asked for.
"""

import math

import numpy as np

from secondeye.metrics import Meter, Metric, Pair
from secondeye.metrics._per_frame import MeanOfFrames
from secondeye.metrics._stereo import check, disparity, reference

METRIC = Metric("EPE", "lower", (0.0, math.inf), ("left",), unit="px", family="disparity")


def build(against: str = "truth", matcher: str = "sgbm", every: int = 1) -> Meter:
    """EPE of a clip, mean over the frames looked at.

    Args:
        against: "truth" measures the reference on the true right view, "given" takes the pair's own disparity.
        matcher: "sgbm", or one's own as "package.module:function" (see `_stereo`).
        every: look at each `every`-th frame only.

    Raises:
        InputError: an unknown choice.
    """
    check(against, matcher)
    return MeanOfFrames(lambda pair: {"whole": of_frame(pair, against, matcher)}, every)


def of_frame(pair: Pair, against: str = "truth", matcher: str = "sgbm") -> float:
    """EPE of one frame; NaN where no pixel is known in both."""
    error = np.abs(disparity(pair, "right", matcher) - reference(pair, against, matcher))
    known = np.isfinite(error)
    return float(error[known].mean(dtype=np.float64)) if known.any() else math.nan
