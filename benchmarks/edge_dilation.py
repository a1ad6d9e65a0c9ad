"""By how many px foreground edges are best grown before splatting, for sharp depth and for a depth model's.

    python -m benchmarks.edge_dilation [--pairs FOLDER] [--worlds N] [--seed N]

Random worlds at 1920x1080 whose disparity spans 2 % of the width, and pairs of a folder at their own size. Depth is the
true one at full size; the same averaged down to 480 px and enlarged along colours, as `convert` does with a depth
model's; and (worlds) that of `parallax`, fitted to the truth. It is grown by 0 to 4 px, splatted, and holes are filled
by `stretch`. Figures are against the true right view: PSNR of all, of what both eyes see, and of the halo, which is the
8 px of background beside things before it; and which share of thin things (under 9 px) has kept its colour.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.depth_order import depth_of
from benchmarks.machine import describe
from secondeye import datasets, inpainters
from secondeye.depth.gaps import closed_from_behind
from secondeye.depth.upsample import upsample_guided
from secondeye.scene import Shot, random_shot, render
from secondeye.splat import splat_forward
from secondeye.splat.edges import dilate_foreground
from secondeye.types import Clip, WarpedClip

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

WIDTH, HEIGHT = 1920, 1080
STRENGTH = 0.02
MODEL_PX = 480
RADII = range(5)
HALO_PX, THIN_PX, STEP_PX = 8, 9, 1.5
KEPT = 0.1
"""Colour difference (root mean square of the channels) up to which a px of a thin thing is still there."""

MOMENT = 8
"""The frame of a world that is judged; parallax sees those around it."""


class Scene(NamedTuple):
    """Views (3, H, W), disparity (H, W) px of the left one and of the right one, and what both see of the right."""

    left: Tensor
    right: Tensor
    disparity: Array
    right_disparity: Array
    visible: Mask


class Score(NamedTuple):
    """PSNRs in dB, and a share."""

    whole: float
    visible: float
    halo: float
    thin: float


def world(seed: int) -> tuple[Scene, Array]:
    """A world, and what `parallax` says of it, (h, w) fitted to its disparity in px."""
    shot = random_shot(
        seed, camera=("lateral", "forward", "orbit")[seed % 3], place=("layers", "room", "yard")[seed % 3]
    )
    shot = replace(shot, rig=replace(shot.rig, toe_in=False))
    small = next(render(shot, 1, MODEL_PX, MODEL_PX * HEIGHT // WIDTH, start=MOMENT))
    assert small.left_truth is not None
    disparity = small.left_truth.disparity[0, 0].numpy()
    wanted = STRENGTH * MODEL_PX / float(np.subtract(*np.percentile(disparity, (98, 2))))
    shot = replace(shot, rig=replace(shot.rig, baseline_m=wanted * shot.rig.baseline_m))
    made = parallax(shot)
    return seen(shot), fitted(made, disparity * wanted * WIDTH / MODEL_PX)


def seen(shot: Shot) -> Scene:
    frames = next(render(shot, 1, WIDTH, HEIGHT, start=MOMENT))
    left, right = frames.left_truth, frames.right_truth
    assert left is not None
    assert right is not None
    maps = (left.disparity[0, 0].numpy(), right.disparity[0, 0].numpy(), right.visible[0, 0].numpy())
    return Scene(frames.left[0].clamp(0, 1), frames.right[0].clamp(0, 1), *maps)


def parallax(shot: Shot) -> Array:
    """The depth model's map of the judged frame."""
    size = (MODEL_PX, MODEL_PX * HEIGHT // WIDTH)
    rgb = [frame for part in render(shot, MOMENT + 7, *size, truth=False, right=False) for frame in part.left]
    return depth_of("parallax", rgb)[MOMENT]


def fitted(depth: Array, disparity: Array) -> Array:
    """A depth on the scale of a disparity (h, w)."""
    known = np.isfinite(disparity)
    slope, offset = np.polyfit(depth[known], disparity[known], 1)
    return np.asarray(slope * depth + offset, np.float32)


def pair_scenes(folder: Path) -> Iterator[tuple[str, Scene]]:
    """Pairs whose disparity is known nearly everywhere; the rest is taken for background."""
    for video in datasets.build(f"pairs:{folder};category=A").videos:
        if not video.has_disparity:
            continue
        frame = next(iter(video.frames()))
        assert frame.disparity is not None
        disparity = np.asarray(frame.disparity.squeeze().numpy(), np.float32)
        if np.isfinite(disparity).mean() < 0.7:
            continue
        filled = closed_from_behind(np.where(np.isfinite(disparity), disparity, np.nan).astype(np.float32))
        filled = np.where(np.isfinite(filled), filled, np.nanmin(filled)).astype(np.float32)
        shown, hole = splat_forward(torch.from_numpy(filled)[None, None], torch.from_numpy(filled)[None, None])
        yield video.name, Scene(frame.left, frame.right, filled, shown[0, 0].numpy(), ~hole[0, 0].numpy())


def reduced(scene: Scene) -> Array:
    """Its disparity averaged down to what a depth model gives."""
    height, width = scene.disparity.shape
    size = (MODEL_PX, round(MODEL_PX * height / width)) if width > MODEL_PX else (width // 2, height // 2)
    return np.asarray(cv2.resize(scene.disparity, size, interpolation=cv2.INTER_AREA), np.float32)


def enlarged(small: Array, left: Tensor) -> Array:
    """A small map at the size of the frame, as `convert` does it; both in px."""
    low, high = float(small.min()), float(small.max())
    values = torch.from_numpy((small - low) / max(high - low, 1e-6))[None, None].float()
    return np.asarray(upsample_guided(values, left[None])[0, 0].numpy() * (high - low) + low, np.float32)


def scores(scene: Scene, disparity: Array) -> list[Score]:
    """For each radius."""
    return [judged(scene, made(scene.left, disparity, radius)) for radius in RADII]


def made(left: Tensor, disparity: Array, radius: int) -> Tensor:
    """The right view (3, H, W)."""
    grown = dilate_foreground(torch.from_numpy(disparity)[None, None], radius)
    right, hole = splat_forward(left[None], grown)
    warped = WarpedClip(Clip(left[None], 0, torch.arange(1)), grown, right, hole)
    (filled,) = inpainters.build("stretch").inpaint(iter([warped]))
    return filled.right.rgb[0]


def judged(scene: Scene, right: Tensor) -> Score:
    error = ((right - scene.right) ** 2).mean(0).numpy()
    halo, thin = outlines(scene.right_disparity)
    kept = np.sqrt(error[thin]) < KEPT
    return Score(
        decibels(error), decibels(error[scene.visible]), decibels(error[halo]), float(kept.mean()) if kept.size else 1.0
    )


def outlines(disparity: Array) -> tuple[Mask, Mask]:
    """Background beside what is before it, and thin things (H, W)."""
    around = np.ones((2 * HALO_PX + 1, 2 * HALO_PX + 1), np.uint8)
    halo = cv2.dilate(disparity, around) - disparity > STEP_PX
    opened = cv2.morphologyEx(disparity, cv2.MORPH_OPEN, np.ones((THIN_PX, THIN_PX), np.uint8))
    thin = disparity - opened > STEP_PX
    return halo & ~thin, thin


def decibels(error: Array) -> float:
    return float(-10 * np.log10(max(float(error.mean()), 1e-12))) if error.size else float("nan")


def table(what: str, found: list[list[Score]]) -> None:
    """Means over scenes, a line a radius."""
    means = np.nanmean(np.array(found), axis=0)
    best = [int(np.argmax(column)) for column in means.T]
    print(f"{what} ({len(found)} scenes)   whole  visible  halo  thin kept")
    for radius, line in zip(RADII, means, strict=True):
        print(f"  {radius} px   " + "  ".join(f"{value:.2f}" for value in line[:3]) + f"  {line[3]:.1%}")
    print(f"  best: whole {best[0]}, visible {best[1]}, halo {best[2]}, thin {best[3]} px", flush=True)


def main() -> None:
    """Worlds, and pairs where a folder is given."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=Path)
    parser.add_argument("--worlds", type=int, default=9)
    parser.add_argument("--seed", type=int, default=740)
    options = parser.parse_args()
    print(describe())
    full, small, own = [], [], []
    for number in range(options.worlds):
        scene, depth = world(options.seed + number)
        full.append(scores(scene, scene.disparity))
        small.append(scores(scene, enlarged(reduced(scene), scene.left)))
        own.append(scores(scene, enlarged(depth, scene.left)))
    table("worlds, true disparity at full size", full)
    table(f"worlds, true disparity from {MODEL_PX} px", small)
    table("worlds, parallax", own)
    if options.pairs is not None:
        scenes = [scene for _, scene in pair_scenes(options.pairs)]
        table("pairs, true disparity at full size", [scores(scene, scene.disparity) for scene in scenes])
        reduced_pairs = [scores(scene, enlarged(reduced(scene), scene.left)) for scene in scenes]
        table(f"pairs, true disparity from {MODEL_PX} px or half the size", reduced_pairs)


if __name__ == "__main__":
    main()
