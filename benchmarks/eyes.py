"""Which is better: the source as one eye and the other made, or both made, each with half of the disparity.

Run: python -m benchmarks.eyes

Random worlds are seen by three cameras in a row. One eye: the right view is made of the left by its true disparity.
Both eyes: both outer views are made of the middle one. Errors are counted over both eyes, so that the eye that is the
source itself counts as perfect, as it is; holes are filled by `stretch`.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from benchmarks.machine import describe
from secondeye import inpainters
from secondeye.scene import Frames, Shot, random_shot, render
from secondeye.splat import splat_forward
from secondeye.types import Clip, WarpedClip

WIDTH, HEIGHT = 960, 540
PLACES = ("layers", "room", "yard")
SHOTS = 24
FIRST_SEED = 700


class Score(NamedTuple):
    """Mean squared errors of both eyes together and of the worse one, and the share of all pixels that was filled."""

    error: float
    worse: float
    filled: float


def made(view: Tensor, disparity: Tensor) -> tuple[Tensor, Tensor]:
    """What an eye to the right sees, (1, 3, H, W), and what of it was filled."""
    right, hole = splat_forward(view, disparity)
    warped = WarpedClip(Clip(view, 0, torch.arange(1)), disparity, right, hole)
    (filled,) = inpainters.build("stretch").inpaint(iter([warped]))
    return filled.right.rgb, hole


def mirrored(view: Tensor, disparity: Tensor) -> tuple[Tensor, Tensor]:
    """What an eye to the left sees, and what of it was filled."""
    left, hole = made(view.flip(-1), disparity.flip(-1))
    return left.flip(-1), hole.flip(-1)


def squared(made_view: Tensor, true: Tensor) -> float:
    return float(((made_view - true.clamp(0, 1)) ** 2).mean())


def compare(shot: Shot) -> tuple[Score, Score]:
    """One eye, and both."""
    rig = replace(shot.rig, toe_in=False)
    whole, half = (next(seen(replace(shot, rig=replace(rig, baseline_m=share * rig.baseline_m)))) for share in (1, 0.5))
    assert whole.left_truth is not None
    assert half.right_truth is not None
    right, hole = made(whole.left, whole.left_truth.disparity)
    error = squared(right, whole.right)
    one = Score(error / 2, error, float(hole.float().mean()) / 2)
    middle, disparity = half.right.clamp(0, 1), half.right_truth.disparity
    (right, hole), (left, other) = made(middle, disparity), mirrored(middle, disparity)
    errors = squared(right, whole.right), squared(left, whole.left)
    return one, Score(sum(errors) / 2, max(errors), float((hole.float().mean() + other.float().mean()) / 2))


def seen(shot: Shot) -> Iterator[Frames]:
    return render(shot, 1, WIDTH, HEIGHT, start=12)


def decibels(errors: Iterator[float]) -> float:
    """Mean of PSNRs."""
    return float(torch.tensor([-10 * torch.log10(torch.tensor(error)) for error in errors]).mean())


def main() -> None:
    print(describe())
    for place in PLACES:
        scores = [compare(random_shot(FIRST_SEED + k, place=place)) for k in range(SHOTS // len(PLACES))]
        for name, column in zip(("one eye", "both eyes"), zip(*scores, strict=True), strict=True):
            both, worse = decibels(s.error for s in column), decibels(s.worse for s in column)
            filled = sum(s.filled for s in column) / len(column)
            print(f"{place:6s} {name:9s} {both:.2f} dB over both eyes, worse eye {worse:.2f} dB, filled {filled:.2%}")
        better = sum(one.error < both.error for one, both in scores)
        print(f"{place:6s} one eye is better in {better} of {len(scores)} worlds")


if __name__ == "__main__":
    main()
