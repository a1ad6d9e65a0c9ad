"""How well `texture` fills holes that one frame alone has to fill, beside `stretch`; how steady it is, and how fast.

Run: python -m benchmarks.texture [FIRST_SEED LAST_SEED]

One frame of random worlds with true disparity, at 480x270 and 800x450, so that nothing but the filling is judged: the
pixels that our splat leaves open and the left eye truly does not see, apart by whether their hole touches the frame's
border. Steadiness: a still camera and a still background behind things that move; how much a hole's pixel changes
from one frame to the next, in the mean and at the 99th percentile, where it is a hole in both of them. Times are CPU
time over all threads for a 1080p film's frame with 3 % of holes. Real pairs: `secondeye evaluate`, see README.md.
"""

import sys
import time
from types import ModuleType

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.inpainters import film
from benchmarks.machine import describe
from secondeye.inpainters import stretch, texture
from secondeye.metrics._views import inner
from secondeye.scene import Frames, random_shot, render
from secondeye.splat import splat_forward
from secondeye.types import Clip, WarpedClip

SEEDS = (200, 211)
SIZES = ((480, 270), (800, 450))
STEADY_SEEDS = range(6)
STEADY_FRAMES = 9
METHODS: tuple[ModuleType, ...] = (stretch, texture)


def warped(frames: Frames) -> WarpedClip:
    assert frames.left_truth is not None
    left = (frames.left.clamp(0, 1) * 255).round() / 255
    clip = Clip(left, 0, torch.arange(len(left)))
    return WarpedClip(clip, frames.left_truth.disparity, *splat_forward(left, frames.left_truth.disparity))


def decibels(errors: NDArray[np.float32]) -> float:
    return float(-10 * np.log10(errors.mean()))


def accuracy(first: int, last: int) -> None:
    """Print dB in inner holes and in those at the border: mean of frames, and of all pixels together."""
    errors: dict[tuple[str, str], list[NDArray[np.float32]]] = {}
    for seed in range(first, last + 1):
        for width, height in SIZES:
            (frames,) = render(random_shot(seed), 1, width, height, start=12)
            clip, truth = warped(frames), frames.right_truth
            assert truth is not None
            hidden = (~truth.visible & (truth.alpha >= 0.999))[0, 0].numpy()
            parts, open_ = inner(hidden), clip.hole[0, 0].numpy()
            for method in METHODS:
                square = ((method.fill(clip.right.clone(), clip) - frames.right) ** 2).mean(1)[0].numpy()
                for name, where in (("inner", parts & open_), ("border", hidden & ~parts & open_)):
                    if where.sum() >= 200:
                        errors.setdefault((name, method.__name__.split(".")[-1]), []).append(square[where])
    for (name, method_name), each in sorted(errors.items()):
        mean = np.mean([decibels(one) for one in each])
        print(f"{name:7s} {method_name:8s} {mean:6.2f} / {decibels(np.concatenate(each)):6.2f} dB, {len(each)} frames")


def steadiness() -> None:
    """Print how much filled pixels change from frame to frame before what rests, in 255ths."""
    changes: dict[str, list[NDArray[np.float32]]] = {}
    for seed in STEADY_SEEDS:
        frames = list(render(random_shot(seed, place="layers", camera="still"), STEADY_FRAMES, *SIZES[0]))
        clips = [warped(one[t : t + 1]) for one in frames for t in range(len(one))]
        truths = [one.right[t] for one in frames for t in range(len(one))]
        for method in METHODS:
            made = [method.fill(clip.right.clone(), clip)[0] for clip in clips]
            for t in range(len(clips) - 1):
                rests = (truths[t + 1] - truths[t]).abs().amax(0) < 0.5 / 255
                both = clips[t].hole[0, 0] & clips[t + 1].hole[0, 0] & rests
                changes.setdefault(method.__name__.split(".")[-1], []).append(
                    (made[t + 1] - made[t])[:, both].abs().mean(0).numpy()
                )
    for name, each in changes.items():
        together = np.concatenate(each) * 255
        print(f"steady  {name:8s} mean {together.mean():.2f}, 99 % below {np.percentile(together, 99):.1f} of 255")


def speed() -> None:
    """Print CPU time in milliseconds for a frame of 1080p, the best of seven."""
    clip = film()[12]
    times: dict[str, list[float]] = {}
    for _ in range(8):
        for method in METHODS:
            right, begin = clip.right.clone(), time.process_time()
            method.fill(right, clip)
            times.setdefault(method.__name__.split(".")[-1], []).append(1000 * (time.process_time() - begin))
    for name, each in times.items():
        print(f"1080p, {clip.hole.float().mean():.1%} holes: {name:8s} {min(each[1:]):.1f} ms of CPU a frame")


def main(first: int, last: int) -> None:
    print(describe())
    print(f"seeds {first} to {last}; mean of frames / all pixels together")
    accuracy(first, last)
    steadiness()
    speed()


if __name__ == "__main__":
    main(*(int(seed) for seed in sys.argv[1:3] or SEEDS))
