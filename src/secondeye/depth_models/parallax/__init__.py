"""The depth that ships: motion parallax where the camera moves, a modest ramp where it does not.

    frames -> grey, 480 px -> DIS flow to a frame some way off -> turn or place? -> sweep -> gathered over time -> depth
                              (the way adapts)                    flow/motion.py    sweep.py  fusion.py, prior.py

Nothing is learned and nothing downloaded. An inverted scene is the worst that can happen, so parallax counts only
where it is believed (`believe`), and everything else falls back to the ramp, with what moves on its own standing
on it. Values are inverse depth on a nominal 0 to 1 scale that is kept within a segment; the ramp spans half of it.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from secondeye.depth_models.parallax.fusion import LOST, Fusion, carried, heard
from secondeye.depth_models.parallax.letters import Letters
from secondeye.depth_models.parallax.light import measured
from secondeye.depth_models.parallax.sweep import Swept, sweep
from secondeye.depth_models.parallax.view import View
from secondeye.errors import InputError
from secondeye.flow import confidence, consistency_error, dis_flow, seen_again
from secondeye.flow.camera import fit_camera
from secondeye.flow.motion import GROUND_GAIN, SURE_AGREEMENT, Motion, fit_motion
from secondeye.types import Clip, DepthClip

Grey = NDArray[np.uint8]
Array = NDArray[np.float32]

WIDTH_PX = 480
"""Long side of what flow is found on."""

LOOK_AHEAD = 6
"""Frames held back, so that a shot's first frames have others to be compared with."""

LONGEST_GAP = 12
"""Frames between the two that are compared, at most; slow cameras need long ways."""

FIRST_GAP = 3.0
"""Where a segment starts: nothing is known yet of how fast its camera is."""

LEAST_IN_FLASH = 0.6
"""Share of a frame in another light that must be as it was: highlights that are burnt out would lose their depth."""

ASIDE, LEAST_ASIDE = 4, 3
"""Frames off, of those in which letters stand still; and no fewer at the ends of a shot."""

FIRST_LOOKS, ENOUGH = 3, 0.5
"""Frames that a shot's first is compared with at most, ever farther off, until one shows parallax, and that share of
what is aimed at: what is found out later would change the depth of things while one looks at them."""

TARGET_PX = 7.5
"""Parallax that the gap aims at: a dozen times the noise of DIS, and still within its reach."""

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

MEASURE_EVERY, SOON = 4, 8
"""Frames a measurement, those between are carried along by flow; and frames at a shot's start, where little is known
and the way to the other frame not yet found, of which every other one is measured."""


class Parallax:
    """Motion parallax over a ramp."""

    scaled = False
    least_range = 0.8
    """What a shot's scale spans at least (see `depth.scale.shot_scale`): a mere ramp gets 0.6 of the strength."""

    def __init__(self, width_px: int) -> None:
        self._width_px = self.input_px = width_px

    def estimate(self, clips: Iterator[Clip]) -> Iterator[DepthClip]:
        """One depth clip a clip, six frames behind; inverse depth with a long side of at most 480 px."""
        waiting: deque[Clip] = deque()
        done: list[Tensor] = []
        for depth in follow(self._greys(clips, waiting)):
            done.append(torch.from_numpy(depth)[None])
            if len(done) == len(waiting[0]):
                yield DepthClip(waiting.popleft(), torch.stack(done))
                done = []

    def _greys(self, clips: Iterator[Clip], waiting: deque[Clip]) -> Iterator[Grey]:
        for clip in clips:
            waiting.append(clip)
            for frame in clip.rgb:
                yield small_grey(frame, self._width_px)


def build(width_px: int = WIDTH_PX) -> Parallax:
    """Motion parallax; it needs nothing.

    Args:
        width_px: long side that depth is found at; more is slower and finer, and takes more memory (480: 60 MB, 960:
            260 MB, 1920: 1.0 GB, beside the frames themselves).

    Raises:
        InputError: outside 64 to 1920 px.
    """
    if not 64 <= width_px <= 1920:
        raise InputError(f"width_px {width_px} is outside 64 to 1920; {WIDTH_PX} is a good choice")
    return Parallax(width_px)


