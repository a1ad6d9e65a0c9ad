"""How much more the filled region changes from frame to frame than the truth does there.

Each frame is compared with the next one along the true motion, as E_warp does, but only over a region, as a root mean
square in 8-bit steps; the truth's own change (noise, real change of light) is taken off. 0 is as steady as the truth,
above flickers, below is frozen or too smooth. A pixel belongs to the region that it lies in in the earlier frame;
visible ones that land in a hole count for the whole frame only, since what they show there is not their doing.
"""

import math

from secondeye.metrics import Meter, Metric, Pair, Region, View
from secondeye.metrics._flow import mean_changes
from secondeye.metrics._per_frame import MeanOfFrames

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
        judged, true = (mean_changes(before, pair, view, "truth") for view in VIEWS)
        return {region: 255 * (math.sqrt(judged[region]) - math.sqrt(true[region])) for region in judged}


def build() -> Meter:
    """Flicker of a clip, mean over pairs of frames."""
    return MeanOfFrames(Flicker().frame_scores)
