"""How steady depth is over time: its flicker once motion is taken out, and the largest jump of its scale in a shot.

    python -m benchmarks.depth_flicker [worlds] [clips] [--depth NAME] [--shared DIR] [--seed N]

Flicker is the mean change of a px's depth from frame to frame along the flow (the true one on worlds, DIS where it is
trusted on real clips), as a share of the depth's spread (10th to 90th percentile). It is compared with that of the same
maps where each frame is stretched from its own least to its own greatest value, as depth models for pictures are used.
The jump is the largest change of spread or middle, in the shot's one scale of 0 to 1 that a conversion uses.
"""

import argparse
import itertools
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.depth_order import depth_of
from benchmarks.machine import describe
from secondeye import depth_models
from secondeye.depth.scale import apply_scale, frame_percentiles, shot_scale
from secondeye.depth_models.parallax import small_grey
from secondeye.flow import confidence, dis_flow, warp_backward
from secondeye.scene import random_shot, render
from secondeye.video.reader import open_source
from secondeye.video.shots import find_cuts

Array = NDArray[np.float32]

MOST_SHARE, MOST_JUMP = 1 / 3, 0.02
"""Targets: flicker against that of frames stretched alone, and the scale from one frame to the next."""

CLIPS = (
    "C/cotracker_cat/cat.mp4",
    "C/cotracker_bear/bear.mp4",
    "C/bikes_cuts/bikes.mp4",
    "C/cotracker_paragliding-launch/paragliding-launch.mp4",
)
FRAMES, WIDTH, HEIGHT = 48, 480, 270
TRUSTED = 0.5


class Step(NamedTuple):
    """From one frame to the next: the flow back (2, h, w) and where it is to be trusted (h, w)."""

    back: Array
    seen: NDArray[np.bool_]


class Steadiness(NamedTuple):
    """Flicker on one scale, of frames stretched alone, and the largest jump of the one scale."""

    flicker: float
    alone: float
    jump: float


def steadiness(name: str, depth: list[Array], steps: list[Step]) -> Steadiness:
    """Of one shot's maps (h, w); a step less than there are maps."""
    values = torch.from_numpy(np.stack(depth))[:, None]
    least = getattr(depth_models.build(name), "least_range", 0.0)
    one = apply_scale(values, shot_scale(frame_percentiles(values), least_range=least))[:, 0].numpy()
    alone = [(d - d.min()) / max(float(np.ptp(d)), 1e-9) for d in depth]
    jumps = [jump(*pair) for pair in pairs(list(one), steps)]
    return Steadiness(flicker(list(one), steps), flicker(alone, steps), max(jumps))


def pairs(depth: list[Array], steps: list[Step]) -> Iterator[tuple[Array, Array]]:
    """What each frame shows of what the one before showed: the values there, and the values here."""
    for before, now, step in zip(depth[:-1], depth[1:], steps, strict=True):
        yield warp_backward(np.ascontiguousarray(before), step.back)[step.seen], now[step.seen]


def flicker(depth: list[Array], steps: list[Step]) -> float:
    found = [np.abs(now - before).mean() / max(spread(now), 1e-6) for before, now in pairs(depth, steps)]
    return float(np.mean(found))


def jump(before: Array, now: Array) -> float:
    factor = abs(math.log(max(spread(now), 1e-6) / max(spread(before), 1e-6)))
    return max(factor, abs(float(np.median(now - before))))


def spread(values: Array) -> float:
    return float(np.subtract(*np.percentile(values, (90, 10))))


def world(seed: int, camera: str) -> tuple[list[torch.Tensor], list[Step]]:
    """A shot's frames and true steps."""
    shot = random_shot(seed, camera=camera, place=("room", "yard")[seed % 2])
    rgb, steps = [], []
    for frames in render(shot, FRAMES, WIDTH, HEIGHT, truth=True, right=False):
        rgb += list(frames.left)
        truth = frames.left_truth
        assert truth is not None
        steps += [Step(b.numpy(), v[0].numpy()) for b, v in zip(truth.backward, truth.visible_backward, strict=True)]
    return rgb, steps[1:]


def clip(path: Path) -> tuple[list[torch.Tensor], list[Step]]:
    """The first long shot of a film, and its steps by DIS."""
    with open_source(path) as source:
        bounds = [0, *find_cuts(source), source.index.frame_count]
        start, stop = next((a, b) for a, b in itertools.pairwise(bounds) if b - a >= FRAMES // 2)
        rgb = [frame for part in source.read(start, min(stop, start + FRAMES)) for frame in part.rgb]
    greys = [small_grey(frame, WIDTH) for frame in rgb]
    steps = []
    for before, now in itertools.pairwise(greys):
        back = dis_flow(now, before)
        steps.append(Step(back, confidence(back, dis_flow(before, now), now) > TRUSTED))
    return rgb, steps


def show(what: str, one: Steadiness) -> None:
    share = one.flicker / max(one.alone, 1e-9)
    verdicts = ["met" if share <= MOST_SHARE else "MISSED", "met" if one.jump <= MOST_JUMP else "MISSED"]
    print(
        f"  {what}: flicker {one.flicker:.4f}, stretched alone {one.alone:.4f}, share {share:.2f} ({verdicts[0]});"
        f" jump {one.jump:.3f} ({verdicts[1]})",
        flush=True,
    )


def main() -> None:
    """Run the parts named on the command line, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", choices=["worlds", "clips", []], default=[])
    parser.add_argument("--depth", default="parallax")
    parser.add_argument("--shared", type=Path, default=Path(os.environ.get("SECONDEYE_SHARED", "../shared")))
    parser.add_argument("--seed", type=int, default=320)
    options = parser.parse_args()
    print(describe())
    print(f"targets: share at most {MOST_SHARE:.2f}, jump at most {MOST_JUMP:.2f}")
    for part in options.parts or ["worlds", "clips"]:
        if part == "worlds":
            for number, camera in enumerate(("lateral", "forward", "orbit", "turn", "still")):
                rgb, steps = world(options.seed + number, camera)
                show(f"world, {camera}", steadiness(options.depth, depth_of(options.depth, rgb), steps))
        else:
            for file in CLIPS:
                rgb, steps = clip(options.shared / "data" / file)
                show(file, steadiness(options.depth, depth_of(options.depth, rgb), steps))


if __name__ == "__main__":
    main()
