"""Vertical misalignment: how far matching points of the two eyes lie apart in height.

Median of |y_right - y_left| over SIFT keypoints found in both views, in px of the frame. Eyes fuse what differs
sideways, not what differs in height; the source's own misalignment (a rig that was not rectified) counts too.
"""

import math

import numpy as np

from secondeye.metrics import Meter, Metric, Pair, View
from secondeye.metrics._matching import keypoints, matches
from secondeye.metrics._per_frame import MeanOfFrames
from secondeye.metrics._views import F64

METRIC = Metric("vertical misalignment", "lower", (0.0, math.inf), ("left",), unit="px", family="keypoints")

LONGEST_SIDE = 768
FEWEST = 12
"""Matches below which a median says nothing."""


def build(every: int = 1) -> Meter:
    """Vertical misalignment of a clip, mean over the frames looked at (each `every`-th)."""
    return MeanOfFrames(lambda pair: {"whole": of_frame(pair)}, every)


def of_frame(pair: Pair) -> float:
    """Median height difference of one frame in px; NaN with fewer than 12 matches."""
    offset = offsets(pair, "right")
    return float(np.median(np.abs(offset[:, 1]))) if len(offset) >= FEWEST else math.nan


def offsets(pair: Pair, view: View) -> F64:
    """(N, 2) px from each matched keypoint's place in the left view to its place in another, in frame px."""
    start, found = keypoints(pair, "left", LONGEST_SIDE), matches(pair, view, LONGEST_SIDE)
    scale = max(1.0, max(pair.size) / LONGEST_SIDE)
    return np.asarray((found.xy[found.found] - start.xy[found.found]) * scale)
