"""One comparison: what the current frame and another one say about depth, and how far that is believed."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from secondeye.depth.belief import belief_in
from secondeye.depth.vanishing import VanishingPoint
from secondeye.depth_models.parallax.movers import heard
from secondeye.depth_models.parallax.sweep import Swept, sweep
from secondeye.depth_models.parallax.view import LONGEST_GAP, LOOK_AHEAD, View
from secondeye.flow import confidence, consistency_error, dis_flow, seen_again
from secondeye.flow.camera import fit_camera
from secondeye.flow.motion import GROUND_GAIN, SURE_AGREEMENT, Motion, fit_motion
from secondeye.flow.occlusion import Occlusion, occlusion
from secondeye.flow.points import trusted_points
from secondeye.flow.turn import Turn, fit_turn

Grey = NDArray[np.uint8]
Array = NDArray[np.float32]

TARGET_PX = 7.5
"""Parallax that the gap aims at: a dozen times the noise of DIS, and still within its reach."""

ENOUGH = 0.5
"""Share of that which is parallax to speak of."""

MOVED_PX = 12.0
"""Where no parallax is believed, what turning leaves over of the flow shall not exceed that: it moves on its own, and
over a longer way it would hide too much. As far as frames are held back may always be looked."""

MOVING_PERCENTILE = 95
"""Of what turning leaves over: the fastest thing that is more than a few lost pixels."""

MOST_GROWTH = 2.5
"""Where no parallax is believed, the gap that is wished for is at most so many times the last: a camera that starts to
move must not be met over too long a way."""

FOLLOWED = 0.5
"""How far the gap goes to the one that is wished for, at once: a single measurement may be wrong."""

LEAST_PX = 0.1
"""Ways shorter than that are noise; as divisors they count as that long."""

LONGEST_FLOW = 0.08
"""Of the width; beyond it too much leaves the frame or is lost."""

LOST_PX, MOST_LOST = 2.0, 0.4
"""Flow that misses its start by more, there and back, leads nowhere; and the share of the frame that may be lost so:
beyond it the rest is no fair sample, and half the gap is tried."""

TRUSTED, WITHIN = 0.2, 2.0
"""How deep a scene is, is told by pixels whose flow is trusted more than that, and which the camera's move explains to
within so many times the flow's noise."""

RANGE_PERCENTILES = (1, 5, 95, 99)
"""Of their inverse depth, within which a scene lies: a few are wrong and far off."""

FARTHEST_TAIL, NEAREST_TAIL = 0.5, 2.0
"""Between the outer two of them there is at most so much, of what is between the inner two: what moves by itself may
seem to lie far beyond everything, while a single thing may well stand close."""

RANGE_ROOM = 0.25
"""The sweep tries so much more than the range of what flow says, either way."""

STRANGE_PX = 0.5
"""Where the sweep is farther off from flow that is trusted than this and twice the flow's noise, it is not believed:
leaves and grass look alike all along the line."""

STEEPNESS = 4
"""How sharply belief in the sweep ends where heard flow contradicts it by more than the above: half way at the border,
6 % left at twice as far."""

FEWEST_SURE = 60
"""Pixels that flow and camera must agree about, or there is no telling how deep a scene is."""

MOST_STILL, GROUND_STILL, LEAST_STILL_GAIN = 0.8, 0.9, -0.1
"""Share of the picture that turning and zooming may explain where parallax is believed; the same where the ground
speaks clearly, as in a room whose far wall fills the picture while the camera goes towards it; and the gain above which
that counts."""


@dataclass(frozen=True)
class Look:
    """What the current frame says, alone and with another one, and how far off the next other should be.

    There is no motion where there is no other frame, or where all is lost on the way to it. What depth was swept is
    there where parallax is believed, and who covers whom where it is not and there are frames before and after.
    """

    meeting: VanishingPoint | None
    motion: Motion | None
    trust: Array
    belief: float
    swept: Swept | None
    hides: Occlusion | None
    next_gap: float

    @property
    def is_enough(self) -> bool:
        """Whether it shows parallax, and not only a little."""
        return self.motion is not None and self.belief > 0 and self.motion.parallax_px > ENOUGH * TARGET_PX


def compare(view: View, gap: float) -> Look:
    """Look at the current frame, and compare it with one about `gap` frames off."""
    offset = _offset(max(1, round(gap)), *view.reach)
    if offset == 0:
        return Look(view.meeting, None, np.zeros(view.grey.shape, np.float32), 0.0, None, None, gap)
    grey, frames, other = view.grey, abs(offset), view.at(offset)
    forward, backward = dis_flow(grey, other), dis_flow(other, grey)
    error = consistency_error(forward, backward)
    trust = confidence(forward, backward, grey, error)
    motion = fit_motion(forward, trust) if (error > LOST_PX).mean() < MOST_LOST else None
    if motion is None:
        return Look(view.meeting, None, trust, 0.0, None, None, max(1.0, frames / 2))
    belief = believe(motion)
    swept = None
    if belief > 0:
        past, ahead = view.reach
        more = [view.at(k) for k in (-offset, 2 * offset, -2 * offset) if -past <= k <= ahead]
        again = seen_again(forward, error)
        swept = _sweep(grey, other, more, motion, trust, again)
        if swept is not None and not more:  # what this one does not show is not to be seen anywhere
            swept = replace(swept, sure=swept.sure * again, unmatched=swept.unmatched * again)
    hides = _hides(view, offset, motion, trust) if belief <= 0 else None
    next_gap = _next_gap(motion, gap, frames, max(grey.shape), believed=belief > 0)
    return Look(view.meeting, motion, trust, belief, swept, hides, next_gap)


