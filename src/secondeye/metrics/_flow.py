"""Motion between two frames, and where it cannot be trusted, for metrics that follow pixels through time.

Flow is OpenCV's DIS (no weights); Lai et al. took FlowNet2. `occlusion` (in `_warp_kernel`) is their test as their
released script runs it: it hands over the two flows in swapped order, so it is the forward flow that is tested, on the
earlier frame's grid, which is also where the error is taken; and to Ruder et al.'s forward-backward test a
motion-boundary test is added.

Source: github.com/phoenix104104/fast_blind_video_consistency, compute_flow_occlusion.py (8154b60), utils.py (3324fb1).
"""

from typing import Literal

from secondeye.flow import dis_flow
from secondeye.metrics import Pair, Region, View
from secondeye.metrics._views import F32, U8, Mask, grey8, planes, region_codes, region_means, view_mask
from secondeye.metrics._warp_kernel import OCCLUDED, mark_landed, occlusion, squared_change


def between(earlier: Pair, later: Pair, view: View) -> tuple[F32, Mask]:
    """Flow (2, H, W) from the earlier frame's pixels to the later frame, and where it is occluded or a boundary."""

    def make() -> tuple[F32, Mask]:
        forward = flow(earlier, later, view, "forward")
        return forward, occlusion(forward, flow(earlier, later, view, "backward"))

    return later.memo_of(view).get(("motion", view, earlier.index), make)


def flow(earlier: Pair, later: Pair, view: View, way: Literal["forward", "backward"]) -> F32:
    """Flow (2, H, W) of a view between two frames: from the earlier one's pixels forward, or from the later one's."""
    start, end = (earlier, later) if way == "forward" else (later, earlier)
    key = ("flow", view, way, earlier.index)
    return later.memo_of(view).get(key, lambda: dis_flow(grey8(start, view), grey8(end, view), "fast"))


def motion_codes(earlier: Pair, later: Pair, along: View) -> U8:
    """For each pixel of the earlier frame its region, as `region_codes` has it, or why it does not count, (H, W).

    LANDED is a visible one that moves into a hole of the later frame, OCCLUDED one whose motion is not known.
    """

    hole = None if earlier.hole is None else later.hole

    def make() -> U8:
        forward, occluded = between(earlier, later, along)
        codes = region_codes(earlier).copy()
        if hole is not None:
            mark_landed(forward, view_mask(hole), codes)
        codes[occluded] = OCCLUDED
        return codes

    return later.memo_of(along).get(("motion codes", along, earlier.index, hole is None), make)


def change(earlier: Pair, later: Pair, view: View, along: View) -> F32:
    """Squared change of a view along the motion of a view, mean over channels, (H, W) on the earlier frame's grid."""
    return squared_change(planes(earlier, view), planes(later, view), between(earlier, later, along)[0])


def mean_changes(earlier: Pair, later: Pair, view: View, along: View) -> dict[Region, float]:
    """Mean of `change` by region of the earlier frame, over what counts; NaN where a region is empty.

    For the whole frame all counts whose motion is known, for a region what does not land in a hole besides.
    """

    def make() -> dict[Region, float]:
        return region_means(earlier, change(earlier, later, view, along), motion_codes(earlier, later, along))

    key = ("mean changes", view, along, earlier.index, earlier.hole is None, later.hole is None)
    return later.memo_of(view, along).get(key, make)
