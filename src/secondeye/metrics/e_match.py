"""Match error E_match (Elastic3D): which of the left view's details can be found in the right view as in the truth?

A fixed set of keypoints of the left view is looked for in the truth and in the judged view; those with a match within
2 px of their own row form two sets, and E_match = 1 - |intersection| / |union|, in percent. Detail that was lost and
detail that was made up both count: either rivals with the other eye's picture.

Published numbers use DeDoDe v2 (learned); this is the definition with SIFT, the weight-free back end of the released
code, whose numbers are not comparable with the published ones.

Source: Elastic3D, CVPR 2026, equations 4 and 14; github.com/nandometzger/Matchability (MIT), docs/metric.md.
"""

import math

import numpy as np

from secondeye.errors import InputError
from secondeye.metrics import Meter, Metric, Pair, View
from secondeye.metrics._matching import keypoints, matches
from secondeye.metrics._per_frame import MeanOfFrames
from secondeye.metrics._views import Mask

METRIC = Metric("E_match", "lower", (0.0, 100.0), ("left", "truth"), unit="%", family="keypoints")

KEYPOINTS = 5000
TAU_PX = 2.0
LONGEST_SIDE = 768


def build(every: int = 1, longest_side: int = LONGEST_SIDE) -> Meter:
    """E_match of a clip, mean over the frames looked at; frames without any match do not count.

    Args:
        every: look at each `every`-th frame only; keypoints take a tenth of a second and more for each view.
        longest_side: px that larger frames are shrunk to.

    Raises:
        InputError: a value that is not positive.
    """
    if longest_side < 16:
        raise InputError(f"e_match longest_side {longest_side} px is too small; 768 is what the released code takes")
    return MeanOfFrames(lambda pair: {"whole": of_frame(pair, longest_side)}, every)


def of_frame(pair: Pair, longest_side: int = LONGEST_SIDE) -> float:
    """E_match of one frame in percent."""
    truth, right = (in_row(pair, view, longest_side) for view in ("truth", "right"))
    union = np.count_nonzero(truth | right)
    return 100 * (1 - float(np.count_nonzero(truth & right) / union)) if union else math.nan


def in_row(pair: Pair, view: View, longest_side: int) -> Mask:
    """Which keypoints of the left view have a match in this one that lies in their own row, to 2 px."""
    start = keypoints(pair, "left", longest_side).xy[:KEYPOINTS]
    found = matches(pair, view, longest_side)
    with np.errstate(invalid="ignore"):
        level = np.abs(found.xy[:KEYPOINTS, 1] - start[:, 1]) <= TAU_PX
    return np.asarray(found.found[:KEYPOINTS] & level)