def small_grey(rgb: Tensor, width_px: int) -> Grey:
    """A frame (3, H, W) of 0 to 1 as grey (h, w) uint8, its long side at most `width_px`."""
    planes = rgb.detach().to("cpu", torch.float32).numpy()
    height, width = planes.shape[1:]
    scale = min(1.0, width_px / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    red, green, blue = (cv2.resize(np.ascontiguousarray(p), size, interpolation=cv2.INTER_AREA) for p in planes)
    grey = 0.299 * red + 0.587 * green + 0.114 * blue
    return np.asarray(np.rint(np.clip(grey, 0, 1) * 255), np.uint8)


def follow(greys: Iterator[Grey]) -> Iterator[Array]:
    """Inverse depth (h, w) of each frame of one segment, in order."""
    lit, view, letters = measured(greys), View(LONGEST_GAP), Letters()
    fusion: Fusion | None = None
    shown: Array | None = None
    gap, number, held = FIRST_GAP, 0, 0
    while True:
        while len(view.ahead) <= LOOK_AHEAD and (following := next(lit, None)) is not None:
            view.ahead.append(following)
        if not view.ahead:
            return
        same_place = view.go_on()
        if fusion is None or shown is None:
            fusion = Fusion(view.grey)
        elif not same_place:
            fusion.start(view.grey, view.cut_out(shown))
            number = 0
        elif not fusion.advance(*(step := _step(view))):
            if _passes(view, held, step[-1]):
                held += 1
                yield shown
                continue
            if not fusion.advance(*step[:-1]):
                fusion.start(view.grey)
                view.past.clear()
                number = 0
        held = 0
        if number == 0:
            gap = _begin(fusion, view)
        elif number % (2 if number < SOON else MEASURE_EVERY) == 0:
            gap = _take_in(fusion, _look(view, gap), gap)
        shown = view.framed(letters.place(fusion.show(), view.grey, _aside(view)))
        yield shown
        view.past.append(view.frame)
        number += 1


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
    upright = _slope(motion.lower_nearer, -0.5, -0.2) if sure else _slope(motion.lower_nearer, 0.2, 0.4)
    return _slope(motion.gain + GROUND_GAIN * ground, 0.0, 0.3) * upright


def _ground(motion: Motion) -> float:
    """How clearly depth looks like that of ground seen from above it, by a camera that explains nearly all, 0 to 1."""
    exact = motion.agreement > SURE_AGREEMENT and motion.fits_exactly
    return _slope(motion.lower_nearer, 0.3, 0.5) if exact else 0.0


@dataclass(frozen=True)
class Look:
    """What the current frame and another one say, and how far off the next should be; nothing, where all is lost."""

    motion: Motion | None
    trust: Array
    belief: float
    swept: Swept | None
    next_gap: float

    @property
    def is_enough(self) -> bool:
        """Whether it shows parallax, and not only a little."""
        return self.motion is not None and self.belief > 0 and self.motion.parallax_px > ENOUGH * TARGET_PX


def _aside(view: View) -> list[Grey]:
    """Frames a few off, in which all that moves has moved."""
    past, ahead = view.reach
    return [view.at(k) for k in (max(-ASIDE, -past), min(ASIDE, ahead)) if abs(k) >= LEAST_ASIDE]


def _step(view: View) -> tuple[Grey, Array, Grey, float]:
    """The current frame, the flow from it back to the one before, that one, and what share of it must be the same."""
    grey, before = view.grey, view.at(-1)
    least = LOST if view.frame.has_light_of(view.past[-1]) else LEAST_IN_FLASH
    return grey, dis_flow(grey, before, "fast"), before, least


def _passes(view: View, held: int, least: float) -> bool:
    """Whether a frame that is nothing like the one before is a flash or a black frame, after so many of them."""
    if view.frame.is_blank or held >= LOOK_AHEAD:
        return view.frame.is_blank
    before, later = view.at(-1), [view.at(k + 1) for k in range(view.reach[1])]
    return any(carried(before, grey, dis_flow(grey, before, "fast"))[0].mean() > least for grey in later)


def _begin(fusion: Fusion, view: View) -> float:
    """Take in what the first frame says, with the nearest of the following that says enough; the next gap."""
    gap, best = FIRST_GAP, _look(view, FIRST_GAP)
    for _ in range(FIRST_LOOKS - 1):
        if best is None or best.is_enough or round(best.next_gap) == round(gap):
            break
        farther = _look(view, best.next_gap)
        if farther is None or farther.belief < best.belief:
            break
        gap, best = best.next_gap, farther
    return _take_in(fusion, best, gap)


def _take_in(fusion: Fusion, look: Look | None, gap: float) -> float:
    """Add to what is known; the next gap."""
    if look is None:
        return gap
    if look.motion is not None:
        fusion.add(look.motion, look.trust, look.belief, look.swept)
    return look.next_gap


def _look(view: View, gap: float) -> Look | None:
    """Compare the current frame with one about `gap` frames off; None where there is none."""
    offset = _offset(max(1, round(gap)), *view.reach)
    if offset == 0:
        return None
    grey, frames, other = view.grey, abs(offset), view.at(offset)
    forward, backward = dis_flow(grey, other), dis_flow(other, grey)
    error = consistency_error(forward, backward)
    trust = confidence(forward, backward, grey, error)
    motion = fit_motion(forward, trust) if (error > LOST_PX).mean() < MOST_LOST else None
    if motion is None:
        return Look(None, trust, 0.0, None, max(1.0, frames / 2))
    belief = believe(motion)
    swept = None
    if belief > 0:
        past, ahead = view.reach
        more = [view.at(k) for k in (-offset, 2 * offset, -2 * offset) if -past <= k <= ahead]
        again = seen_again(forward, error)
        swept = _sweep(grey, other, more, motion, trust, again)
        if swept is not None and not more:  # what this one does not show is not to be seen anywhere
            swept = replace(swept, sure=swept.sure * again, unmatched=swept.unmatched * again)
    return Look(motion, trust, belief, swept, _next_gap(motion, gap, frames, max(grey.shape), believed=belief > 0))


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


def _slope(value: float, low: float, high: float) -> float:
    return min(max((value - low) / (high - low), 0.0), 1.0)
