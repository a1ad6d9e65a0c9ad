"""The depth that ships: motion parallax where the camera moves, a modest ramp where it does not.

    frames -> grey, 480 px -> DIS flow to a frame some way off -> turn or place? -> sweep -> gathered over time -> depth
                              (the way adapts)                    flow/motion.py    sweep.py  fusion.py, prior.py
                              look.py, made ahead of time by scout.py                         letters.py

Nothing is learned and nothing downloaded. An inverted scene is the worst that can happen, so parallax counts only
where it is believed (`look.believe`), and everything else falls back to the ramp, with what moves on its own standing
on it. Values are inverse depth on a nominal 0 to 1 scale that is kept within a segment; the ramp spans half of it.
"""

from collections import deque
from collections.abc import Iterator

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from secondeye.depth_models.parallax.fusion import LOST, Fusion, carried
from secondeye.depth_models.parallax.letters import Letters
from secondeye.depth_models.parallax.light import measured
from secondeye.depth_models.parallax.look import Look, compare
from secondeye.depth_models.parallax.scout import Scout
from secondeye.depth_models.parallax.view import LOOK_AHEAD, View
from secondeye.errors import InputError
from secondeye.flow import dis_flow
from secondeye.types import Clip, DepthClip

Grey = NDArray[np.uint8]
Array = NDArray[np.float32]

WIDTH_PX = 480
"""Long side of what flow is found on."""

FIRST_GAP = 3.0
"""Where a segment starts: nothing is known yet of how fast its camera is."""

LEAST_IN_FLASH = 0.6
"""Share of a frame in another light that must be as it was: highlights that are burnt out would lose their depth."""

ASIDE, LEAST_ASIDE = 4, 3
"""Frames off, of those in which letters stand still; and no fewer at the ends of a shot."""

FIRST_LOOKS = 3
"""Frames that a shot's first is compared with at most, ever farther off, until one shows enough: what is found out
later would change the depth of things while one looks at them."""

MEASURE_EVERY, SOON = 4, 8
"""Frames a measurement, those between are carried along by flow; and frames at a shot's start, where little is known
and the way to the other frame not yet found, of which every other one is measured."""

HELD_BACK = LOOK_AHEAD + MEASURE_EVERY
"""Frames that are read before the current one is shown: the next to be measured must have those about it."""


class Parallax:
    """Motion parallax over a ramp."""

    scaled = False
    least_range = 0.8
    """What a shot's scale spans at least (see `depth.scale.shot_scale`): a mere ramp gets 0.6 of the strength."""

    def __init__(self, width_px: int) -> None:
        self._width_px = self.input_px = width_px

    def estimate(self, clips: Iterator[Clip]) -> Iterator[DepthClip]:
        """One depth clip a clip, ten frames behind; inverse depth with a long side of at most 480 px."""
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
    with Scout() as scout:
        yield from _follow(greys, scout)


def _follow(greys: Iterator[Grey], scout: Scout) -> Iterator[Array]:
    lit, view, letters = measured(greys), View(), Letters()
    fusion: Fusion | None = None
    shown: Array | None = None
    gap, number, held = FIRST_GAP, 0, 0
    while True:
        while len(view.ahead) <= HELD_BACK and (following := next(lit, None)) is not None:
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
        every = 2 if number < SOON else MEASURE_EVERY
        if number % every == 0:
            gap = _take_in(fusion, scout.look(view, gap), gap) if number else _begin(fusion, view)
            scout.send(view, every, gap)
        shown = view.framed(letters.place(fusion.show(), view.grey, _aside(view)))
        yield shown
        view.past.append(view.frame)
        number += 1


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
    gap, best = FIRST_GAP, compare(view, FIRST_GAP)
    for _ in range(FIRST_LOOKS - 1):
        if best.is_enough or round(best.next_gap) == round(gap):
            break
        farther = compare(view, best.next_gap)
        if farther.belief < best.belief:
            break
        gap, best = best.next_gap, farther
    return _take_in(fusion, best, gap)


def _take_in(fusion: Fusion, look: Look, gap: float) -> float:
    """Add to what is known; the next gap."""
    fusion.see(look.meeting)
    if look.motion is not None:
        fusion.add(look.motion, look.trust, look.belief, look.swept, look.hides)
    return look.next_gap
