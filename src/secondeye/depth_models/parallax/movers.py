"""What moves on its own: found by what neither turning nor depth explains, and brought before what it covers.

It has no parallax that could be trusted, and would be put at the depth of what is behind it. So each thing that moves
stands on the ground at its feet, and before all that it was seen to cover.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from secondeye.depth.belief import belief_in, beliefs_in
from secondeye.depth.smooth import filter_guided
from secondeye.depth_models.parallax.sweep import Swept
from secondeye.flow import warp_backward
from secondeye.flow.motion import Motion
from secondeye.flow.occlusion import Occlusion

Array = NDArray[np.float32]

LEAVES = (1.0, 3.0)
"""Of the flow's noise: what a change of place leaves over at which a px begins to leave its line, and surely does."""

LEAVING_RATE = 0.3
"""How far what leaves its line goes to what a measurement says, at once: people came and went with their steps."""

UNMATCHED_RATE = 0.6
"""The same for what has no match at any depth, which is surer and may be fast."""

PLACE_GAIN = 0.3, 0.8
"""Gain of a change of place, though it is not believed, from which what turning leaves over begins to be taken for
depth, and surely is; before, it moves by itself."""

TURNS = (2.0, 4.0)
"""Of the flow's noise: what turning leaves over at which a px begins to move by itself, and surely does."""

HEARD = np.float32(0.25)
"""Trust from which flow is heard to the full."""

AROUND = 7
"""Px over which what leaves its line is shared out."""

FADE = 0.992
"""A frame's share of what was seen to move that is kept: half after 3.5 s at 24 frames a second."""

DOUBT, PLACE_DOUBT = 0.9, 0.7
"""Shares of what leaves its line or has no match that is kept when a measurement finds no parallax, and of what turning
does not explain when one does find it, for then everything moves."""

OUTLINE_VARIANCE = 5e-3
"""Grey variance (0 to 1 squared) of edges that the outline of what moves is drawn to, but not to fur and folds."""

SURELY = 0.4
"""From where on a px counts as moving on its own, or as covered."""

SMALLEST_SHARE, LARGEST_SHARE = 0.002, 0.4
"""Of the frame: smaller is noise, and what is larger is no subject but the scene."""

REACHING_SHARE = 0.03
"""Of the frame, from where on what the upper border cuts is an arm or a face, and no bird and no twig."""

SKY_WIDTH = 0.75
"""Of the frame's width, from where on what the upper border cuts is behind everything: nothing reaches in so wide."""

STEP = 0.02
"""By how much a subject stands before the ground at its feet, and before what it covers."""

FEWEST_COVERED, NEARLY_ALL = 30, 80
"""So many px, within reach of a subject, that it covers before or after are enough for it to stand before them; and the
percentile of them that it stands before."""


