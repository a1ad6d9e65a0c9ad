"""How well `propagate` fills holes that other frames reveal, and those that none does, beside `stretch`.

Run: python -m benchmarks.propagate [FIRST_SEED LAST_SEED]

Random shots of 21 frames at 480x270 with true disparity, so that nothing but the filling is judged. A pixel counts
where the true right view and our splat agree that the left eye does not see it. It is revealed if what is there rests,
and one of the left views at most 7 frames away shows it: its point falls between four pixels of the same body, at the
same depth. Target: 40 dB where something is revealed, and nowhere less than `stretch`.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.machine import describe
from secondeye import inpainters
from secondeye.scene import Frames, Shot, random_shot, render
from secondeye.scene.camera import views
from secondeye.scene.world import Motion
from secondeye.splat import splat_forward
from secondeye.types import Clip, WarpedClip

WIDTH, HEIGHT, FRAMES, FPS = 480, 270, 21, 24
SEEDS = (200, 219)
NEAR_FRAMES = 7
METHODS = ("stretch", "propagate")


@dataclass(frozen=True)
class Film:
    """A shot as it is splat, its true right views, and the pixels that are judged, both (T, H, W)."""

    clip: WarpedClip
    right: Tensor
    revealed: NDArray[np.bool_]
    hidden: NDArray[np.bool_]


def film(seed: int) -> Film:
    shot = random_shot(seed)
    frames = list(render(shot, FRAMES, WIDTH, HEIGHT))
    left, right = (torch.cat([getattr(one, eye) for one in frames]).clamp(0, 1) for eye in ("left", "right"))
    disparity = torch.cat([one.left_truth.disparity for one in frames if one.left_truth])
    left = (left * 255).round() / 255
    warped, hole = splat_forward(left, disparity)
    clip = WarpedClip(Clip(left, 0, torch.arange(FRAMES)), disparity, warped, hole)
    seen = torch.cat([one.right_truth.visible for one in frames if one.right_truth])
    whole = torch.cat([one.right_truth.alpha for one in frames if one.right_truth]) >= 0.999
    holes = (hole & ~seen & whole)[:, 0].numpy()
    away = frames_away(shot, frames, holes)
    return Film(clip, right, holes & (away <= NEAR_FRAMES), holes & (away > FRAMES))


def frames_away(shot: Shot, frames: list[Frames], holes: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(T, H, W), how many frames away the nearest left view is that shows what rests at a hole; above FRAMES: none."""
    depth, surface = (
        np.concatenate(
            [
                np.stack([getattr(eye, name)[:, 0].numpy() for eye in (one.left_truth, one.right_truth)], 1)
                for one in frames
            ]
        )
        for name in ("depth_m", "surface")
    )
    cameras = views(shot.path, shot.rig, np.arange(FRAMES) / FPS, WIDTH, HEIGHT)
    rays, projections = cameras.rays(), cameras.projections()
    rests = np.array([body.motion == Motion() for body in shot.world.bodies] + [True])  # -1 is the sky
    away = np.full(holes.shape, 2 * FRAMES)
    for t in range(FRAMES):
        y, x = np.nonzero(holes[t] & rests[surface[t, 1]] & np.isfinite(depth[t, 1]))
        pixels = np.stack([x, y, np.ones_like(x)]).astype(np.float64)
        points = cameras.position[t, 1][:, None] + (rays[t, 1] @ pixels) * depth[t, 1, y, x]
        for s in range(FRAMES):
            shown = shows(projections[s, 0], points, surface[t, 1, y, x], surface[s, 0], depth[s, 0])
            away[t, y, x] = np.where(shown, np.minimum(away[t, y, x], abs(s - t)), away[t, y, x])
    return away


def shows(
    projection: NDArray[np.float64],
    points: NDArray[np.float64],
    body: NDArray[np.int64],
    surface: NDArray[np.int64],
    depth: NDArray[np.float32],
) -> NDArray[np.bool_]:
    """Whether the four pixels around each of the points (3, K) of the world show its body at its depth."""
    u, v, z = projection @ np.vstack([points, np.ones(points.shape[1])])
    u, v = u / z, v / z
    inside = (z > 0) & (u >= 1) & (u <= WIDTH - 2) & (v >= 1) & (v <= HEIGHT - 2)
    x, y = (np.where(inside, np.floor(at), 1).astype(np.intp) for at in (u, v))
    for j, i in ((0, 0), (0, 1), (1, 0), (1, 1)):
        inside &= (surface[y + j, x + i] == body) & (np.abs(depth[y + j, x + i] - z) < 0.03 * z + 0.02)
    return np.asarray(inside)


def one_by_one(clip: WarpedClip) -> Iterator[WarpedClip]:
    for t in range(FRAMES):
        one = slice(t, t + 1)
        left = Clip(clip.left.rgb[one], t, clip.left.pts[one])
        yield WarpedClip(left, clip.disparity[one], clip.right[one].clone(), clip.hole[one])


def decibels(errors: list[NDArray[np.float32]]) -> float:
    return float(-10 * np.log10(np.concatenate(errors).mean()))


def main(first: int, last: int) -> None:
    print(describe())
    print(f"seeds {first} to {last}; dB in holes, all pixels together / mean of shots")
    errors: dict[tuple[str, str], list[NDArray[np.float32]]] = {}
    for seed in range(first, last + 1):
        shot = film(seed)
        for method in METHODS:
            made = [stereo.right.rgb for stereo in inpainters.build(method).inpaint(one_by_one(shot.clip))]
            square = ((torch.cat(made) - shot.right) ** 2).mean(1).numpy()
            for name, where in (("revealed", shot.revealed), ("not revealed", shot.hidden)):
                if where.sum() > 200:
                    errors.setdefault((name, method), []).append(square[where])
    for (name, method), shots in sorted(errors.items()):
        each = [decibels([one]) for one in shots]
        middle = float(-10 * np.log10(np.median(np.concatenate(shots))))
        print(f"{name:13s} {method:10s} {decibels(shots):6.2f} / {np.mean(each):6.2f}   median pixel {middle:5.1f}")


if __name__ == "__main__":
    main(*(int(seed) for seed in sys.argv[1:3] or SEEDS))
