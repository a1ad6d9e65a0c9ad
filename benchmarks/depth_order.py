"""How often a depth model has what is nearer before what is farther: labelled point pairs, real pairs, rendered worlds.

    python -m benchmarks.depth_order [clips] [pairs] [scenes] [--depth NAME] [--shared DIR] [--seed N]

Ordinal accuracy is the share of point pairs whose order is right: pairs labelled by eye on real clips
(tests/depth_order.toml), and pairs drawn at random from true disparity on real stereo pairs, whose two views are taken
for a film of two frames, and on worlds.
"""

import argparse
import os
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.machine import describe
from secondeye import datasets, depth_models
from secondeye.depth_models.parallax import small_grey
from secondeye.depth_models.parallax.prior import ramp
from secondeye.scene import random_shot, render
from secondeye.types import Clip
from secondeye.video.reader import open_source
from secondeye.video.shots import find_cuts

Array = NDArray[np.float32]
LABELS = Path(__file__).parents[1] / "tests" / "depth_order.toml"

BEFORE, AFTER = 40, 8
"""Frames of the clip that are shown to the model around a labelled one."""

MEASURED = (8, 16, 23)
"""Frames of a rendered shot whose depth is measured."""

RANDOM_PAIRS = 20000
LEAST_RATIO = 1.05
"""True disparities, from the farthest, must differ by this to count as ordered."""


def depth_of(name: str, rgb: list[torch.Tensor]) -> list[Array]:
    """Inverse depth of every frame of one shot."""
    clips = (Clip(frame[None], i, torch.tensor([i])) for i, frame in enumerate(rgb))
    return [depth.inverse_depth[0, 0].numpy() for depth in depth_models.build(name).estimate(clips)]


def at(depth: Array, x: float, y: float) -> float:
    """The median around a place given in shares of width and height."""
    h, w = depth.shape
    column, row, reach = int(x * w), int(y * h), max(1, w // 160)
    around = depth[max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1]
    return float(np.median(around))


def labelled(shared: Path) -> Iterator[tuple[str, int, list[list[float]]]]:
    """File, frame and point pairs."""
    for clip in tomllib.loads(LABELS.read_text("utf-8"))["clip"]:
        for frame, pairs in clip.items():
            if frame != "file":
                yield clip["file"], int(frame), pairs


def frames_around(path: Path, frame: int) -> tuple[list[torch.Tensor], int]:
    """The frames of the same shot around one, and its place among them."""
    with open_source(path) as source:
        cuts = [0, *find_cuts(source), source.index.frame_count]
        shot = max(cut for cut in cuts if cut <= frame)
        end = min(cut for cut in cuts if cut > frame)
        start, stop = max(shot, frame - BEFORE), min(end, frame + AFTER)
        return [rgb for clip in source.read(start, stop) for rgb in clip.rgb], frame - start


def clips(name: str, shared: Path) -> None:
    right, total = 0, 0
    for file, frame, pairs in labelled(shared):
        rgb, place = frames_around(shared / "data" / file, frame)
        depth = depth_of(name, rgb)[place]
        wrong = [pair for pair in pairs if at(depth, *pair[:2]) <= at(depth, *pair[2:])]
        right, total = right + len(pairs) - len(wrong), total + len(pairs)
        print(f"  {file} {frame}: {len(pairs) - len(wrong)} of {len(pairs)}" + (f", wrong: {wrong}" if wrong else ""))
    print(f"labelled points, {name}: {right} of {total} right ({right / total:.1%}; target 95 %)")


def ordinal(depth: Array, truth: Array, seed: int = 0) -> float:
    """Share of random pairs in the right order; pairs of nearly one true disparity do not count."""
    h, w = truth.shape
    random = np.random.default_rng(seed)
    rows, columns = random.integers(0, h, (2, RANDOM_PAIRS)), random.integers(0, w, (2, RANDOM_PAIRS))
    true = truth[rows, columns]
    scale_y, scale_x = depth.shape[0] / h, depth.shape[1] / w
    made = depth[(rows * scale_y).astype(int), (columns * scale_x).astype(int)]
    least = np.nanmin(truth)
    near, far = np.maximum(true[0], true[1]) - least, np.minimum(true[0], true[1]) - least
    ordered = np.isfinite(true).all(0) & (near > far * LEAST_RATIO + 0.02 * np.nanmax(truth - least))
    agree = (made[0] > made[1]) == (true[0] > true[1])
    return float(agree[ordered].mean())


def pairs(name: str, shared: Path) -> None:
    found = []
    for video in datasets.build(f"pairs:{shared / 'data'};category=A").videos:
        if not video.has_disparity:
            continue
        frame = next(iter(video.frames()))
        assert frame.disparity is not None
        depth = depth_of(name, [frame.left, frame.right])[0]
        found.append(ordinal(depth, frame.disparity.numpy()))
        print(f"  {video.name}: {found[-1]:.3f}")
    print(f"real pairs as two frames, {name}: mean {np.mean(found):.3f}, worst {min(found):.3f} (targets 0.95, 0.85)")


def scenes(name: str, seed: int, count: int = 5) -> None:
    for camera in ("lateral", "forward", "orbit", "turn", "still"):
        found, alone = [], []
        for number in range(count):
            shot = random_shot(seed + number, camera=camera, place=("room", "yard")[number % 2])
            rgb, truth = [], []
            for frames in render(shot, 24, 480, 270, truth=True):
                rgb += list(frames.left)
                assert frames.left_truth is not None
                truth += [1 / depth[0].numpy() for depth in frames.left_truth.depth_m]
            depths = depth_of(name, rgb)
            found.append(np.mean([ordinal(depths[t], truth[t]) for t in MEASURED]))
            greys = (small_grey(rgb[t], 480).astype(np.float32) / 255 for t in MEASURED)
            alone.append(np.mean([ordinal(ramp(grey), truth[t]) for t, grey in zip(MEASURED, greys, strict=True)]))
        print(
            f"  worlds, {camera}: mean {np.mean(found):.3f}, worst {min(found):.3f}; the ramp alone"
            f" {np.mean(alone):.3f},"
            f" least gain over it {min(np.subtract(found, alone)):+.3f}"
        )


def main() -> None:
    """Run the parts named on the command line, or all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", choices=["clips", "pairs", "scenes", []], default=[])
    parser.add_argument("--depth", default="parallax")
    parser.add_argument("--shared", type=Path, default=Path(os.environ.get("SECONDEYE_SHARED", "../shared")))
    parser.add_argument("--seed", type=int, default=300)
    options = parser.parse_args()
    print(describe())
    for part in options.parts or ["clips", "pairs", "scenes"]:
        if part == "clips":
            clips(options.depth, options.shared)
        elif part == "pairs":
            pairs(options.depth, options.shared)
        else:
            scenes(options.depth, options.seed)


if __name__ == "__main__":
    main()
