"""Depth gathered over the frames of a segment, carried along by the flow from frame to frame.

Each pair of frames gives inverse depth up to its own scale and shift. The first that is believed sets the scale; the
later ones are brought to it where both are trusted, so that the scale neither jumps nor pumps, and a measurement that
contradicts what has been gathered counts little until it has been repeated.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from secondeye.depth.spread import spread_along_edges
from secondeye.depth.vanishing import VanishingPoint
from secondeye.depth_models.parallax.movers import Movers
from secondeye.depth_models.parallax.prior import ramp
from secondeye.depth_models.parallax.sweep import Swept
from secondeye.flow import beyond_around, stays_inside, warp_backward
from secondeye.flow.motion import Motion
from secondeye.flow.occlusion import Occlusion

Array = NDArray[np.float32]

LOW, HIGH = 0.1, 0.9
"""Where the first believed measurement's 5th and 95th percentile are put."""

PIT_WIDTH, PIT_DEPTH = 0.2, 0.5
"""Shares of the frame's width and of the range of depth: what is narrower than the one and farther than all around
it by the other is hardly ever a gap, and mostly something that goes along with the camera."""

MOST_TRUST = 4.0
"""Trust of so many sure measurements is gathered; more would make depth slow to correct."""

FADE = 0.98
"""A frame's share of trust that is kept: half after 1.5 s at 24 frames a second."""

ALIKE = 8.0
"""Grey levels within which a px is the one it was: above the noise of usual footage and of misplaced texture."""

MEETING_RATE, LEAST_SURE, SAME_MEETING = 0.2, 0.1, 0.15
"""How far where lines meet goes to what a measurement says, at once; share of another point's sureness below which that
takes over; and what share of the height two points may be apart and still be one."""

LOST = 0.2
"""Share of the frame that must be as it was, or nothing is carried along."""

DOUBT = 0.9
"""Share of the trust in gathered depth that is kept when a measurement finds no parallax."""

RAMP_TRUST, LEAST_BELIEF = 0.04, 0.1
"""Trust in the ramp where parallax is wholly believed, against 1 of a sure measurement; it counts more the less that
is, up to ten times."""

FARTHER_COUNTS = 1.5
"""What is farther than the ramp by a whole range of depth counts e to the power of so much more."""

STIFFNESS, EDGE_GREY = 1200.0, 0.02
"""How far depth is carried where the picture is flat, and the change of grey that ends it; see `spread_along_edges`."""

OWN_TRUST = 0.6
"""Trust from where on a px rather shows its own depth than that of all around it."""

STEEP = 0.6, 2.0
"""How much flatter or steeper than it comes the ramp may be made to continue what is known."""

BLEND = 0.25
"""Share of a new map in what is shown, where the old one could be carried along: a quarter of a second."""

MOST_CHANGE = 0.01
"""How much the scale of what is shown changes from a frame to the next: its spread's logarithm, and either end."""

NEWLY_SEEN = 24
"""Part of the frame's longer side, either way, from which what comes into view takes how far its surroundings still are
from the new map, or it would stand out from them until they are there; it stays between the two maps."""

SPREAD, LEAST_SPREAD = (10, 90), 0.05
"""Percentiles that are the ends of the scale; where they are closer, there is none."""

SPARSE, FEWEST_SAME = np.s_[::4, ::4], 60
"""One px of four in either direction is enough to measure a scale on, and so many that stay the same."""


