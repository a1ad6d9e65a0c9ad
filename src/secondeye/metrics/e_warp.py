"""Warping error E_warp (Lai et al.): does a video agree with itself along its motion?

Each frame is compared with the next one, brought back by the flow: mean of the squared difference over what is not
occluded (values in 0 to 1, all channels), mean over pairs of frames. The flow is the input video's. For a right view
the pixel-aligned input is the true right view; where there is none, the output's own flow is taken. FlowNet2 gave
Lai et al.'s numbers; DIS (no weights) gives the ones here.

Source: Lai et al., Learning blind video temporal consistency, ECCV 2018, equation 1 of the evaluation; as released in
evaluate_WarpError.py (8154b60): an all-zero mask divides by the number of values instead.
"""

import math

import numpy as np

from secondeye.errors import InputError
from secondeye.metrics import Meter, Metric, Pair, Region, View
from secondeye.metrics._flow import between, changes
from secondeye.metrics._per_frame import MeanOfFrames
from secondeye.metrics._views import F32, Mask

METRIC = Metric("E_warp", "lower", (0.0, 1.0), (), frames=2, family="flow")

FLOWS = ("auto", "right", "truth", "left")


class WarpingError:
    """The error of each frame against the one before it."""

    def __init__(self, flow_of: str) -> None:
        self._flow_of = flow_of
        self._before: Pair | None = None

    def frame_scores(self, pair: Pair) -> dict[Region, float]:
        """The pair's E_warp; none for the first frame."""
        before, self._before = self._before, pair
        if before is None:
            return {"whole": math.nan}
        along = self._view(pair)
        _, occluded = between(before, pair, along)
        return {"whole": pair_error(changes(before, pair, "right", along), occluded)}

    def _view(self, pair: Pair) -> View:
        if self._flow_of == "auto":
            return "right" if pair.truth is None else "truth"
        view: View = "left" if self._flow_of == "left" else "right" if self._flow_of == "right" else "truth"
        return view


def build(flow_of: str = "auto") -> Meter:
    """E_warp of a clip.

    Args:
        flow_of: the view whose motion is followed: "truth", "right", "left" (Lai et al.'s input, which is not aligned
            with a right view), or "auto": the truth where there is one, else the right view itself.

    Raises:
        InputError: an unknown choice.
    """
    if flow_of not in FLOWS:
        raise InputError(f"e_warp flow_of '{flow_of}' is not known; choose one of: {', '.join(FLOWS)}")
    return MeanOfFrames(WarpingError(flow_of).frame_scores)


def pair_error(change: F32, occluded: Mask) -> float:
    """E_warp of two frames.

    Args:
        change: (H, W) squared change along the flow, mean over channels.
        occluded: (H, W) True where the flow does not count.
    """
    known = ~occluded
    total = float(change.sum(dtype=np.float64, where=known))
    return total / (np.count_nonzero(known) or change.size)
