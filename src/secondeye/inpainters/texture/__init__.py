"""Carry the background on into each hole, along the lines that its texture has there; the foreground never enters.

    b / / b F F F o o / / b         o  a hole; its colours are a mean of what is known around it, nearest first,
    b b / / F F F o / / b b            where steps across the lines count as much longer than those along them
    b b b / F F F / / b b b

Round a hole's pixel, each row gives what the background shows next to it: the ends of the run of holes there, or the
known pixel straight above or below. They count as background by their disparity, all of it at the far side of the
hole and nothing at its near one, so that no row's choice differs from the next one's for a trifle. The texture has a
direction where gradients at those ends agree (their structure tensor); distance to a source is then that of an
ellipse: as it is along the lines, and up to (1 + STIFFNESS) ** 0.5 times as long across them.

    plan.py    what lies at the ends of every run, how far it is to be trusted, and how its texture runs
    paint.py   the colours that this gives each pixel

Nothing is searched and nothing copied, so that the fill is steady over time; its price is that grain fades with depth.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from secondeye.compiled import run_rows
from secondeye.inpainters._runs import Bools, Floats, count_runs, cpu_array
from secondeye.inpainters.texture.paint import paint_rows, rows_around
from secondeye.inpainters.texture.plan import new_plan, plan_rows, slope_rows
from secondeye.types import Needs, StereoClip, WarpedClip


class Texture:
    """Fills holes along the background's texture; see the module."""

    needs = Needs(window=1, exact=True)

    def inpaint(self, clips: Iterator[WarpedClip]) -> Iterator[StereoClip]:
        """Yield each clip with its holes filled; known pixels pass bit for bit."""
        for clip in clips:
            yield StereoClip(clip.left, replace(clip.left, rgb=fill(clip.right.clone(), clip)))


def build() -> Texture:
    """The inpainter that carries texture on; takes no weights."""
    return Texture()


def fill(right: Tensor, clip: WarpedClip) -> Tensor:
    """Write the holes of `clip` into `right`, (T, 3, H, W), and return it."""
    work = right.to("cpu", torch.float32).contiguous()
    hole, disparity = cpu_array(clip.hole)[:, 0], cpu_array(clip.disparity)[:, 0]
    _fill(work.numpy(), hole, disparity, cpu_array(clip.left.rgb))
    return work if work.data_ptr() == right.data_ptr() else right.copy_(work)


def _fill(right: Floats, hole: Bools, disparity: Floats, left: Floats) -> None:
    """Fill `right` in place: plan every run, find how its texture runs, then paint from known pixels only."""
    rows, first = hole.shape[0] * hole.shape[1], count_runs(hole)
    if not first[-1]:
        return
    plan = new_plan(first)
    near, around = np.empty(hole.shape, np.float32), rows_around()
    run_rows(lambda start, stop: plan_rows(right, hole, disparity, near, plan, start, stop), rows)
    run_rows(lambda start, stop: slope_rows(right, near, plan, start, stop), rows)
    run_rows(lambda start, stop: paint_rows(right, left, near, plan, around, start, stop), rows)
