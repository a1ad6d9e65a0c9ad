"""Warping error E_warp (Lai et al.): does a video agree with itself along its motion?

Each frame is compared with the next one, brought back by the flow: mean of the squared difference over what is not
occluded (values in 0 to 1, all channels), mean over pairs of frames. The flow is the input video's. For a right view
the pixel-aligned input is the true right view; where there is none, the output's own flow is taken. FlowNet2 gave
Lai et al.'s numbers; DIS (no weights) gives the ones here.

Source: Lai et al., Learning blind video temporal consistency, ECCV 2018, equation 1 of the evaluation; as released in
evaluate_WarpError.py (8154b60): an all-zero mask divides by the number of values instead.
"""

import math

from secondeye.errors import InputError
from secondeye.metrics import Meter, Metric, Pair, Region, View
from secondeye.metrics._flow import mean_changes
from secondeye.metrics._per_frame import MeanOfFrames

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
        error = mean_changes(before, pair, "right", along)["whole"]
        return {"whole": 0.0 if math.isnan(error) else error}  # nothing known: the released code divides 0 by all

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
