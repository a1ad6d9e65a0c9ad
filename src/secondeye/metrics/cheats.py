"""Is this a right view at all? Eight ways to score well, or to go unnoticed, without making one; each is looked for.

Pixel metrics reward the safe: on Middlebury the left view itself scores 14.6 dB, and by the evaluation code of 2025
even 28.9 dB. So every report says beside its numbers whether the view is one of these, and by how much:

    identity            the left view again
    constant_shift      the left view moved sideways, all of it alike: a card, not a world
    black_holes         what the left camera did not see was left black
    vertical            the eyes at different heights
    frozen              the right view stands still while the world moves
    time_shifted        the right view runs early or late
    swapped             the eyes exchanged, or the parallax the wrong way round
    blurred             detail gone that the truth has

Limits follow from what each cheat does, not from any data: a flat copy has no spread of parallax, a frozen view no
change, a wrong eye a negative slope. Each leaves room for honest faults: a view is `flagged` where it is nearer to the
cheat than to the truth. The truth itself is never flagged, whatever its own faults.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Literal

from secondeye.errors import InputError
from secondeye.metrics import Pair
from secondeye.metrics._parallax import Geometry, geometry
from secondeye.metrics._surface import sharpness, unfilled
from secondeye.metrics._timing import Lag, Stillness

FLAT_PX = 0.25
"""Spread of parallax, in px, that keypoints may have by their own inaccuracy on a flat copy."""

FLAT_SHARE = 0.1
"""A view with less than a tenth of the truth's parallax is nearer to a copy than to a view."""

UNRELATED_SLOPE, UNRELATED_SHARE = 0.1, 0.25
"""Up to a quarter of the truth's parallax is flat too where it does not follow the truth's from point to point."""

MOVED_PX = 0.5
"""Shift below which a copy counts as the left view itself."""

HEIGHT_PX = 0.5
"""Height offset that keypoints measure safely; from about a pixel on it is felt."""

UNFILLED_FRAME, UNFILLED_HOLE = 0.001, 0.25
"""Black in excess: a thousandth of the frame where holes are not given, a quarter of the hole where they are."""

FROZEN_SHARE = 0.25
"""A view that stands still in a quarter of the frames that move."""

LAG_SHARE = 0.5
"""A view that is twice as near to another moment's truth as to its own, moved sideways at will."""

WRONG_WAY, WRONG_SHARE = -0.25, 0.75
"""Slope of the parallax on the true one below which near is far, if so many of the points say so: where depth is merely
bad, points go both ways, and their middle means nothing."""

LOST_DETAIL = 0.5
"""Half of the energy of the truth's vertical detail; a Gaussian of 1 px takes more."""


@dataclass(frozen=True)
class Finding:
    """What was found about one cheat.

    `value` is what was measured and `limit` what it is held against; `judged` is False where the data cannot tell, and
    `text` says why, or what was seen.
    """

    cheat: str
    flagged: bool
    text: str
    value: float = math.nan
    limit: float = math.nan
    judged: bool = True


def unjudged(cheat: str, why: str) -> Finding:
    """A finding that the data cannot give."""
    return Finding(cheat, False, why, judged=False)