class Fusion:
    """The state of one segment: all arrays are (h, w) float32 of the current frame."""

    def __init__(self, grey: NDArray[np.uint8]) -> None:
        self.start(grey)

    def start(self, grey: NDArray[np.uint8], shown: Array | None = None) -> None:
        """Know nothing, at a frame (h, w); `shown` is what has been shown of the same scene."""
        self._grey = grey
        self._depth, self._trust, self._match = np.zeros((3, *grey.shape), np.float32)
        self._movers = Movers(grey.shape)
        self._shown: Array | None = shown
        if shown is not None:
            self._match += 1
        self._contradictions = 0
        self._belief: float | None = None
        self._meeting: VanishingPoint | None = None
        self._seen_lines = False

    def advance(
        self, grey: NDArray[np.uint8], flow: Array, before: NDArray[np.uint8] | None = None, least: float = LOST
    ) -> bool:
        """Go on to the next frame, unless it shows something else altogether (a cut, a flash).

        Args:
            grey: (h, w) uint8, the next frame.
            flow: (2, h, w) px from it back to the current frame.
            before: (h, w) uint8, the current frame in the next one's light; None where that has not changed.
            least: share of the frame that must be as it was.

        Returns:
            Whether the next frame is the current one now.
        """
        match, alike = carried(self._grey if before is None else before, grey, flow)
        if match.mean() < least:
            return False
        self._match, self._grey = alike, grey
        self._depth = warp_backward(self._depth, flow)
        self._trust = warp_backward(self._trust, flow) * match * np.float32(FADE)
        self._movers.advance(flow, match, alike)
        if self._shown is not None:
            self._shown = warp_backward(self._shown, flow)
        return True

    def see(self, meeting: VanishingPoint | None) -> None:
        """Take in where lines meet in the current frame; slowly, after the first time."""
        self._meeting = _followed(self._meeting, meeting, len(self._grey)) if self._seen_lines else meeting
        self._seen_lines = True

    def add(
        self, motion: Motion, trust: Array, belief: float, swept: Swept | None, hides: Occlusion | None = None
    ) -> None:
        """Take in what the current frame and another one say.

        Args:
            motion: of the pair.
            trust: (h, w) of its flow, 0 to 1.
            belief: how far its parallax is believed, 0 to 1.
            swept: depth found by its camera, where it is believed at all.
            hides: who covers whom, where it is not believed and that is known.
        """
        self._belief = belief if self._belief is None else self._belief + 0.4 * (belief - self._belief)
        if belief > 0:
            if swept is not None:
                off = motion.residual / np.float32(motion.noise_px)
                fits = np.float32(belief * self._belief) / (1 + off**2) ** 2 * motion.leverage
                hollow = _pits(motion.inverse_depth, np.asarray(trust * fits, np.float32))
                self._add_depth(swept.inverse_depth, np.asarray(swept.sure * fits * (1 - hollow), np.float32))
            self._movers.see_parallax(motion, trust, swept)
        else:
            self._trust *= np.float32(DOUBT)
            self._movers.see_turning(motion, trust, hides)

    def show(self) -> Array:
        """The current frame's inverse depth (h, w), about 0 to 1."""
        grey: Array = np.asarray(self._grey / np.float32(255), np.float32)
        shown = self._filled(ramp(grey, self._meeting), grey)
        shown = self._movers.bring_forward(shown, grey)
        self._shown = shown if self._shown is None else _eased(self._shown, np.asarray(shown, np.float32), self._match)
        return self._shown.copy()

    def _filled(self, prior: Array, grey: Array) -> Array:
        """What has been gathered, by how far it leaves the ramp; the rest takes that from what no edge parts it from.

        What nobody can place is rather the background's than the foreground's, whose outline would be seen: so what
        is farther than the ramp counts more.
        """
        known = self._trust[SPARSE] > 0.1
        if not known.any():
            return prior
        low, high = np.percentile(self._depth[SPARSE][known], (1, 99))
        fitted = self._fitted(prior)
        off = np.clip(self._depth, low, high) - fitted
        weight = self._trust * np.exp(np.clip(off, -0.5, 0.5) * np.float32(-FARTHER_COUNTS))
        whole = weight + np.float32(RAMP_TRUST / max(self._belief or 0.0, LEAST_BELIEF))
        spread = spread_along_edges(off * weight / whole, np.asarray(whole, np.float32), grey, STIFFNESS, EDGE_GREY)
        own = self._trust / (self._trust + np.float32(OWN_TRUST))
        return np.asarray(fitted + spread + own * (off - spread), np.float32)

    def _fitted(self, prior: Array) -> Array:
        """The ramp as steep and as near as what is known, in as far as a good part of the picture is."""
        weight = self._trust.astype(np.float64)
        total = float(weight.sum())
        coverage = total / (total + 0.05 * prior.size)
        x, y = float((weight * prior).sum()) / total, float((weight * self._depth).sum()) / total
        slope = float((weight * (prior - x) * (self._depth - y)).sum() / ((weight * (prior - x) ** 2).sum() + 1e-9))
        steep = 1 + coverage * (min(max(slope, STEEP[0]), STEEP[1]) - 1)
        return np.asarray(x + coverage * (y - x) + steep * (prior - x), np.float32)

    def _add_depth(self, depth: Array, weight: Array) -> None:
        common = (self._trust > 0.2) & (weight > 0.2)
        scaled = self._bring_to_scale(depth, common) if common.mean() > 0.02 else None
        if scaled is None and self._contradictions > 4:
            self._trust *= 0
        if scaled is None and self._trust.mean() > 0.02:
            self._contradictions += 1
            return
        if scaled is None:
            sure = depth[weight > 0.2]
            if sure.size < 60:
                return
            low, high = np.percentile(sure, (5, 95))
            scaled = LOW + (depth - np.float32(low)) * np.float32((HIGH - LOW) / max(high - low, 1e-9))
        self._contradictions = 0
        both = self._trust + weight + np.float32(1e-9)
        self._depth = (self._trust * self._depth + weight * np.clip(scaled, -0.5, 1.5)) / both
        self._trust = np.minimum(both, np.float32(MOST_TRUST))

    def _bring_to_scale(self, depth: Array, common: NDArray[np.bool_]) -> Array | None:
        """On the gathered depth's scale, or None where the two contradict each other.

        By the ratio of spreads, not by regression, which noise would make shrink the scale a little every time.
        """
        new, old = depth[common].astype(np.float64), self._depth[common].astype(np.float64)
        if new.std() < 1e-9 or old.std() < 1e-9:
            return None
        if float(np.corrcoef(new, old)[0, 1]) < 0.3:
            return None
        spreads = [np.subtract(*np.percentile(values, (85, 15))) for values in (old, new)]
        gain = spreads[0] / max(spreads[1], 1e-9)
        shift = float(np.median(old - gain * new))
        return np.asarray(gain * depth + shift, np.float32)


