"""Motion between two frames, and where it cannot be trusted, for metrics that follow pixels through time.

Flow is OpenCV's DIS (no weights); Lai et al. took FlowNet2. `occlusion` (in `_warp_kernel`) is their test as their
released script runs it: it hands over the two flows in swapped order, so it is the forward flow that is tested, on the
earlier frame's grid, which is also where the error is taken; and to Ruder et al.'s forward-backward test a
motion-boundary test is added.

Source: github.com/phoenix104104/fast_blind_video_consistency, compute_flow_occlusion.py (8154b60), utils.py (3324fb1).
"""

import cv2
import numpy as np

from secondeye.metrics import Pair, View
from secondeye.metrics._views import F32, U8, Mask, grey8, planes
from secondeye.metrics._warp_kernel import occlusion, squared_changes


def between(earlier: Pair, later: Pair, view: View) -> tuple[F32, Mask]:
    """Flow (H, W, 2) from the earlier frame's pixels to the later frame, and where it is occluded or a boundary."""
    return later.memo.get(("flow", view), lambda: _between(earlier, later, view))


def _between(earlier: Pair, later: Pair, view: View) -> tuple[F32, Mask]:
    a, b = grey8(earlier, view), grey8(later, view)
    forward, backward = dense(a, b), dense(b, a)
    return forward, occlusion(forward, backward)


def dense(a: U8, b: U8) -> F32:
    """DIS flow from a to b, (H, W, 2) px; none where a picture is too small for it."""
    if min(a.shape) < 16:
        return np.zeros((*a.shape, 2), np.float32)
    estimator = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    return np.asarray(estimator.calc(a, b, None), np.float32)  # type: ignore[call-overload]


def changes(earlier: Pair, later: Pair, view: View, along: View) -> F32:
    """Squared change of a view along the motion of a view, mean over channels, (H, W) on the earlier frame's grid.

    The change of the view whose motion it is comes along, for it is nearly always asked for next.
    """

    def make() -> F32:
        views = (view,) if view == along else (view, along)
        before, after = ([planes(pair, each) for each in views] for pair in (earlier, later))
        found = squared_changes(before, after, between(earlier, later, along)[0])
        if view != along:
            later.memo.get(("change", along, along), lambda: found[1])
        return np.asarray(found[0])

    return later.memo.get(("change", view, along), make)
