"""A floating window: the screen's sides come forward where they cut what stands before the screen.

A thing before the screen that the frame's side cuts seems to be both nearer and farther than that side. Black bars on
one eye alone bring the side itself forward, as near as the thing:

    left eye    ▐▐b b b b b b b b      the left side stands at x = bar there, at 0 in the right eye's view:
    right eye   b b b b b b b b ▐▐     disparity = bar, before the screen; and the right side likewise

Bars follow what the sides cut, so slowly that nobody sees them move, and are never narrower than it asks. The sides are
those of the whole frame: a film with black bars of its own beside the picture is left as it is.
"""

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from secondeye.convert.depth_cache import CachedDepth
from secondeye.geometry import StereoGeometry
from secondeye.types import BoundDepth, Clip, DepthClip, DepthEstimator, Segment, Source, StereoClip

SIDE_SHARE = 0.01
"""Of the width: what is so close to a side is cut by it."""

LEAST_HIGH = 0.02
"""Share of the frame's height that a thing takes, at least; a bright speck brings no side forward."""

EASED_S = 1.0
"""Seconds that a bar takes to become as wide as it is to be, before that is needed."""

FRAMES_AT_ONCE = 16

Widths = NDArray[np.float64]


def nearest_at_sides(inverse_depth: Tensor) -> Tensor:
    """The greatest inverse depth beside the left and the right side, but for specks.

    Args:
        inverse_depth: (T, 1, h, w).

    Returns:
        (T, 2).
    """
    height, width = inverse_depth.shape[2:]
    side, high = max(1, round(SIDE_SHARE * width)), max(1, round(LEAST_HIGH * height))
    found = []
    for strip in (inverse_depth[..., :side], inverse_depth[..., width - side :]):
        rows = strip.amax(dim=3).squeeze(1)  # a thing is as near as the farthest of so many rows that it takes
        found.append(rows.unfold(1, min(high, height), 1).amin(dim=2).amax(dim=1))
    return torch.stack(found, dim=1)


def eased(wanted: Widths, reach: int) -> Widths:
    """Widths (N, 2) over a shot's frames that are nowhere less than wanted, and change slowly over `reach` frames."""
    if len(wanted) == 0 or reach == 0:
        return wanted
    frames = np.arange(len(wanted))
    highest = np.stack([wanted[max(0, k - reach) : k + reach + 1].max(axis=0) for k in frames])
    return np.stack([highest[max(0, k - reach) : k + reach + 1].mean(axis=0) for k in frames])


def window_of(
    source: Source, depth: DepthEstimator, geometry: StereoGeometry, segment: Segment, shot: tuple[int, int]
) -> Widths:
    """Bars left and right (N, 2), px, of a segment's frames.

    They are the same whatever segments a shot is made of, if its depth is: stored depth, and a file's.

    Args:
        source: the film.
        depth: its inverse depth, 0 to 1.
        geometry: of the whole baseline.
        segment: whose frames.
        shot: the first frame of the shot that it belongs to, and the one after its last.
    """
    reach = round(EASED_S * float(source.info.frame_rate))
    first, stop = max(shot[0], segment.start - 2 * reach), min(shot[1], segment.stop + 2 * reach)
    clips = _without_pictures(source, first, stop) if needs_no_pictures(depth) else source.read(first, stop)
    near = torch.cat([nearest_at_sides(clip.inverse_depth) for clip in depth.estimate(clips)])
    wanted = geometry.before_screen(near, source.info.width).to(torch.float64).numpy()
    return eased(wanted, reach)[segment.start - first : segment.stop - first]


def masked(stereo: StereoClip, widths: Widths) -> StereoClip:
    """A clip with bars, (T, 2) px; the ends of bars are soft, so that they move by parts of a px."""
    if not (widths > 0).any():
        return stereo
    left, right = stereo.left.rgb.clone(), stereo.right.rgb.clone()
    for t, (bar, other) in enumerate(widths):
        shade = _shade(float(bar))[: left.shape[3]]
        left[t, :, :, : len(shade)] *= shade
        shade = _shade(float(other))[: right.shape[3]]
        right[t, :, :, right.shape[3] - len(shade) :] *= shade.flip(0)
    return StereoClip(replace(stereo.left, rgb=left), replace(stereo.right, rgb=right))


class Watched:
    """A depth model, and what stands beside the sides of the frames that it has been asked about."""

    def __init__(self, model: DepthEstimator) -> None:
        self.scaled, self._model = model.scaled, model
        self.nearest: list[Tensor] = []

    def estimate(self, clips: Iterator[Clip]) -> Iterator[DepthClip]:
        for depth in self._model.estimate(clips):
            self.nearest.append(nearest_at_sides(depth.inverse_depth))
            yield depth


def _shade(bar: float) -> Tensor:
    """Factors for the px that a bar covers: nothing of all but the last, and a part of that."""
    shade = torch.zeros(math.ceil(bar))
    if bar % 1:
        shade[-1] = 1 - bar % 1
    return shade


def needs_no_pictures(depth: DepthEstimator) -> bool:
    """Whether depth is known of each frame by itself, and without it."""
    return isinstance(depth, CachedDepth | BoundDepth)


def _without_pictures(source: Source, first: int, stop: int) -> Iterator[Clip]:
    """Clips that say which frames they are and how large, and no more."""
    info, black = source.info, torch.zeros(1)
    for start in range(first, stop, FRAMES_AT_ONCE):
        count = min(FRAMES_AT_ONCE, stop - start)
        yield Clip(black.expand(count, 3, info.height, info.width), start, torch.zeros(count, dtype=torch.int64))
