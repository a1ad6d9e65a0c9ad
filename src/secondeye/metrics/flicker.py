"""How much more the filled region changes from frame to frame than the truth does there.

Each frame is compared with the next one along the true motion, as E_warp does, but only over a region, as a root mean
square in 8-bit steps; the truth's own change (noise, real change of light) is taken off. 0 is as steady as the truth,
above flickers, below is frozen or too smooth. A pixel belongs to the region that it lies in in the earlier frame;
visible ones that land in a hole count for the whole frame only, since what they show there is not their doing.
"""

import math

import numpy as np

from secondeye.metrics import Meter, Metric, Pair, Region, View
from secondeye.metrics._flow import between, changes
from secondeye.metrics._per_frame import MeanOfFrames
from secondeye.metrics._views import Mask, region_means, view_mask
from secondeye.metrics._warp_kernel import squared_changes

METRIC = Metric(
    "flicker", "lower", (-255.0, 255.0), ("truth",), unit="8-bit steps", frames=2, by_region=True, family="flow"
)


VIEWS: tuple[View, View] = ("right", "truth")


class Flicker:
    """Change of each frame against the one before it, in excess of the truth's."""

    def __init__(self) -> None:
        self._before: Pair | None = None

    def frame_scores(self, pair: Pair) -> dict[Region, float]:
        """The excess by region of the earlier frame; none for the first frame."""
        before, self._before = self._before, pair
        if before is None:
            return {"whole": math.nan}
        known = ~between(before, pair, "truth")[1]
        found = self._excess(before, pair, known)
        if pair.hole is not None:
            lands = self._lands_in_hole(before, pair) & ~view_mask(pair.hole if before.hole is None else before.hole)
            found |= {r: v for r, v in self._excess(before, pair, known & ~lands).items() if r != "whole"}
        return found

    @staticmethod
    def _excess(before: Pair, pair: Pair, known: Mask) -> dict[Region, float]:
        judged, true = (region_means(before, changes(before, pair, view, "truth"), known) for view in VIEWS)
        return {region: 255 * (math.sqrt(judged[region]) - math.sqrt(true[region])) for region in judged}

    @staticmethod
    def _lands_in_hole(before: Pair, pair: Pair) -> Mask:
        """Pixels of the earlier frame whose place in the later one is made of at least one hole pixel."""
        assert pair.hole is not None
        hole = view_mask(pair.hole).astype(np.float32)[None]
        return np.asarray(squared_changes([np.zeros_like(hole)], [hole], between(before, pair, "truth")[0])[0] > 0)


def build() -> Meter:
    """Flicker of a clip, mean over pairs of frames."""
    return MeanOfFrames(Flicker().frame_scores)