class Movers:
    """What moves on its own in the current frame of a segment: all arrays are (h, w) float32, 0 to 1."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._turning_over, self._leaving, self._unmatched, self._covered = np.zeros((4, *shape), np.float32)

    def advance(self, flow: Array, match: Array, alike: Array) -> None:
        """Go on to the next frame.

        Args:
            flow: (2, h, w) px from it back to the current frame.
            match, alike: (h, w), how far its px are what they were; see `fusion.carried`.
        """
        self._turning_over = warp_backward(self._turning_over, flow) * match * np.float32(FADE)
        self._leaving = warp_backward(self._leaving, flow) * match
        self._unmatched = warp_backward(self._unmatched, flow) * alike
        self._covered = warp_backward(self._covered, flow) * match * np.float32(FADE)

    def see_parallax(self, motion: Motion, trust: Array, swept: Swept | None) -> None:
        """Take in a measurement whose parallax is believed: of the pair, trust (h, w) in its flow, and its sweep."""
        if swept is not None:
            self._unmatched += np.float32(UNMATCHED_RATE) * (swept.unmatched - self._unmatched)
        self._turning_over *= np.float32(PLACE_DOUBT)
        self._covered *= np.float32(PLACE_DOUBT)
        seen = heard(trust)
        leaving = np.zeros_like(trust)
        if motion.fits_exactly:
            leaving = beliefs_in(motion.residual / np.float32(motion.noise_px), LEAVES) * seen
        share = cv2.blur(leaving, (AROUND, AROUND)) / (cv2.blur(seen, (AROUND, AROUND)) + np.float32(0.1))
        self._leaving += np.float32(LEAVING_RATE) * (share - self._leaving)

    def see_turning(self, motion: Motion, trust: Array, hides: Occlusion | None) -> None:
        """Take in a measurement that finds no parallax: of the pair, trust (h, w), and who covers whom if known."""
        turns = np.float32(1 - belief_in(motion.gain, PLACE_GAIN))
        over = beliefs_in(motion.turn_residual / np.float32(motion.noise_px), TURNS) * np.minimum(4 * trust, turns)
        self._turning_over = np.maximum(self._turning_over, cv2.blur(over, (5, 5)))
        self._leaving *= np.float32(DOUBT)
        self._unmatched *= np.float32(DOUBT)
        if hides is not None:
            self._turning_over = np.maximum(self._turning_over, cv2.blur(turns * hides.covering, (5, 5)))
            self._covered = np.maximum(self._covered, cv2.blur(turns * hides.covered, (3, 3)))

    def bring_forward(self, depth: Array, grey: Array) -> Array:
        """Inverse depth (h, w) of the current frame, grey (h, w) 0 to 1, with what moves where it belongs."""
        moving = 1 - (1 - self._turning_over) * (1 - self._leaving) * (1 - self._unmatched)
        if not (moving > SURELY).mean() > SMALLEST_SHARE / 2:
            return depth
        return stand(depth, _outlined(moving, grey), self._covered)


def heard(trust: Array) -> Array:
    """How far flow is heard, 0 to 1, by how far it is trusted."""
    return np.asarray(np.minimum(trust / HEARD, np.float32(1)), np.float32)


def stand(depth: Array, moving: Array, covered: Array) -> Array:
    """Bring forward what moves on its own: no part of it is farther than the ground that its lowest part stands on.

    What the upper border cuts stands nowhere in the picture: an arm that reaches in, a face close by. It is before all,
    unless it goes nearly all the way across, as drifting clouds do: those stay where they are.

    Args:
        depth: (h, w) inverse depth.
        moving: (h, w) 0 to 1, how sure it is that a px moves on its own.
        covered: (h, w) 0 to 1, how sure it is that what is about to move there, or just did, is before it.

    Returns:
        (h, w) inverse depth; nowhere farther than before.
    """
    h, w = depth.shape
    reach = max(3, max(h, w) // 24)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach))
    mask = np.asarray(cv2.morphologyEx((moving > SURELY).astype(np.uint8), cv2.MORPH_CLOSE, disc), np.uint8)
    outlines = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
    cv2.drawContours(mask, outlines, -1, 1, cv2.FILLED)
    behind = (covered > SURELY) & (mask == 0)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    nearness = np.zeros(count, np.float32)
    for label in range(1, count):
        left, top, wide, high, area = stats[label]
        is_sky = top <= 1 and wide > SKY_WIDTH * w
        if is_sky or not SMALLEST_SHARE * h * w < area < LARGEST_SHARE * h * w:
            continue
        before = [np.median(depth[min(h - 1, top + high - 1), left : left + wide])]
        if top <= 1 and area > REACHING_SHARE * h * w:
            before.append(np.percentile(depth, 95))
        box = np.s_[max(0, top - reach) : top + high + reach, max(0, left - reach) : left + wide + reach]
        about = depth[box][behind[box] & (cv2.dilate((labels[box] == label).astype(np.uint8), disc) > 0)]
        if about.size > FEWEST_COVERED:
            before.append(np.percentile(about, NEARLY_ALL))
        nearness[label] = max(before) + STEP
    raised = np.maximum(depth, nearness[labels])
    return np.asarray(depth + (raised - depth) * cv2.GaussianBlur(mask * np.float32(1), (0, 0), 1.5), np.float32)


def _outlined(moving: Array, grey: Array) -> Array:
    """What moves, (h, w) 0 to 1, drawn to the picture's edges; half the size is fine enough and costs a quarter."""
    h, w = grey.shape
    half = (max(1, w // 2), max(1, h // 2))
    small, smaller = (np.asarray(cv2.resize(a, half, interpolation=cv2.INTER_AREA), np.float32) for a in (moving, grey))
    drawn = filter_guided(small, smaller, max(1, max(h, w) // 96), OUTLINE_VARIANCE)
    return np.asarray(cv2.resize(drawn, (w, h)), np.float32)