def believe(motion: Motion) -> float:
    """How far the parallax of a pair is believed, 0 to 1.

    All must hold: a change of place explains the flow better by more than its freedom; turning leaves a good part
    unexplained; most of the picture moves; there is parallax well above the noise, and little else; it makes nearly
    everything lie before the camera, or where that is open the ground speaks clearly; and it does not put the ground
    behind the sky.
    """
    clear = motion.parallax_px > max(1.5, 4 * motion.residual_px)
    ground = _ground(motion)
    most_still = MOST_STILL
    if motion.gain > LEAST_STILL_GAIN:
        most_still += ground * (GROUND_STILL - MOST_STILL)
    if not clear or motion.still > most_still or motion.length_px < 1.0:
        return 0.0
    sure = motion.agreement > SURE_AGREEMENT
    upright = belief_in(motion.lower_nearer, (-0.5, -0.2) if sure else (0.2, 0.4))
    return belief_in(motion.gain + GROUND_GAIN * ground, (0.0, 0.3)) * upright


def _ground(motion: Motion) -> float:
    """How clearly depth looks like that of ground seen from above it, by a camera that explains nearly all, 0 to 1."""
    exact = motion.agreement > SURE_AGREEMENT and motion.fits_exactly
    return belief_in(motion.lower_nearer, (0.3, 0.5)) if exact else 0.0


def _next_gap(motion: Motion, gap: float, frames: int, side_px: int, *, believed: bool) -> float:
    """How far off the next frame should be to compare with, after `gap` was wished for and `frames` was taken."""
    if believed:
        wanted = frames * TARGET_PX / max(motion.parallax_px, LEAST_PX)
    else:
        moved_px = float(np.percentile(motion.turn_residual[::4, ::4], MOVING_PERCENTILE))
        wanted = min(MOST_GROWTH * gap, max(frames * MOVED_PX / max(moved_px, LEAST_PX), LOOK_AHEAD))
    reach = frames * LONGEST_FLOW * side_px / max(motion.length_px, LEAST_PX)
    return float(np.clip(min((1 - FOLLOWED) * gap + FOLLOWED * wanted, reach), 1.0, LONGEST_GAP))


def _offset(frames: int, past: int, ahead: int) -> int:
    """Which frame to compare with, so many away, rather a past one; 0 where there is none at all."""
    if past >= frames or past >= ahead:
        return -min(frames, past)
    return min(frames, ahead)


def _hides(view: View, offset: int, motion: Motion, trust: Array) -> Occlusion | None:
    """Who covers whom if the camera only turns, by frames as far before and after as both may be seen.

    Args:
        view: the frame and those about it.
        offset: of the frame that `motion` is about.
        trust: (h, w) of its flow.
    """
    frames = min(abs(offset), *view.reach)
    if frames == 0:
        return None
    before, after = (
        (view.at(k), (motion.turn if k == offset else _turn(view, k, trust)).flow(*view.grey.shape))
        for k in (-frames, frames)
    )
    return occlusion(view.grey, before, after)


def _turn(view: View, offset: int, trust: Array) -> Turn:
    """How the camera turns on the way to a frame, where `trust` (h, w) in the flow to another is enough to fit one."""
    found = trusted_points(dis_flow(view.grey, view.at(offset), "fast"), trust)
    assert found is not None  # as trust alone decides, and was enough before
    return fit_turn(found[2])


def _sweep(grey: Grey, other: Grey, more: list[Grey], motion: Motion, trust: Array, again: Array) -> Swept | None:
    """Sweep through the frame that `motion` is about and some more; None where too little is sure to say how deep.

    Flow goes smoothly over what is flat, where a sweep finds anything: its depth is a hint where it comes back `again`.
    """
    sure = np.asarray(trust * (trust > TRUSTED) * (motion.residual < WITHIN * motion.noise_px), np.float32)
    known = motion.inverse_depth[sure > 0]
    if known.size < FEWEST_SURE:
        return None
    least, low, high, most = np.percentile(known, RANGE_PERCENTILES)
    farthest, nearest = max(least, low - FARTHEST_TAIL * (high - low)), min(most, high + NEAREST_TAIL * (high - low))
    if not nearest > farthest:
        return None
    views, room = [(other, motion.camera)], RANGE_ROOM * (nearest - farthest)
    for one in more:
        flow = dis_flow(grey, one, "fast")
        views.append((one, fit_camera(flow, sure, motion.inverse_depth, motion.camera.focal, motion.noise_px)))
    swept = sweep(grey, views, farthest - room, nearest + room, (motion.inverse_depth, again))
    apart = np.abs(swept.inverse_depth - motion.inverse_depth) * swept.px_per_unit
    strange = 1 - 1 / (1 + (apart / np.float32(STRANGE_PX + 2 * motion.noise_px)) ** STEEPNESS)
    return replace(swept, sure=swept.sure * (1 - heard(trust) * strange))