def _followed(before: VanishingPoint | None, now: VanishingPoint | None, height: int) -> VanishingPoint | None:
    """Where lines meet after another look: another point must be seen for a while before it is believed."""
    if now is None:
        return None if before is None else before._replace(sure=(1 - MEETING_RATE) * before.sure)
    if before is None:
        return now._replace(sure=MEETING_RATE * now.sure)
    if math.hypot(now.x - before.x, now.y - before.y) > SAME_MEETING * height:
        fallen = before._replace(sure=(1 - MEETING_RATE) * before.sure)
        return fallen if fallen.sure > LEAST_SURE * now.sure else now._replace(sure=fallen.sure)
    return VanishingPoint(*(old + MEETING_RATE * (new - old) for old, new in zip(before, now, strict=True)))


def carried(before: NDArray[np.uint8], grey: NDArray[np.uint8], flow: Array) -> tuple[Array, Array]:
    """How far each px of a frame is what it was in another, 0 to 1: exactly there, and there or beside it.

    What is shown is carried along by the second: flow is not exact to the px, and fine texture would have every new
    map shown at once.

    Args:
        before: (h, w) uint8, the other frame.
        grey: (h, w) uint8, in the same light.
        flow: (2, h, w) px from `grey` to `before`.
    """
    inside, moved = stays_inside(flow), warp_backward(before.astype(np.float32), flow)
    return _likeness(np.abs(moved - grey), inside), _likeness(beyond_around(grey, moved), inside)


def _likeness(error: Array, inside: NDArray[np.bool_]) -> Array:
    """How far px (h, w) are what they were, 0 to 1, by how many grey levels they are off."""
    off = cv2.blur(error, (3, 3)) * np.float32(1 / ALIKE)
    off *= off
    return np.asarray(inside / (1 + off * off), np.float32)


def _eased(before: Array, now: Array, match: Array) -> Array:
    """The new map (h, w) in place of the old one, little by little where px stay the same, `match` 0 to 1.

    The scale as a whole goes over no faster than the eye bears; what comes into view has the scale of the rest.
    """
    same = match[SPARSE] > 0.5
    if same.sum() < FEWEST_SAME:
        return now
    old, new = before[SPARSE][same], now[SPARSE][same]
    ends, new_ends, blended_ends = (_ends(values) for values in (old, new, old + np.float32(BLEND) * (new - old)))
    change = max(abs(math.log(_span(blended_ends) / _span(ends))), *np.abs(np.subtract(blended_ends, ends)))
    share = np.float32(BLEND * min(1.0, MOST_CHANGE / max(change, 1e-9)))
    eased = before + share * (now - before)
    if share < np.float32(BLEND):
        goal = _ends(eased[SPARSE][same])
        gain = np.float32(_span(goal) / _span(new_ends))
        now = gain * (now - np.float32(new_ends[0])) + np.float32(goal[0])
    off, around = eased - now, _around(eased - now, match)
    newly = np.clip(around, np.minimum(off, 0), np.maximum(off, 0))
    return np.asarray(now + newly + match * (off - newly), np.float32)


def _around(off: Array, match: Array) -> Array:
    """What values (h, w) are in the mean about each px where px stay the same, `match` 0 to 1."""
    side = 2 * (max(off.shape) // NEWLY_SEEN) + 1
    seen, total = (cv2.blur(values, (side, side), borderType=cv2.BORDER_CONSTANT) for values in (match, match * off))
    return np.asarray(total / (seen + np.float32(1e-3)), np.float32)


def _ends(values: Array) -> tuple[float, float]:
    low, high = np.percentile(values, SPREAD)
    return float(low), float(high)


def _span(ends: tuple[float, float]) -> float:
    return max(ends[1] - ends[0], LEAST_SPREAD)


def _pits(depth: Array, weight: Array) -> Array:
    """Where depth (h, w) has a narrow pit: 1 there, 0 elsewhere."""
    sure = depth[weight > 0.2]
    if sure.size < 60 or min(depth.shape) < 32:
        return np.zeros_like(depth)
    low, high = np.percentile(sure, (10, 90))
    small = cv2.resize(depth, (depth.shape[1] // 6, depth.shape[0] // 6), interpolation=cv2.INTER_AREA)
    width = max(3, round(PIT_WIDTH * max(small.shape)))
    closed = cv2.morphologyEx(small, cv2.MORPH_CLOSE, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width)))
    pit = (closed - small > PIT_DEPTH * (high - low)).astype(np.float32)
    return np.asarray(cv2.resize(cv2.dilate(pit, np.ones((3, 3), np.uint8)), depth.shape[::-1]), np.float32)
