"""How well our splat finds the right view of random worlds by the left view's true disparity, and how well any could.

Run: python -m benchmarks.scene_warp [WIDTHxHEIGHT ...]

Target: holes with an IoU of 0.995, the rest at 45 dB. Two ceilings stand beside what is measured.

Holes: disparity at pixel centres leaves open where between two centres a surface ends, so that each end of a hole is
known to lie within one px and no better. The best guess is its middle, which labels a quarter of a px wrongly on
average; a hole w px wide then has an expected IoU of (w - 1/4) / (w + 1/4).

Undivided: pixels of which all nine parts, by three times as many rays across and down, are hidden from the other eye,
or all seen by it. There the truth is one or the other, wherever in a pixel edges lie.

Colours: away from edges, the left view is looked up exactly where the truth of the right view says each pixel comes
from, by the same cubic interpolation. What is missing to the right view then is texture finer than the pixels are.
"""

import sys
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import max_pool2d

from benchmarks.machine import describe
from secondeye.scene import Frames, random_shot, render
from secondeye.splat import splat_forward

SIZES = ("256x192", "1024x768", "1920x1080")
PLACES = ("layers", "room", "yard")
SEEDS = range(400, 404)
EDGE_PX = 2
MARGIN_PX = 4


@dataclass(frozen=True)
class Score:
    """One frame's pixels of the holes' intersection and union, of undivided ones, of the ceiling's; and PSNR in dB."""

    inter: int
    union: int
    whole_inter: int
    whole_union: int
    best_inter: float
    best_union: float
    visible: float
    near_edges: float
    inside: float
    inside_ceiling: float


def decibels(error: Tensor) -> float:
    return float(-10 * torch.log10(error.mean()))


def hole_count(hole: NDArray[np.bool_]) -> int:
    """Runs of hole along rows."""
    padded = np.pad(hole, ((0, 0), (1, 0)))
    return int((padded[:, 1:] & ~padded[:, :-1]).sum())


def looked_up(left: Tensor, columns: Tensor) -> Tensor:
    """`left` (3, H, W) at fractional columns (H, W), by Catmull-Rom, kept within the values of its four pixels."""
    first = columns.floor()
    t = columns - first
    a, b, c, d = (
        left.gather(2, (first + k).long().clamp(0, left.shape[2] - 1).expand(3, -1, -1)) for k in (-1, 0, 1, 2)
    )
    cubic = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    four = torch.stack([a, b, c, d])
    return cubic.clamp(four.amin(0), four.amax(0))


def score(frames: Frames, finer: Frames) -> Score:
    assert finer.right_truth is not None
    assert frames.left_truth is not None
    assert frames.right_truth is not None
    truth, view = frames.right_truth, frames.right[0].clamp(0, 1)
    right, found = splat_forward(frames.left, frames.left_truth.disparity)
    true, hole = ~truth.visible[0, 0], found[0, 0]
    height, width = true.shape
    parts = finer.right_truth.visible[0, 0].view(height, 3, width, 3).sum((1, 3))
    hidden, undivided = parts == 0, (parts == 0) | (parts == 9)
    surface, window = truth.surface.float(), 2 * EDGE_PX + 1
    highest, lowest = (sign * max_pool2d(sign * surface, window, 1, EDGE_PX) for sign in (1, -1))
    edge = (highest != lowest)[0, 0]
    columns = torch.arange(true.shape[1]) + truth.disparity[0, 0]
    framed = (columns >= MARGIN_PX) & (columns < true.shape[1] - MARGIN_PX)
    seen = ~(hole | true)
    inside = seen & ~edge & framed
    error = ((right[0] - view) ** 2).mean(0)
    ceiling = ((looked_up(frames.left[0], columns) - view) ** 2).mean(0)
    wrong = hole_count(true.numpy()) / 4
    return Score(
        inter=int((hole & true).sum()),
        union=int((hole | true).sum()),
        whole_inter=int((hole & hidden).sum()),
        whole_union=int(((hole & undivided) | hidden).sum()),
        best_inter=int(true.sum()) - wrong,
        best_union=int(true.sum()) + wrong,
        visible=decibels(error[seen]),
        near_edges=decibels(error[seen & edge]),
        inside=decibels(error[inside]),
        inside_ceiling=decibels(ceiling[inside]),
    )


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def main(sizes: list[str]) -> None:
    print(describe())
    print("size       place   IoU   ceiling  undivided  visible  near edges  inside  ceiling (dB)")
    for size, place in product(sizes or SIZES, PLACES):
        width, height = (int(side) for side in size.split("x"))
        shots = (random_shot(seed, place=place) for seed in SEEDS)
        scores = [
            score(frames, finer)
            for shot in shots
            for frames, finer in zip(
                render(shot, 1, width, height, start=12),
                render(shot, 1, 3 * width, 3 * height, start=12),
                strict=True,
            )
        ]
        iou = sum(one.inter for one in scores) / sum(one.union for one in scores)
        best = sum(one.best_inter for one in scores) / sum(one.best_union for one in scores)
        whole = sum(one.whole_inter for one in scores) / sum(one.whole_union for one in scores)
        visible, near = mean([one.visible for one in scores]), mean([one.near_edges for one in scores])
        inside, ceiling = mean([one.inside for one in scores]), mean([one.inside_ceiling for one in scores])
        holes = f"{iou:.3f}  {best:.3f}    {whole:.3f}"
        print(f"{size:10s} {place:6s} {holes}    {visible:6.1f} {near:9.1f} {inside:9.1f} {ceiling:8.1f}")


if __name__ == "__main__":
    main(sys.argv[1:])
