"""How steady depth is over time: its flicker once motion is taken out, and the largest jump of its scale in a shot.

    python -m benchmarks.depth_flicker [worlds] [clips] [--depth NAME] [--shared DIR] [--seed N]

Flicker is the mean change of a px's depth from frame to frame along the flow (the true one on worlds, DIS where it is
trusted on real clips), as a share of the depth's spread (10th to 90th percentile). It is compared with that of maps of
which each is stretched from its own least to its own greatest value, as depth models for pictures are used: once of
frames that are estimated one by one, each knowing nothing of those before it, and once of the very same maps.
The jump is the largest change of spread or middle, in the shot's one scale of 0 to 1 that a conversion uses. Steps
across which less than a tenth of the picture can be followed say nothing, and are left out.
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
LEAST_SEEN = 0.1
LOOKED_AHEAD = 6
"""Frames after a frame that is estimated alone: depth from motion needs some."""


class Step(NamedTuple):
    """From one frame to the next: the flow back (2, h, w) and where it is to be trusted (h, w)."""

    back: Array
    seen: NDArray[np.bool_]


class Steadiness(NamedTuple):
    """Flicker on one scale, of frames estimated and stretched one by one, of the same maps stretched, and the jump."""

    flicker: float
    one_by_one: float
    stretched: float
    jump: float


def steadiness(name: str, rgb: list[torch.Tensor], steps: list[Step]) -> Steadiness:
    """Of one shot's frames (3, H, W); a step less than there are frames."""
    depth = depth_of(name, rgb)
    alone = [depth_of(name, rgb[t : t + 1 + LOOKED_AHEAD])[0] for t in range(len(rgb))]
    values = torch.from_numpy(np.stack(depth))[:, None]
    least = getattr(depth_models.build(name), "least_range", 0.0)
    one = apply_scale(values, shot_scale(frame_percentiles(values), least_range=least))[:, 0].numpy()
    jumps = [jump(*pair) for pair in pairs(list(one), steps)]
    single, same = (flicker([stretched(d) for d in maps], steps) for maps in (alone, depth))
    return Steadiness(flicker(list(one), steps), single, same, max(jumps))


def stretched(depth: Array) -> Array:
    return np.asarray((depth - depth.min()) / max(float(np.ptp(depth)), 1e-9), np.float32)


def pairs(depth: list[Array], steps: list[Step]) -> Iterator[tuple[Array, Array]]:
    """What each frame shows of what the one before showed: the values there, and the values here."""
    for before, now, step in zip(depth[:-1], depth[1:], steps, strict=True):
        if step.seen.mean() < LEAST_SEEN:
            continue
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
    """The first long shot of a film that can be followed, and its steps by DIS."""
    with open_source(path) as source:
        bounds = [0, *find_cuts(source), source.index.frame_count]
        for start, stop in itertools.pairwise(bounds):
            if stop - start < FRAMES // 2:
                continue
            rgb = [frame for part in source.read(start, min(stop, start + FRAMES)) for frame in part.rgb]
            steps = [followed(*pair) for pair in itertools.pairwise(small_grey(frame, WIDTH) for frame in rgb)]
            if np.mean([step.seen.mean() for step in steps]) >= LEAST_SEEN:
                return rgb, steps
    raise SystemExit(f"{path}: no shot of {FRAMES // 2} frames can be followed")


def followed(before: NDArray[np.uint8], now: NDArray[np.uint8]) -> Step:
    back = dis_flow(now, before)
    return Step(back, confidence(back, dis_flow(before, now), now) > TRUSTED)


def show(what: str, one: Steadiness) -> None:
    share = one.flicker / max(one.one_by_one, 1e-9)
    verdicts = ["met" if share <= MOST_SHARE else "MISSED", "met" if one.jump <= MOST_JUMP else "MISSED"]
    print(
        f"  {what}: flicker {one.flicker:.4f}, one by one {one.one_by_one:.4f}, share {share:.2f} ({verdicts[0]}),"
        f" of the same maps stretched {one.flicker / max(one.stretched, 1e-9):.2f};"
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
                show(f"world, {camera}", steadiness(options.depth, rgb, steps))
        else:
            for file in CLIPS:
                rgb, steps = clip(options.shared / "data" / file)
                show(file, steadiness(options.depth, rgb, steps))


if __name__ == "__main__":
    main()