class CheatReport:
    """Looks at one clip for all cheats at once."""

    def __init__(self, every: int) -> None:
        self._every, self._count = every, 0
        self._geometry: list[Geometry] = []
        self._unfilled: list[float] = []
        self._sharpness: list[float] = []
        self._stillness, self._lag = Stillness(), Lag()
        self._has_left = self._has_truth = self._has_hole = False

    def update(self, pair: Pair) -> None:
        """See the next frame; keypoints are sought in each `every`-th only."""
        self._has_left, self._has_truth = pair.left is not None, pair.truth is not None
        self._has_hole |= pair.hole is not None and bool(pair.hole.any())
        if self._count % self._every == 0 and self._has_left:
            self._geometry.append(geometry(pair))
        self._unfilled.append(unfilled(pair))
        if self._has_left or self._has_truth:
            self._sharpness.append(sharpness(pair))
            self._stillness.update(pair)
        if self._has_truth:
            self._lag.update(pair)
        self._count += 1

    def finish(self) -> tuple[Finding, ...]:
        """One finding for each cheat, in the order of CHEATS."""
        return tuple(find(self) for find in CHEATS.values())

    def middle(self, view: Literal["judged", "true"], what: Literal["shift", "spread", "rise"]) -> float | None:
        """Median over frames of something geometric; None where no frame has it."""
        found = [getattr(one, view) for one in self._geometry]
        values = [float(getattr(parallax, what)) for parallax in found if parallax is not None]
        return median(values) if values else None

    @property
    def pixel(self) -> float:
        """Accuracy of places in px."""
        return max((g.pixel for g in self._geometry), default=1.0)

    def flat(self) -> tuple[bool, float, float] | None:
        """Whether the view has no parallax of its own, its spread and the limit; None where nothing could be matched.

        A truth that has none either (a flat scene) proves nothing, and then nothing is flagged.
        """
        spread, true = self.middle("judged", "spread"), self.middle("true", "spread")
        if spread is None:
            return None
        limit = FLAT_PX * self.pixel
        if true is not None:
            # Coding and resampling spread the places on a copy, but not as the truth's parallax lies.
            limit = max(limit, (UNRELATED_SHARE if self._unrelated() else FLAT_SHARE) * true)
        proven = not self._has_truth or (true is not None and true > 2 * limit)
        return spread < limit and proven, spread, limit

    def _unrelated(self) -> bool:
        return bool(self.slopes) and abs(median(self.slopes)) < UNRELATED_SLOPE

    @property
    def slopes(self) -> list[float]:
        """How the view's parallax follows the true one, in each frame where that can be said."""
        return [one.slope for one in self._geometry if one.slope is not None]

    def identity(self) -> Finding:
        """The left view again."""
        return self._flat_copy("identity", moved=False)

    def constant_shift(self) -> Finding:
        """The left view, all of it moved alike."""
        return self._flat_copy("constant_shift", moved=True)

    def _flat_copy(self, cheat: str, *, moved: bool) -> Finding:
        found = self.flat()
        shift = self.middle("judged", "shift")
        if found is None or shift is None:
            return unjudged(cheat, "too few points of the left view are found in the right view to see parallax")
        flat, spread, limit = found
        by_much = abs(shift) >= MOVED_PX * self.pixel
        text = f"parallax spans {spread:.2f} px around {shift:+.2f} px"
        return Finding(cheat, flat and by_much == moved, text, spread, limit)

    def black_holes(self) -> Finding:
        """What the left camera did not see was left black."""
        if not self._unfilled:
            return unjudged("black_holes", "the clip has no frames")
        share, limit = median(self._unfilled), UNFILLED_HOLE if self._has_hole else UNFILLED_FRAME
        where = "holes are" if self._has_hole else "the frame is"
        return Finding("black_holes", share > limit, f"{share:.2%} of {where} black without cause", share, limit)

    def vertical(self) -> Finding:
        """The eyes at different heights, and not as the truth's."""
        rise = self.middle("judged", "rise")
        if rise is None:
            return unjudged("vertical", "too few points of the left view are found in the right view")
        true, limit = self.middle("true", "rise") or 0.0, HEIGHT_PX * self.pixel
        flagged = min(abs(rise), abs(rise - true)) > limit
        return Finding("vertical", flagged, f"{rise:+.2f} px from eye to eye, {true:+.2f} px in the truth", rise, limit)

    def frozen(self) -> Finding:
        """The right view stands still while the world moves."""
        if not self._stillness.moving:
            return unjudged("frozen", "nothing moves, or there is nothing to see it by")
        share = self._stillness.still / self._stillness.moving
        text = f"{share:.0%} of the moving frames stand still"
        return Finding("frozen", share >= FROZEN_SHARE, text, share, FROZEN_SHARE)

    def time_shifted(self) -> Finding:
        """The right view runs early or late."""
        if not self._has_truth or not self._stillness.moving or not self._lag.longest:
            return unjudged("time_shifted", "needs a truth in which something moves, and three frames")
        lag, share = self._lag.best()
        text = (
            f"the truth {abs(lag)} frames {'later' if lag > 0 else 'earlier'} differs by {share:.0%} of its own time's"
        )
        return Finding("time_shifted", share < LAG_SHARE, text, share, LAG_SHARE)

    def swapped(self) -> Finding:
        """The eyes exchanged, or the parallax the wrong way round."""
        judged, true = (
            self.middle("judged", "spread"),
            self.middle("true", "spread"),
        )
        moved = self.middle("true", "shift")
        least = FLAT_PX * self.pixel
        if judged is not None and true is not None and moved is not None and max(true, abs(moved)) < least:
            text = f"the left view is the truth itself; the right view has {judged:.2f} px of parallax"
            return Finding("swapped", judged > 2 * least, text, judged, 2 * least)
        if not self.slopes:
            return unjudged("swapped", "neither truth nor given disparity has enough parallax to compare with")
        slope = median(self.slopes)
        against = median(one.against for one in self._geometry if one.against is not None)
        text = f"parallax follows the true one by a factor of {slope:+.2f}, {against:.0%} of the points go against it"
        return Finding("swapped", slope < WRONG_WAY and against > WRONG_SHARE, text, slope, WRONG_WAY)

    def blurred(self) -> Finding:
        """Detail gone that the truth has."""
        if not self._sharpness:
            return unjudged("blurred", "there is nothing to compare with")
        share = median(self._sharpness)
        text = f"{share:.0%} of the vertical detail is there"
        return Finding("blurred", share < LOST_DETAIL, text, share, LOST_DETAIL)


CHEATS: dict[str, Callable[[CheatReport], Finding]] = {
    "identity": CheatReport.identity,
    "constant_shift": CheatReport.constant_shift,
    "black_holes": CheatReport.black_holes,
    "vertical": CheatReport.vertical,
    "frozen": CheatReport.frozen,
    "time_shifted": CheatReport.time_shifted,
    "swapped": CheatReport.swapped,
    "blurred": CheatReport.blurred,
}
"""The cheats that are looked for, by name."""


def build(every: int = 25) -> CheatReport:
    """A report on one clip.

    Args:
        every: seek keypoints in each `every`-th frame, beginning with the first; all else is looked at in each.

    Raises:
        InputError: a value below 1.
    """
    if every < 1:
        raise InputError(f"cheats every {every} must be at least 1: each how many frames to seek keypoints in one")
    return CheatReport(every)
